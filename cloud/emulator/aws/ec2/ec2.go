// Package ec2 emulates EC2 as far as networks need it: VPCs, subnets, gateways, addresses, NAT gateways, route tables,
// security groups, network interfaces and volumes, with the tags and filters of all of them. It starts no instance.
//
// Begin with ec2.go: a row for each kind, and the operations; each operation is in the file of its kind. What a call
// asks for is in rights.go. All state is in the world: an operation runs alone under its lock, is kept in its journal
// as a whole or not at all, and keeps nothing here.
package ec2

import (
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// Kind is what one kind of EC2's things has in common with the others, and where it differs.
type Kind struct {
	Name    string
	Prefix  string // of its ids
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
	vpcKind = Kind{
		Name: "vpc", Prefix: "vpc-", id: "vpcId", set: "vpcSet", absent: "InvalidVpcID.NotFound",
		filters: map[string]string{"state": "state", "cidr": "cidrBlock", "is-default": "isDefault", "owner-id": "ownerId"},
		uses: []use{
			{"subnet", "vpcId"}, {"internet-gateway", "attachmentSet.vpcId"}, {"network-interface", "vpcId"},
			{"security-group", "vpcId"}, {"route-table", "vpcId"},
		},
		remade: "vpcs", limit: "VpcLimitExceeded",
	}
	// SubnetKind is that of subnets.
	SubnetKind = Kind{
		Name: "subnet", Prefix: "subnet-", id: "subnetId", set: "subnetSet", absent: "InvalidSubnetID.NotFound",
		filters: map[string]string{"vpc-id": "vpcId", "state": "state", "availability-zone": "availabilityZone", "cidr-block": "cidrBlock", "map-public-ip-on-launch": "mapPublicIpOnLaunch"},
		uses:    []use{{"network-interface", "subnetId"}},
		remade:  "subnets-per-vpc", limit: "SubnetLimitExceeded",
	}
	gatewayKind = Kind{
		Name: "internet-gateway", Prefix: "igw-", id: "internetGatewayId", set: "internetGatewaySet", absent: "InvalidInternetGatewayID.NotFound",
		filters: map[string]string{"attachment.vpc-id": "attachmentSet.vpcId", "attachment.state": "attachmentSet.state"},
		remade:  "internet-gateways", limit: "InternetGatewayLimitExceeded",
	}
	addressKind = Kind{
		Name: "elastic-ip", Prefix: "eipalloc-", id: "allocationId", set: "addressesSet", absent: "InvalidAllocationID.NotFound",
		filters: map[string]string{"association-id": "associationId", "domain": "domain", "public-ip": "publicIp", "network-interface-id": "networkInterfaceId"},
		remade:  "addresses", limit: "AddressLimitExceeded",
	}
	natKind = Kind{
		Name: "natgateway", Prefix: "nat-", id: "natGatewayId", set: "natGatewaySet", absent: "NatGatewayNotFound",
		filters: map[string]string{"state": "state", "subnet-id": "subnetId", "vpc-id": "vpcId"},
		remade:  "nat-gateways-per-zone", limit: "NatGatewayLimitExceeded",
	}
	tableKind = Kind{
		Name: "route-table", Prefix: "rtb-", id: "routeTableId", set: "routeTableSet", absent: "InvalidRouteTableID.NotFound",
		filters: map[string]string{
			"vpc-id": "vpcId", "association.main": "associationSet.main", "association.subnet-id": "associationSet.subnetId",
			"association.route-table-association-id": "associationSet.routeTableAssociationId", "association.route-table-id": "associationSet.routeTableId",
			"route.nat-gateway-id": "routeSet.natGatewayId", "route.gateway-id": "routeSet.gatewayId", "route.destination-cidr-block": "routeSet.destinationCidrBlock",
		},
		remade: "route-tables-per-vpc", limit: "RouteTableLimitExceeded",
	}
	// GroupKind is that of security groups.
	GroupKind = Kind{
		Name: "security-group", Prefix: "sg-", id: "groupId", set: "securityGroupInfo", absent: "InvalidGroup.NotFound",
		filters: map[string]string{"vpc-id": "vpcId", "group-name": "groupName", "description": "groupDescription"},
		uses:    []use{{"network-interface", "groupSet.groupId"}, {"security-group", "ipPermissions.groups.groupId"}, {"security-group", "ipPermissionsEgress.groups.groupId"}},
		remade:  "security-groups-per-vpc", limit: "SecurityGroupLimitExceeded",
	}
	// InterfaceKind is that of network interfaces.
	InterfaceKind = Kind{
		Name: "network-interface", Prefix: "eni-", id: "networkInterfaceId", set: "networkInterfaceSet", absent: "InvalidNetworkInterfaceID.NotFound",
		filters: map[string]string{
			"vpc-id": "vpcId", "subnet-id": "subnetId", "status": "status", "group-id": "groupSet.groupId", "description": "description",
			"interface-type": "interfaceType", "requester-id": "requesterId", "attachment.instance-id": "attachment.instanceId", "attachment.status": "attachment.status",
		},
	}
)

var kinds = []*Kind{&vpcKind, &SubnetKind, &gatewayKind, &addressKind, &natKind, &tableKind, &GroupKind, &InterfaceKind, &volumeKind}

// doc is a document in the words of the wire.
type doc = core.Doc

// request is one call of an operation of EC2.
type request struct{ *core.Request }

// Service is EC2 as the server has it.
var Service = core.Service{
	Actions: core.Operations(func(r *core.Request) *request { return &request{r} }, actions), Kinds: names(), Rights: rightsOf,
}

func names() (all []string) {
	for _, k := range kinds {
		all = append(all, k.Name)
	}
	return all
}

var actions = map[string]func(*request) (doc, error){
	"DescribeAvailabilityZones":     (*request).describeZones,
	"DescribeInstanceTypeOfferings": (*request).describeOfferings,

	"CreateVpc": (*request).createVpc, "DescribeVpcs": describes(&vpcKind), "DeleteVpc": (*request).deleteVpc,
	"DescribeVpcAttribute": (*request).describeVpcAttribute, "ModifyVpcAttribute": (*request).modifyVpcAttribute,

	"CreateSubnet": (*request).createSubnet, "DescribeSubnets": describes(&SubnetKind), "DeleteSubnet": (*request).deleteSubnet,
	"ModifySubnetAttribute": (*request).modifySubnetAttribute,

	"CreateInternetGateway": (*request).createGateway, "DescribeInternetGateways": describes(&gatewayKind), "DeleteInternetGateway": (*request).deleteGateway,
	"AttachInternetGateway": (*request).attachGateway, "DetachInternetGateway": (*request).detachGateway,

	"AllocateAddress": (*request).allocateAddress, "DescribeAddresses": describes(&addressKind), "ReleaseAddress": (*request).releaseAddress,

	"CreateNatGateway": (*request).createNat, "DescribeNatGateways": describes(&natKind), "DeleteNatGateway": (*request).deleteNat,

	"CreateRouteTable": (*request).createTable, "DescribeRouteTables": describes(&tableKind), "DeleteRouteTable": (*request).deleteTable,
	"CreateRoute": (*request).createRoute, "DeleteRoute": (*request).deleteRoute, "ReplaceRoute": (*request).replaceRoute,
	"AssociateRouteTable": (*request).associateTable, "DisassociateRouteTable": (*request).disassociateTable,

	"CreateSecurityGroup": (*request).createGroup, "DescribeSecurityGroups": describes(&GroupKind), "DeleteSecurityGroup": (*request).deleteGroup,
	"AuthorizeSecurityGroupIngress": authorizes("ipPermissions"), "AuthorizeSecurityGroupEgress": authorizes("ipPermissionsEgress"),
	"RevokeSecurityGroupIngress": revokes("ipPermissions"), "RevokeSecurityGroupEgress": revokes("ipPermissionsEgress"),

	"DescribeNetworkInterfaces": describes(&InterfaceKind), "DeleteNetworkInterface": (*request).deleteInterface,

	"CreateVolume": (*request).createVolume, "DescribeVolumes": describes(&volumeKind), "DeleteVolume": (*request).deleteVolume,

	"CreateTags": (*request).createTags, "DeleteTags": (*request).deleteTags, "DescribeTags": (*request).describeTags,
}

// find is the thing that a parameter names, as it is shown to the caller.
func (q *request) find(k *Kind) (*emulator.Resource, error) {
	return q.named(k, core.Text(q.Params, core.Capital(k.id)))
}

func (q *request) named(k *Kind, id string) (*emulator.Resource, error) {
	if id == "" {
		return nil, core.Fail("MissingParameter", "The request must contain the parameter %s", k.id)
	}
	t := q.Here().See(k.Name, "", id)
	if t == nil || k == &natKind && t.Text("state") == "deleted" && !core.OnlyLooks(q.Op) {
		return nil, core.Fail(k.absent, "The %s ID '%s' does not exist", k.id, id)
	}
	return t, nil
}

// seen is how long others do not see a new thing of EC2's, in life.
const seen = second

// make makes a thing with the tags that are asked for.
func (q *request) make(k *Kind, d doc, more ...func(*emulator.Resource)) *emulator.Resource {
	id := k.Prefix + "0" + core.RandomHex(16)
	d[k.id] = id
	t := emulator.Resource{Kind: k.Name, Name: id, IsID: true, Doc: d, Tags: q.tagsFor(k.Name)}
	for _, m := range more {
		m(&t)
	}
	return q.Here().Make(t, seen)
}

// room says whether one more may be made beside those that there are.
func (q *request) room(k *Kind, there int) error {
	if most := q.Cloud.Accounts.Quota(q.Account, k.remade); there >= most {
		return core.Fail(k.limit, "The maximum number of %s has been reached: %d", k.remade, most)
	}
	return nil
}

// used says whether something still holds on to a thing.
func (q *request) used(k *Kind, t *emulator.Resource) bool {
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
func (q *request) free(k *Kind, t *emulator.Resource) error {
	if q.used(k, t) {
		return core.Fail("DependencyViolation", "The %s '%s' has dependencies and cannot be deleted.", k.id, t.Name)
	}
	return nil
}

// show is a thing as it is shown: without the fields that are our own, which begin with an underscore.
func show(t *emulator.Resource) doc {
	d := core.Visible(t)
	d["tagSet"] = core.TagSet(t.Tags)
	return d
}

// describes is the Describe of a kind.
func describes(k *Kind) func(*request) (doc, error) {
	return func(q *request) (doc, error) {
		ids := core.Texts(q.Params, core.Capital(k.id))
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
		for _, t := range q.Here().Shown(k.Name) {
			if (len(ids) == 0 || slices.Contains(ids, t.Name)) && filters.pass(t) {
				found = append(found, show(t))
			}
		}
		return q.page(k.set, found)
	}
}
