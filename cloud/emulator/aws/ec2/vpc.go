package ec2

import (
	"net/netip"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

const (
	second = time.Second
	minute = time.Minute
)

// soon is a state that comes after a while.
func (q *request) soon(state string, d time.Duration) func(*emulator.Resource) {
	return func(t *emulator.Resource) {
		t.Due = &emulator.Scheduled{At: q.After(d), Set: doc{"state": state}}
	}
}

// GoesWith makes a thing go with another.
func GoesWith(other *emulator.Resource) func(*emulator.Resource) {
	return func(t *emulator.Resource) { t.With = other.N }
}

// cidr reads a block of IPv4 addresses of a size that AWS takes.
func cidr(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil || !p.Addr().Is4() || p.Masked() != p {
		return p, core.Fail("InvalidParameterValue", "Value (%s) for parameter cidrBlock is invalid. This is not a valid CIDR block.", s)
	}
	return p, nil
}

// The sizes of networks and subnets, as prefix lengths.
const (
	largest  = 16
	smallest = 28
)

func (q *request) createVpc() (doc, error) {
	block, err := cidr(core.Text(q.Params, "CidrBlock"))
	if err != nil {
		return nil, err
	}
	if block.Bits() < largest || block.Bits() > smallest {
		return nil, core.Fail("InvalidVpc.Range", "The CIDR '%s' is invalid.", block)
	}
	if err := q.room(&vpcKind, len(q.Here().All("vpc"))); err != nil {
		return nil, err
	}
	vpc := q.make(&vpcKind, doc{
		"state": "pending", "cidrBlock": block.String(), "ownerId": q.Account, "isDefault": false, "instanceTenancy": "default", "dhcpOptionsId": "dopt-0" + core.RandomHex(16),
		"_dns": doc{"enableDnsSupport": true, "enableDnsHostnames": false},
	}, q.soon("available", second))
	q.make(&tableKind, doc{
		"vpcId": vpc.Name, "ownerId": q.Account, "routeSet": []any{localRoute(block.String())},
		"associationSet": []any{doc{"routeTableAssociationId": "rtbassoc-0" + core.RandomHex(16), "main": true, "associationState": doc{"state": "associated"}}},
	}, GoesWith(vpc), nameAssociations)
	q.make(&GroupKind, doc{
		"vpcId": vpc.Name, "ownerId": q.Account, "groupName": "default", "groupDescription": "default VPC security group",
		"ipPermissions": []any{}, "ipPermissionsEgress": []any{AllTraffic()},
	}, GoesWith(vpc), func(t *emulator.Resource) {
		t.Doc["ipPermissions"] = []any{doc{"ipProtocol": "-1", "groups": []any{doc{"groupId": t.Name, "userId": q.Account}}}}
	})
	return doc{"vpc": show(vpc)}, nil
}

func (q *request) deleteVpc() (doc, error) {
	vpc, err := q.find(&vpcKind)
	if err == nil {
		err = q.free(&vpcKind, vpc)
	}
	if err != nil {
		return nil, err
	}
	q.Drop(vpc)
	return doc{"return": true}, nil
}

func (q *request) describeVpcAttribute() (doc, error) {
	vpc, err := q.find(&vpcKind)
	if err != nil {
		return nil, err
	}
	attribute := core.Text(q.Params, "Attribute")
	v, known := core.Sub(vpc.Doc, "_dns")[attribute]
	if !known {
		return nil, core.Fail("InvalidParameterValue", "Value (%s) for parameter attribute is invalid.", attribute)
	}
	return doc{"vpcId": vpc.Name, attribute: doc{"value": v}}, nil
}

func (q *request) modifyVpcAttribute() (doc, error) {
	vpc, err := q.find(&vpcKind)
	if err != nil {
		return nil, err
	}
	dns := core.Sub(q.Edit(vpc).Doc, "_dns")
	changed := 0
	for _, attribute := range []string{"enableDnsSupport", "enableDnsHostnames"} {
		if v := core.Sub(q.Params, core.Capital(attribute)); len(v) > 0 {
			dns[attribute] = core.Yes(v, "Value")
			changed++
		}
	}
	if changed != 1 {
		return nil, core.Fail("InvalidParameterCombination", "Exactly one attribute may be modified at a time")
	}
	return doc{"return": true}, nil
}

func (q *request) createSubnet() (doc, error) {
	vpc, err := q.find(&vpcKind)
	if err != nil {
		return nil, err
	}
	block, err := cidr(core.Text(q.Params, "CidrBlock"))
	if err != nil {
		return nil, err
	}
	whole, _ := netip.ParsePrefix(vpc.Text("cidrBlock"))
	if block.Bits() < largest || block.Bits() > smallest || !whole.Contains(block.Addr()) || block.Bits() < whole.Bits() {
		return nil, core.Fail("InvalidSubnet.Range", "The CIDR '%s' is invalid.", block)
	}
	there := 0
	for _, other := range q.Here().All("subnet") {
		if other.Text("vpcId") != vpc.Name {
			continue
		}
		there++
		if taken, _ := netip.ParsePrefix(other.Text("cidrBlock")); taken.Overlaps(block) {
			return nil, core.Fail("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", block)
		}
	}
	if err := q.room(&SubnetKind, there); err != nil {
		return nil, err
	}
	zone, err := q.zone()
	if err != nil {
		return nil, err
	}
	t := q.make(&SubnetKind, doc{
		"state": "pending", "vpcId": vpc.Name, "cidrBlock": block.String(), "availabilityZone": zone, "availabilityZoneId": zoneID(q.Region, zone),
		"availableIpAddressCount": 1<<(32-block.Bits()) - 5, "defaultForAz": false, "mapPublicIpOnLaunch": false, "ownerId": q.Account,
	}, q.soon("available", second), func(t *emulator.Resource) {
		t.Doc["subnetArn"] = "arn:aws:ec2:" + q.Region + ":" + q.Account + ":subnet/" + t.Name
	})
	return doc{"subnet": show(t)}, nil
}

func (q *request) deleteSubnet() (doc, error) {
	t, err := q.find(&SubnetKind)
	if err == nil {
		err = q.free(&SubnetKind, t)
	}
	if err != nil {
		return nil, err
	}
	q.dissociate(t.Name)
	q.Drop(t)
	return doc{"return": true}, nil
}

func (q *request) modifySubnetAttribute() (doc, error) {
	t, err := q.find(&SubnetKind)
	if err != nil {
		return nil, err
	}
	public := core.Sub(q.Params, "MapPublicIpOnLaunch")
	if len(public) == 0 {
		return nil, core.Fail("InvalidParameterValue", "mapPublicIpOnLaunch is the one attribute that can be modified here")
	}
	q.Edit(t).Doc["mapPublicIpOnLaunch"] = core.Yes(public, "Value")
	return doc{"return": true}, nil
}
