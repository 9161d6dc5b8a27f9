package aws

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
)

// How long a NAT gateway takes, and how long a deleted one is still shown, in life.
const (
	natMade    = 90 * time.Second
	natDeleted = 45 * time.Second
	natShown   = time.Hour
)

// repeated is what a client token has made before; nil for a new one.
func (q *request) repeated(k *ec2Kind) (*emulator.Thing, error) {
	token := text(q.in, "ClientToken")
	if token == "" {
		return nil, nil
	}
	for _, t := range q.Here().All(k.kind) {
		if t.Token == token && reflect.DeepEqual(t.Request, untold(q.in, "ClientToken")) {
			return t, nil
		} else if t.Token == token {
			return nil, fail("IdempotentParameterMismatch", "The client token '%s' was used with other parameters", token)
		}
	}
	return nil, nil
}

// untold is a request without its token.
func untold(in doc, token string) doc {
	bare := maps.Clone(in)
	delete(bare, token)
	return emulator.Copy(bare)
}

// asked keeps what was asked for, to know it again.
func (q *request) asked(t *emulator.Thing) {
	t.Token, t.Request = text(q.in, "ClientToken"), untold(q.in, "ClientToken")
}

func (q *request) createNat() (doc, error) {
	if t, err := q.repeated(&natKind); t != nil || err != nil {
		return q.natAnswer(t), err
	}
	subnet, err := q.find(&subnetKind)
	if err != nil {
		return nil, err
	}
	address, err := q.find(&addressKind)
	if err != nil {
		return nil, err
	}
	if address.Text("associationId") != "" {
		return nil, fail("Resource.AlreadyAssociated", "Elastic IP address [%s] is already associated", address.Name)
	}
	if err := q.roomInZone(subnet); err != nil {
		return nil, err
	}
	t := q.make(&natKind, doc{
		"state": "pending", "subnetId": subnet.Name, "vpcId": subnet.Text("vpcId"), "connectivityType": "public", "createTime": stamp(q.Now),
	}, q.asked, q.soon("available", natMade))
	i := attachInterface(q.Here(), subnet, doc{
		"description": "Interface for NAT Gateway " + t.Name, "interfaceType": "nat_gateway", "requesterId": "amazon-aws",
		"association": doc{"allocationId": address.Name, "publicIp": address.Text("publicIp")},
	}, with(t))
	association := "eipassoc-0" + random(16)
	emulator.Merge(q.Edit(address).Doc, doc{"associationId": association, "networkInterfaceId": i.Name})
	t.Doc["natGatewayAddressSet"] = []any{doc{
		"allocationId": address.Name, "associationId": association, "networkInterfaceId": i.Name, "publicIp": address.Text("publicIp"), "isPrimary": true, "status": "succeeded",
	}}
	q.natTrouble(t)
	return q.natAnswer(t), nil
}

func (q *request) natAnswer(t *emulator.Thing) doc {
	if t == nil {
		return nil
	}
	return doc{"natGateway": show(t), "clientToken": t.Token}
}

// natTrouble has what becomes of a gateway that was accepted in a network without a way out, or that a fault strikes.
func (q *request) natTrouble(t *emulator.Thing) {
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
	return slices.ContainsFunc(q.Here().All("internet-gateway"), func(t *emulator.Thing) bool { return attached(t) == vpc })
}

func (q *request) roomInZone(subnet *emulator.Thing) error {
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
	e.Doc["state"], e.Doc["deleteTime"] = "deleting", stamp(q.Now)
	e.Due = &emulator.Due{At: gone, Set: doc{"state": "deleted"}, Then: &emulator.Due{At: q.Now.Add(max(q.In(natShown), minute)), Gone: true}}
	for _, a := range docs(e.Doc, "natGatewayAddressSet") {
		if i := q.Here().Find("network-interface", "", text(a, "networkInterfaceId")); i != nil {
			q.Edit(i).Due = &emulator.Due{At: gone, Gone: true}
		}
		if address := q.Here().Find("elastic-ip", "", text(a, "allocationId")); address != nil {
			q.Edit(address).Due = &emulator.Due{At: gone, Set: doc{"associationId": nil, "networkInterfaceId": nil}}
		}
	}
	if f, hit := q.Strike(emulator.Creating); hit && f.Stuck {
		e.Due = nil
	}
	return doc{"natGatewayId": t.Name}, nil
}

// stamp is a time as the Query protocols write it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
