package vpc

import (
	"context"
	"slices"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// parts is everything that a look has found, duplicates too. NAT gateways that are gone, which EC2 shows for an hour,
// are not in it, but those that have failed are.
type parts struct {
	vpcs      []types.Vpc
	subnets   []types.Subnet
	gateways  []types.InternetGateway
	addresses []types.Address
	nats      []types.NatGateway
	tables    []types.RouteTable
	groups    []types.SecurityGroup
}

func (p *parts) none() bool {
	return len(p.vpcs)+len(p.subnets)+len(p.gateways)+len(p.addresses)+len(p.nats)+len(p.tables)+len(p.groups) == 0
}

// with is the parts and a VPC that was made since.
func (p *parts) with(v types.Vpc) *parts {
	more := *p
	more.vpcs = append(slices.Clone(p.vpcs), v)
	return &more
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: &name, Values: values}
}

// look finds all parts that have the property.
func (n *Networks) look(ctx context.Context, f ...types.Filter) (*parts, error) {
	p := &parts{}
	for _, one := range []func(context.Context, *parts, []types.Filter) error{
		n.vpcs, n.subnets, n.gateways, n.addresses, n.nats, n.tables, n.groups,
	} {
		if err := one(ctx, p, f); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (n *Networks) vpcs(ctx context.Context, p *parts, f []types.Filter) error {
	pages := ec2.NewDescribeVpcsPaginator(n.ec2, &ec2.DescribeVpcsInput{Filters: f})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		p.vpcs = append(p.vpcs, page.Vpcs...)
	}
	return nil
}

func (n *Networks) subnets(ctx context.Context, p *parts, f []types.Filter) error {
	pages := ec2.NewDescribeSubnetsPaginator(n.ec2, &ec2.DescribeSubnetsInput{Filters: f})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		p.subnets = append(p.subnets, page.Subnets...)
	}
	return nil
}

func (n *Networks) gateways(ctx context.Context, p *parts, f []types.Filter) error {
	pages := ec2.NewDescribeInternetGatewaysPaginator(n.ec2, &ec2.DescribeInternetGatewaysInput{Filters: f})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		p.gateways = append(p.gateways, page.InternetGateways...)
	}
	return nil
}

func (n *Networks) addresses(ctx context.Context, p *parts, f []types.Filter) error {
	all, err := n.ec2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: f})
	if err == nil {
		p.addresses = all.Addresses
	}
	return err
}

func (n *Networks) nats(ctx context.Context, p *parts, f []types.Filter) error {
	pages := ec2.NewDescribeNatGatewaysPaginator(n.ec2, &ec2.DescribeNatGatewaysInput{Filter: f})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, g := range page.NatGateways {
			if g.State != types.NatGatewayStateDeleted {
				p.nats = append(p.nats, g)
			}
		}
	}
	return nil
}

func (n *Networks) tables(ctx context.Context, p *parts, f []types.Filter) error {
	pages := ec2.NewDescribeRouteTablesPaginator(n.ec2, &ec2.DescribeRouteTablesInput{Filters: f})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		p.tables = append(p.tables, page.RouteTables...)
	}
	return nil
}

func (n *Networks) groups(ctx context.Context, p *parts, f []types.Filter) error {
	pages := ec2.NewDescribeSecurityGroupsPaginator(n.ec2, &ec2.DescribeSecurityGroupsInput{Filters: f})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		p.groups = append(p.groups, page.SecurityGroups...)
	}
	return nil
}

// one is the network among the parts: the VPC that counts, and what belongs to it.
type one struct {
	vpc          types.Vpc
	subnets      []types.Subnet
	gateway      *types.InternetGateway
	attached     bool
	address      *types.Address
	nat          *types.NatGateway
	failed       []types.NatGateway
	public       *types.RouteTable
	private      *types.RouteTable
	group        *types.SecurityGroup
	twice        []string // what is there once too often
	tags         map[string]string
	privateZones map[string]types.Subnet
	publicZones  map[string]types.Subnet
}

