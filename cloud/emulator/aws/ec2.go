package aws

import (
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
)

// ec2Kind is what one kind of EC2's things has in common with the others, and where it differs.
type ec2Kind struct {
	kind    string
	prefix  string // of its ids
	id      string // the field that is its id; as a parameter it begins with a capital letter
	set     string // what Describe answers
	absent  string // the code for an id that is none
	filters map[string]string
	uses    []use  // who has to go first
	remade  string // the quota of them
	limit   string // the code when that is full
}

// use is a field of another kind by which its things hold on to one.
type use struct{ kind, field string }

var (
	vpcKind = ec2Kind{
		kind: "vpc", prefix: "vpc-", id: "vpcId", set: "vpcSet", absent: "InvalidVpcID.NotFound",
		filters: map[string]string{"state": "state", "cidr": "cidrBlock", "is-default": "isDefault", "owner-id": "ownerId"},
		uses: []use{
			{"subnet", "vpcId"}, {"internet-gateway", "attachmentSet.vpcId"}, {"network-interface", "vpcId"},
			{"security-group", "vpcId"}, {"route-table", "vpcId"},
		},
		remade: "vpcs", limit: "VpcLimitExceeded",
	}
	subnetKind = ec2Kind{
		kind: "subnet", prefix: "subnet-", id: "subnetId", set: "subnetSet", absent: "InvalidSubnetID.NotFound",
		filters: map[string]string{"vpc-id": "vpcId", "state": "state", "availability-zone": "availabilityZone", "cidr-block": "cidrBlock", "map-public-ip-on-launch": "mapPublicIpOnLaunch"},
		uses:    []use{{"network-interface", "subnetId"}},
		remade:  "subnets-per-vpc", limit: "SubnetLimitExceeded",
	}
	gatewayKind = ec2Kind{
		kind: "internet-gateway", prefix: "igw-", id: "internetGatewayId", set: "internetGatewaySet", absent: "InvalidInternetGatewayID.NotFound",
		filters: map[string]string{"attachment.vpc-id": "attachmentSet.vpcId", "attachment.state": "attachmentSet.state"},
		remade:  "internet-gateways", limit: "InternetGatewayLimitExceeded",
	}
	addressKind = ec2Kind{
		kind: "elastic-ip", prefix: "eipalloc-", id: "allocationId", set: "addressesSet", absent: "InvalidAllocationID.NotFound",
		filters: map[string]string{"association-id": "associationId", "domain": "domain", "public-ip": "publicIp", "network-interface-id": "networkInterfaceId"},
		remade:  "addresses", limit: "AddressLimitExceeded",
	}
	natKind = ec2Kind{
		kind: "natgateway", prefix: "nat-", id: "natGatewayId", set: "natGatewaySet", absent: "NatGatewayNotFound",
		filters: map[string]string{"state": "state", "subnet-id": "subnetId", "vpc-id": "vpcId"},
		remade:  "nat-gateways-per-zone", limit: "NatGatewayLimitExceeded",
	}
	tableKind = ec2Kind{
		kind: "route-table", prefix: "rtb-", id: "routeTableId", set: "routeTableSet", absent: "InvalidRouteTableID.NotFound",
		filters: map[string]string{
			"vpc-id": "vpcId", "association.main": "associationSet.main", "association.subnet-id": "associationSet.subnetId",
			"association.route-table-association-id": "associationSet.routeTableAssociationId", "association.route-table-id": "associationSet.routeTableId",
			"route.nat-gateway-id": "routeSet.natGatewayId", "route.gateway-id": "routeSet.gatewayId", "route.destination-cidr-block": "routeSet.destinationCidrBlock",
		},
		remade: "route-tables-per-vpc", limit: "RouteTableLimitExceeded",
	}
	groupKind = ec2Kind{
		kind: "security-group", prefix: "sg-", id: "groupId", set: "securityGroupInfo", absent: "InvalidGroup.NotFound",
		filters: map[string]string{"vpc-id": "vpcId", "group-name": "groupName", "description": "groupDescription"},
		uses:    []use{{"network-interface", "groupSet.groupId"}, {"security-group", "ipPermissions.groups.groupId"}, {"security-group", "ipPermissionsEgress.groups.groupId"}},
		remade:  "security-groups-per-vpc", limit: "SecurityGroupLimitExceeded",
	}
	interfaceKind = ec2Kind{
		kind: "network-interface", prefix: "eni-", id: "networkInterfaceId", set: "networkInterfaceSet", absent: "InvalidNetworkInterfaceID.NotFound",
		filters: map[string]string{
			"vpc-id": "vpcId", "subnet-id": "subnetId", "status": "status", "group-id": "groupSet.groupId", "description": "description",
			"interface-type": "interfaceType", "requester-id": "requesterId", "attachment.instance-id": "attachment.instanceId", "attachment.status": "attachment.status",
		},
	}
)

var ec2Kinds = []*ec2Kind{&vpcKind, &subnetKind, &gatewayKind, &addressKind, &natKind, &tableKind, &groupKind, &interfaceKind, &volumeKind}

