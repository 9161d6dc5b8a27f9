package ec2

import (
	"reflect"
	"slices"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// How long a NAT gateway takes, and how long a deleted one is still shown, in life.
const (
	natMade    = 90 * time.Second
	natDeleted = 45 * time.Second
	natShown   = time.Hour
)

// repeated is what a client token has made before; nil for a new one.
func (q *request) repeated(k *Kind) (*emulator.Resource, error) {
	token := core.Text(q.Params, "ClientToken")
	if token == "" {
		return nil, nil
	}
	for _, t := range q.Here().All(k.Name) {
		if t.Token == token && reflect.DeepEqual(t.Request, core.WithoutToken(q.Params, "ClientToken")) {
			return t, nil
		} else if t.Token == token {
			return nil, core.Fail("IdempotentParameterMismatch", "The client token '%s' was used with other parameters", token)
		}
	}
	return nil, nil
}

// asked keeps what was asked for, to know it again.
func (q *request) asked(t *emulator.Resource) {
	t.Token, t.Request = core.Text(q.Params, "ClientToken"), core.WithoutToken(q.Params, "ClientToken")
}

func (q *request) createNat() (doc, error) {
	if t, err := q.repeated(&natKind); t != nil || err != nil {
		return q.natAnswer(t), err
	}
	subnet, err := q.find(&SubnetKind)
	if err != nil {
		return nil, err
	}
	address, err := q.find(&addressKind)
	if err != nil {
		return nil, err
	}
	if address.Text("associationId") != "" {
		return nil, core.Fail("Resource.AlreadyAssociated", "Elastic IP address [%s] is already associated", address.Name)
	}
	if err := q.roomInZone(subnet); err != nil {
		return nil, err
	}
	t := q.make(&natKind, doc{
		"state": "pending", "subnetId": subnet.Name, "vpcId": subnet.Text("vpcId"), "connectivityType": "public", "createTime": core.Stamp(q.Now),
	}, q.asked, q.soon("available", natMade))
	i := AttachInterface(q.Here(), subnet, doc{
		"description": "Interface for NAT Gateway " + t.Name, "interfaceType": "nat_gateway", "requesterId": "amazon-aws",
		"association": doc{"allocationId": address.Name, "publicIp": address.Text("publicIp")},
	}, GoesWith(t))
	association := "eipassoc-0" + core.RandomHex(16)
	emulator.Merge(q.Edit(address).Doc, doc{"associationId": association, "networkInterfaceId": i.Name})
	t.Doc["natGatewayAddressSet"] = []any{doc{
		"allocationId": address.Name, "associationId": association, "networkInterfaceId": i.Name, "publicIp": address.Text("publicIp"), "isPrimary": true, "status": "succeeded",
	}}
	q.natTrouble(t)
	return q.natAnswer(t), nil
}

func (q *request) natAnswer(t *emulator.Resource) doc {
	if t == nil {
		return nil
	}
	return doc{"natGateway": show(t), "clientToken": t.Token}
}

// natTrouble has what becomes of a gateway that was accepted in a network without a way out, or that a fault strikes.
func (q *request) natTrouble(t *emulator.Resource) {
	f, hit := q.Strike(emulator.Creating)
	switch out := q.wayOut(t.Text("vpcId")); {
	case !out:
		t.Due.Set = doc{"state": "failed", "failureCode": "Gateway.NotAttached", "failureMessage": "Network " + t.Text("vpcId") + " has no Internet gateway attached"}
	case hit && f.Stuck:
		t.Due = nil
	case hit:
		t.Due.Set = doc{"state": "failed", "failureCode": f.Code, "failureMessage": f.Message}
	}
}

func (q *request) wayOut(vpc string) bool {
	return slices.ContainsFunc(q.Here().All("internet-gateway"), func(t *emulator.Resource) bool { return attached(t) == vpc })
}

func (q *request) roomInZone(subnet *emulator.Resource) error {
	zone, there := subnet.Text("availabilityZone"), 0
	for _, nat := range q.Here().All("natgateway") {
		if home := q.Here().Find("subnet", "", nat.Text("subnetId")); home != nil && home.Text("availabilityZone") == zone && nat.Text("state") != "deleted" {
			there++
		}
	}
	return q.room(&natKind, there)
}

func (q *request) deleteNat() (doc, error) {
	t, err := q.find(&natKind)
	if err != nil {
		return nil, err
	}
	if t.Text("state") == "deleting" {
		return doc{"natGatewayId": t.Name}, nil
	}
	gone := q.After(natDeleted)
	e := q.Edit(t)
	e.Doc["state"], e.Doc["deleteTime"] = "deleting", core.Stamp(q.Now)
	e.Due = &emulator.Scheduled{At: gone, Set: doc{"state": "deleted"}, Then: &emulator.Scheduled{At: q.Now.Add(max(q.In(natShown), minute)), Gone: true}}
	for _, a := range core.Docs(e.Doc, "natGatewayAddressSet") {
		if i := q.Here().Find("network-interface", "", core.Text(a, "networkInterfaceId")); i != nil {
			q.Edit(i).Due = &emulator.Scheduled{At: gone, Gone: true}
		}
		if address := q.Here().Find("elastic-ip", "", core.Text(a, "allocationId")); address != nil {
			q.Edit(address).Due = &emulator.Scheduled{At: gone, Set: doc{"associationId": nil, "networkInterfaceId": nil}}
		}
	}
	if f, hit := q.Strike(emulator.Creating); hit && f.Stuck {
		e.Due = nil
	}
	return doc{"natGatewayId": t.Name}, nil
}
