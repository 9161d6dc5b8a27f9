package ec2

import (
	"fmt"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

func (q *request) createGateway() (doc, error) {
	if err := q.room(&gatewayKind, len(q.Here().All("internet-gateway"))); err != nil {
		return nil, err
	}
	t := q.make(&gatewayKind, doc{"attachmentSet": []any{}, "ownerId": q.Account})
	return doc{"internetGateway": show(t)}, nil
}

// attached is the network that a gateway is attached to; empty if to none.
func attached(t *emulator.Resource) string {
	for _, a := range core.Docs(t.Doc, "attachmentSet") {
		return core.Text(a, "vpcId")
	}
	return ""
}

// pair is the gateway and the network that a request names.
func (q *request) pair() (gateway, vpc *emulator.Resource, err error) {
	if gateway, err = q.find(&gatewayKind); err == nil {
		vpc, err = q.find(&vpcKind)
	}
	return gateway, vpc, err
}

func (q *request) attachGateway() (doc, error) {
	gateway, vpc, err := q.pair()
	if err != nil {
		return nil, err
	}
	if attached(gateway) != "" {
		return nil, core.Fail("Resource.AlreadyAssociated", "resource %s is already attached to network %s", gateway.Name, attached(gateway))
	}
	for _, other := range q.Here().All("internet-gateway") {
		if attached(other) == vpc.Name {
			return nil, core.Fail("InvalidParameterValue", "Network %s already has an internet gateway attached", vpc.Name)
		}
	}
	q.Edit(gateway).Doc["attachmentSet"] = []any{doc{"vpcId": vpc.Name, "state": "available"}}
	return doc{"return": true}, nil
}

func (q *request) detachGateway() (doc, error) {
	gateway, vpc, err := q.pair()
	if err != nil {
		return nil, err
	}
	if attached(gateway) != vpc.Name {
		return nil, core.Fail("Gateway.NotAttached", "resource %s is not attached to network %s", gateway.Name, vpc.Name)
	}
	for _, i := range q.Here().All("network-interface") {
		if i.Text("vpcId") == vpc.Name && len(core.Sub(i.Doc, "association")) > 0 {
			return nil, core.Fail("DependencyViolation", "Network %s has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.", vpc.Name)
		}
	}
	q.Edit(gateway).Doc["attachmentSet"] = []any{}
	return doc{"return": true}, nil
}

func (q *request) deleteGateway() (doc, error) {
	t, err := q.find(&gatewayKind)
	if err != nil {
		return nil, err
	}
	if attached(t) != "" {
		return nil, core.Fail("DependencyViolation", "The internetGateway '%s' has dependencies and cannot be deleted.", t.Name)
	}
	q.Drop(t)
	return doc{"return": true}, nil
}

func (q *request) allocateAddress() (doc, error) {
	if err := q.room(&addressKind, len(q.Here().All("elastic-ip"))); err != nil {
		return nil, err
	}
	t := q.make(&addressKind, doc{"domain": "vpc", "networkBorderGroup": q.Region, "publicIpv4Pool": "amazon"}, func(t *emulator.Resource) {
		t.Doc["publicIp"] = fmt.Sprintf("203.0.%d.%d", core.Number(core.RandomHex(3))%256, core.Number(core.RandomHex(3))%256)
	})
	return show(t), nil
}

func (q *request) releaseAddress() (doc, error) {
	t, err := q.find(&addressKind)
	if err != nil {
		return nil, err
	}
	if t.Text("associationId") != "" {
		return nil, core.Fail("InvalidIPAddress.InUse", "Address %s is in use.", t.Text("publicIp"))
	}
	q.Drop(t)
	return doc{"return": true}, nil
}

func (q *request) deleteInterface() (doc, error) {
	t, err := q.find(&InterfaceKind)
	if err != nil {
		return nil, err
	}
	if t.Text("status") == "in-use" {
		return nil, core.Fail("InvalidNetworkInterface.InUse", "Network interface '%s' is currently in use.", t.Name)
	}
	q.Drop(t)
	return doc{"return": true}, nil
}

// AttachInterface makes a network interface in a subnet for something that is not its owner's to detach.
func AttachInterface(here emulator.Scope, subnet *emulator.Resource, d doc, more ...func(*emulator.Resource)) *emulator.Resource {
	id := InterfaceKind.Prefix + "0" + core.RandomHex(16)
	base := doc{
		"networkInterfaceId": id, "subnetId": subnet.Name, "vpcId": subnet.Text("vpcId"), "availabilityZone": subnet.Text("availabilityZone"), "ownerId": subnet.Account,
		"status": "in-use", "interfaceType": "interface", "requesterManaged": true, "groupSet": []any{}, "sourceDestCheck": true,
	}
	emulator.Merge(base, d)
	t := emulator.Resource{Kind: InterfaceKind.Name, Name: id, IsID: true, Doc: base}
	for _, m := range more {
		m(&t)
	}
	return here.Make(t, 0)
}