var ec2Actions = map[string]func(*request) (doc, error){
	"DescribeAvailabilityZones":     (*request).describeZones,
	"DescribeInstanceTypeOfferings": (*request).describeOfferings,

	"CreateVpc": (*request).createVpc, "DescribeVpcs": describes(&vpcKind), "DeleteVpc": (*request).deleteVpc,
	"DescribeVpcAttribute": (*request).describeVpcAttribute, "ModifyVpcAttribute": (*request).modifyVpcAttribute,

	"CreateSubnet": (*request).createSubnet, "DescribeSubnets": describes(&subnetKind), "DeleteSubnet": (*request).deleteSubnet,
	"ModifySubnetAttribute": (*request).modifySubnetAttribute,

	"CreateInternetGateway": (*request).createGateway, "DescribeInternetGateways": describes(&gatewayKind), "DeleteInternetGateway": (*request).deleteGateway,
	"AttachInternetGateway": (*request).attachGateway, "DetachInternetGateway": (*request).detachGateway,

	"AllocateAddress": (*request).allocateAddress, "DescribeAddresses": describes(&addressKind), "ReleaseAddress": (*request).releaseAddress,

	"CreateNatGateway": (*request).createNat, "DescribeNatGateways": describes(&natKind), "DeleteNatGateway": (*request).deleteNat,

	"CreateRouteTable": (*request).createTable, "DescribeRouteTables": describes(&tableKind), "DeleteRouteTable": (*request).deleteTable,
	"CreateRoute": (*request).createRoute, "DeleteRoute": (*request).deleteRoute, "ReplaceRoute": (*request).replaceRoute,
	"AssociateRouteTable": (*request).associateTable, "DisassociateRouteTable": (*request).disassociateTable,

	"CreateSecurityGroup": (*request).createGroup, "DescribeSecurityGroups": describes(&groupKind), "DeleteSecurityGroup": (*request).deleteGroup,
	"AuthorizeSecurityGroupIngress": authorizes("ipPermissions"), "AuthorizeSecurityGroupEgress": authorizes("ipPermissionsEgress"),
	"RevokeSecurityGroupIngress": revokes("ipPermissions"), "RevokeSecurityGroupEgress": revokes("ipPermissionsEgress"),

	"DescribeNetworkInterfaces": describes(&interfaceKind), "DeleteNetworkInterface": (*request).deleteInterface,

	"CreateVolume": (*request).createVolume, "DescribeVolumes": describes(&volumeKind), "DeleteVolume": (*request).deleteVolume,

	"CreateTags": (*request).createTags, "DeleteTags": (*request).deleteTags, "DescribeTags": (*request).describeTags,
}

// capital is a field's name as a parameter.
func capital(field string) string { return strings.ToUpper(field[:1]) + field[1:] }

// find is the thing that a parameter names, as it is shown to the caller.
func (q *request) find(k *ec2Kind) (*emulator.Thing, error) {
	return q.named(k, text(q.in, capital(k.id)))
}

func (q *request) named(k *ec2Kind, id string) (*emulator.Thing, error) {
	if id == "" {
		return nil, fail("MissingParameter", "The request must contain the parameter %s", k.id)
	}
	t := q.Here().See(k.kind, "", id)
	if t == nil || k == &natKind && t.Text("state") == "deleted" && !onlyLooks(q.op) {
		return nil, fail(k.absent, "The %s ID '%s' does not exist", k.id, id)
	}
	return t, nil
}

// seen is how long others do not see a new thing of EC2's, in life.
const seen = second

// make makes a thing with the tags that are asked for.
func (q *request) make(k *ec2Kind, d doc, more ...func(*emulator.Thing)) *emulator.Thing {
	id := k.prefix + "0" + random(16)
	d[k.id] = id
	t := emulator.Thing{Kind: k.kind, Name: id, IsID: true, Doc: d, Tags: q.tagsFor(k.kind)}
	for _, m := range more {
		m(&t)
	}
	return q.Here().Make(t, seen)
}

// room says whether one more may be made beside those that there are.
func (q *request) room(k *ec2Kind, there int) error {
	if most := q.server.accounts.quota(q.Account, k.remade); there >= most {
		return fail(k.limit, "The maximum number of %s has been reached: %d", k.remade, most)
	}
	return nil
}

// used says whether something still holds on to a thing.
func (q *request) used(k *ec2Kind, t *emulator.Thing) bool {
	for _, u := range k.uses {
		for _, other := range q.Here().All(u.kind) {
			if other.With != t.N && other.N != t.N && slices.Contains(values(other.Doc, strings.Split(u.field, ".")), t.Name) {
				return true
			}
		}
	}
	return false
}

// free is a refusal while something still holds on to a thing.
func (q *request) free(k *ec2Kind, t *emulator.Thing) error {
	if q.used(k, t) {
		return fail("DependencyViolation", "The %s '%s' has dependencies and cannot be deleted.", k.id, t.Name)
	}
	return nil
}

// show is a thing as it is shown: without the fields that are our own, which begin with an underscore.
func show(t *emulator.Thing) doc {
	d := visible(t)
	d["tagSet"] = tagSet(t.Tags)
	return d
}

func visible(t *emulator.Thing) doc {
	d := emulator.Copy(t.Doc)
	for field := range d {
		if strings.HasPrefix(field, "_") {
			delete(d, field)
		}
	}
	return d
}

// describes is the Describe of a kind.
func describes(k *ec2Kind) func(*request) (doc, error) {
	return func(q *request) (doc, error) {
		ids := texts(q.in, capital(k.id))
		for _, id := range ids {
			if _, err := q.named(k, id); err != nil {
				return nil, err
			}
		}
		filters, err := q.filters(k)
		if err != nil {
			return nil, err
		}
		var found []any
		for _, t := range q.Here().Shown(k.kind) {
			if (len(ids) == 0 || slices.Contains(ids, t.Name)) && filters.pass(t) {
				found = append(found, show(t))
			}
		}
		return q.page(k.set, found)
	}
}
