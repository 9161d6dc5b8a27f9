package vpc

import (
	"context"
	"fmt"
	"slices"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
)

// Delete removes as much of a network as can be removed now, duplicates and what was left in it too: it is asked again
// until nothing is found. inUse is asked, before anything is touched, whether something still stands on one of the VPCs.
func (n *Networks) Delete(ctx context.Context, name, owner string, inUse func(ctx context.Context, vpcs []string) error) error {
	found, err := n.look(ctx, filter("tag:"+TagName, name))
	if err != nil {
		return err
	}
	if found.none() {
		n.memory.forget(n.scope, name)
		return nil
	}
	if other := found.another(owner); other != "" || len(found.vpcs) == 0 && found.owner() != owner {
		return refuse(cloud.Taken, "OwnedByAnother", "network %s belongs to %s", name, other)
	}
	if err := n.condemn(ctx, found, inUse); err != nil {
		return err
	}
	for _, v := range found.vpcs {
		if left, err := n.clear(ctx, awssdk.ToString(v.VpcId)); left || err != nil {
			return err
		}
	}
	return n.loose(ctx, found, nil)
}

// condemn notes on the VPCs that they are being deleted: from then on nothing is made in them.
func (n *Networks) condemn(ctx context.Context, found *parts, inUse func(context.Context, []string) error) error {
	var ids []string
	for _, v := range found.vpcs {
		if tags(v.Tags)[tagDeleting] == "" {
			ids = append(ids, awssdk.ToString(v.VpcId))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if err := inUse(ctx, ids); err != nil {
		return err
	}
	for _, id := range ids {
		if err := n.mark(ctx, id, tagDeleting, "true"); err != nil {
			return err
		}
	}
	return nil
}

// tidy removes what there is too much of, when all is there once.
func (n *Networks) tidy(ctx context.Context, found *parts, keep *one) error {
	for _, v := range found.vpcs {
		if id := awssdk.ToString(v.VpcId); id != awssdk.ToString(keep.vpc.VpcId) {
			if left, err := n.clear(ctx, id); left || err != nil {
				return err
			}
		}
	}
	return n.loose(ctx, found, keep)
}

// clear removes everything in a VPC, whoever made it, and the VPC. It says whether something must end first.
func (n *Networks) clear(ctx context.Context, vpc string) (left bool, err error) {
	in := filter("vpc-id", vpc)
	if left, err := n.clearNATs(ctx, in); left || err != nil {
		return left, err
	}
	for _, do := range []func(context.Context, string, types.Filter) error{
		n.clearInterfaces, n.clearGateways, n.clearSubnets, n.clearTables, n.clearGroups,
	} {
		if err := do(ctx, vpc, in); err != nil {
			return false, err
		}
	}
	_, err = n.ec2.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: &vpc})
	return false, awserr.UnlessGone(err)
}

// clearNATs deletes the NAT gateways; they take a while to go, and hold on to the rest.
func (n *Networks) clearNATs(ctx context.Context, in types.Filter) (left bool, err error) {
	p := &parts{}
	if err := n.nats(ctx, p, []types.Filter{in}); err != nil {
		return false, err
	}
	for _, g := range p.nats {
		if g.State == types.NatGatewayStateFailed {
			continue // it holds nothing, and vanishes by itself
		}
		left = true
		if g.State == types.NatGatewayStateDeleting {
			continue
		}
		if _, err := n.ec2.DeleteNatGateway(ctx, &ec2.DeleteNatGatewayInput{NatGatewayId: g.NatGatewayId}); awserr.UnlessGone(err) != nil {
			return false, err
		}
	}
	return left, nil
}

// clearInterfaces deletes what clusters and load balancers have left behind, and names what is still in use.
func (n *Networks) clearInterfaces(ctx context.Context, _ string, in types.Filter) error {
	pages := ec2.NewDescribeNetworkInterfacesPaginator(n.ec2, &ec2.DescribeNetworkInterfacesInput{Filters: []types.Filter{in}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, i := range page.NetworkInterfaces {
			if i.Status != types.NetworkInterfaceStatusAvailable {
				return refuse(cloud.Conflict, "InterfaceInUse", "interface %s is in use: %s", awssdk.ToString(i.NetworkInterfaceId), awssdk.ToString(i.Description))
			}
			if _, err := n.ec2.DeleteNetworkInterface(ctx,
				&ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: i.NetworkInterfaceId}); awserr.UnlessGone(err) != nil {
				return err
			}
		}
	}
	return nil
}