// one sorts the parts; nil if there is no VPC.
func (p *parts) one() *one {
	if len(p.vpcs) == 0 {
		return nil
	}
	vpcs := sorted(p.vpcs, func(v types.Vpc) *string { return v.VpcId })
	o := &one{vpc: vpcs[0], tags: tags(vpcs[0].Tags), privateZones: map[string]types.Subnet{}, publicZones: map[string]types.Subnet{}}
	for _, other := range vpcs[1:] {
		o.twice = append(o.twice, awssdk.ToString(other.VpcId))
	}
	o.sortSubnets(p)
	o.sortGateways(p)
	o.sortNAT(p)
	o.sortTables(p)
	if g, ok := first(p.groups, func(g types.SecurityGroup) *string { return g.GroupId },
		func(g types.SecurityGroup) bool { return o.holds(g.VpcId) }); ok {
		o.group = &g
	}
	return o
}

// holds says that something is in the VPC.
func (o *one) holds(vpc *string) bool {
	return awssdk.ToString(vpc) == awssdk.ToString(o.vpc.VpcId)
}

func (o *one) sortSubnets(p *parts) {
	for _, s := range sorted(p.subnets, func(s types.Subnet) *string { return s.SubnetId }) {
		if !o.holds(s.VpcId) {
			continue
		}
		o.subnets = append(o.subnets, s)
		zones := o.privateZones
		if tags(s.Tags)[TagPart] == partPublicSubnet {
			zones = o.publicZones
		}
		zones[awssdk.ToString(s.AvailabilityZone)] = s
	}
}

// sortGateways prefers the one that is attached to one that is free.
func (o *one) sortGateways(p *parts) {
	id := func(g types.InternetGateway) *string { return g.InternetGatewayId }
	g, attached := first(p.gateways, id, func(g types.InternetGateway) bool {
		return len(g.Attachments) > 0 && o.holds(g.Attachments[0].VpcId)
	})
	free, some := first(p.gateways, id, func(g types.InternetGateway) bool { return len(g.Attachments) == 0 })
	switch {
	case attached:
		o.gateway, o.attached = &g, true
	case some:
		o.gateway = &free
	}
	for _, other := range p.gateways {
		if o.gateway != nil && awssdk.ToString(other.InternetGatewayId) != awssdk.ToString(o.gateway.InternetGatewayId) {
			o.twice = append(o.twice, awssdk.ToString(other.InternetGatewayId))
		}
	}
}

// sortNAT takes the address that the NAT gateway has. While it shows none that is the one with the smallest id, so that
// the same gateway is asked for again with the same address.
func (o *one) sortNAT(p *parts) {
	for _, g := range sorted(p.nats, func(g types.NatGateway) *string { return g.NatGatewayId }) {
		switch {
		case !o.holds(g.VpcId):
		case g.State == types.NatGatewayStateFailed:
			o.failed = append(o.failed, g)
		case g.State != types.NatGatewayStateDeleting && o.nat == nil:
			o.nat = &g
		}
	}
	used := ""
	if o.nat != nil && len(o.nat.NatGatewayAddresses) > 0 {
		used = awssdk.ToString(o.nat.NatGatewayAddresses[0].AllocationId)
	}
	id := func(a types.Address) *string { return a.AllocationId }
	a, ok := first(p.addresses, id, func(a types.Address) bool { return used == awssdk.ToString(a.AllocationId) })
	if !ok {
		a, ok = first(p.addresses, id, func(types.Address) bool { return true })
	}
	if ok {
		o.address = &a
	}
	for _, other := range p.addresses {
		if ok && awssdk.ToString(other.AllocationId) != awssdk.ToString(a.AllocationId) {
			o.twice = append(o.twice, awssdk.ToString(other.AllocationId))
		}
	}
}

func (o *one) sortTables(p *parts) {
	for _, t := range sorted(p.tables, func(t types.RouteTable) *string { return t.RouteTableId }) {
		switch part := tags(t.Tags)[TagPart]; {
		case !o.holds(t.VpcId):
		case part == partPublicTable && o.public == nil:
			o.public = &t
		case part == partPrivateTable && o.private == nil:
			o.private = &t
		}
	}
}