func (n *Networks) clearGateways(ctx context.Context, vpc string, _ types.Filter) error {
	p := &parts{}
	if err := n.gateways(ctx, p, []types.Filter{filter("attachment.vpc-id", vpc)}); err != nil {
		return err
	}
	for _, g := range p.gateways {
		if _, err := n.ec2.DetachInternetGateway(ctx,
			&ec2.DetachInternetGatewayInput{InternetGatewayId: g.InternetGatewayId, VpcId: &vpc}); awserr.UnlessGone(err) != nil {
			return err
		}
		if _, err := n.ec2.DeleteInternetGateway(ctx,
			&ec2.DeleteInternetGatewayInput{InternetGatewayId: g.InternetGatewayId}); awserr.UnlessGone(err) != nil {
			return err
		}
	}
	return nil
}

func (n *Networks) clearSubnets(ctx context.Context, _ string, in types.Filter) error {
	p := &parts{}
	if err := n.subnets(ctx, p, []types.Filter{in}); err != nil {
		return err
	}
	for _, s := range p.subnets {
		if _, err := n.ec2.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: s.SubnetId}); awserr.UnlessGone(err) != nil {
			return err
		}
	}
	return nil
}

// clearTables leaves the main one, which goes with the VPC.
func (n *Networks) clearTables(ctx context.Context, _ string, in types.Filter) error {
	p := &parts{}
	if err := n.tables(ctx, p, []types.Filter{in}); err != nil {
		return err
	}
	for _, t := range p.tables {
		if isMain(t) {
			continue
		}
		if _, err := n.ec2.DeleteRouteTable(ctx, &ec2.DeleteRouteTableInput{RouteTableId: t.RouteTableId}); awserr.UnlessGone(err) != nil {
			return err
		}
	}
	return nil
}

func isMain(t types.RouteTable) bool {
	for _, a := range t.Associations {
		if awssdk.ToBool(a.Main) {
			return true
		}
	}
	return false
}

// clearGroups takes the rules first that name other groups: those of Kubernetes do. The default one goes with the VPC.
func (n *Networks) clearGroups(ctx context.Context, _ string, in types.Filter) error {
	p := &parts{}
	if err := n.groups(ctx, p, []types.Filter{in}); err != nil {
		return err
	}
	for _, g := range p.groups {
		if rules := naming(g); len(rules) > 0 && awssdk.ToString(g.GroupName) != "default" {
			if _, err := n.ec2.RevokeSecurityGroupIngress(ctx,
				&ec2.RevokeSecurityGroupIngressInput{GroupId: g.GroupId, IpPermissions: rules}); awserr.UnlessGone(err) != nil {
				return err
			}
		}
	}
	for _, g := range p.groups {
		if awssdk.ToString(g.GroupName) == "default" {
			continue
		}
		if _, err := n.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: g.GroupId}); awserr.UnlessGone(err) != nil {
			return err
		}
	}
	return nil
}

// naming are the rules of a group that hold on to other groups.
func naming(g types.SecurityGroup) (rules []types.IpPermission) {
	for _, r := range g.IpPermissions {
		others := slices.DeleteFunc(slices.Clone(r.UserIdGroupPairs), func(p types.UserIdGroupPair) bool { return same(p.GroupId, g.GroupId) })
		if len(others) > 0 {
			rules = append(rules, types.IpPermission{IpProtocol: r.IpProtocol, FromPort: r.FromPort, ToPort: r.ToPort, UserIdGroupPairs: others})
		}
	}
	return rules
}

// loose removes what is in no VPC, but for what is kept.
func (n *Networks) loose(ctx context.Context, found *parts, keep *one) error {
	for _, g := range found.gateways {
		if len(g.Attachments) > 0 || keep != nil && same(g.InternetGatewayId, keep.gateway.InternetGatewayId) {
			continue
		}
		if _, err := n.ec2.DeleteInternetGateway(ctx,
			&ec2.DeleteInternetGatewayInput{InternetGatewayId: g.InternetGatewayId}); awserr.UnlessGone(err) != nil {
			return err
		}
	}
	for _, a := range found.addresses {
		if keep != nil && same(a.AllocationId, keep.address.AllocationId) {
			continue
		}
		if _, err := n.ec2.ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: a.AllocationId}); awserr.UnlessGone(err) != nil {
			return fmt.Errorf("release address %s: %w", awssdk.ToString(a.PublicIp), err)
		}
	}
	return nil
}

func same(a, b *string) bool { return awssdk.ToString(a) == awssdk.ToString(b) }

// unknownID makes a wish that can't be met of an id that somebody gave us and that is not there.
func unknownID(err error) error {
	if awserr.Is(err, "*NotFound", "*Malformed") {
		return refuse(cloud.Invalid, "UnknownID", "%v", err)
	}
	return err
}
