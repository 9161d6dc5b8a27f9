package vpc

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/aeriehq/aerie/cloud"
)

// List finds every network whose owner mark begins so, and what is left of those that have no VPC any more.
func (n *Networks) List(ctx context.Context, ownerPrefix string) (refs []cloud.Ref, err error) {
	found, err := n.look(ctx, filter("tag-key", TagOwner))
	if err != nil {
		return nil, err
	}
	byMark := found.split()
	for _, m := range slices.SortedFunc(maps.Keys(byMark), mark.compare) {
		if m.name == "" || !strings.HasPrefix(m.owner, ownerPrefix) {
			continue
		}
		w := n.network(m.name, byMark[m])
		refs = append(refs, cloud.Ref{Kind: cloud.KindNetwork, Scope: n.scope, Name: m.name,
			ID: cmp.Or(w.VPC, m.name), Owner: m.owner, Phase: w.Phase})
	}
	return refs, nil
}

// InstanceTypes lists the machine types that the region has.
func (n *Networks) InstanceTypes(ctx context.Context) (names []string, err error) {
	in := &ec2.DescribeInstanceTypeOfferingsInput{LocationType: types.LocationTypeRegion}
	pages := ec2.NewDescribeInstanceTypeOfferingsPaginator(n.ec2, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range page.InstanceTypeOfferings {
			names = append(names, string(o.InstanceType))
		}
	}
	return names, nil
}

// mark names a network by its owner and its name, as tags have both.
type mark struct{ owner, name string }

func (m mark) compare(other mark) int {
	return strings.Compare(m.owner+"\x00"+m.name, other.owner+"\x00"+other.name)
}

func markOf(list []types.Tag) mark {
	t := tags(list)
	return mark{t[TagOwner], t[TagName]}
}

// split sorts parts by their marks.
func (p *parts) split() map[mark]*parts {
	m := map[mark]*parts{}
	sort(m, p.vpcs, func(v types.Vpc) []types.Tag { return v.Tags }, func(p *parts, v types.Vpc) { p.vpcs = append(p.vpcs, v) })
	sort(m, p.subnets, func(s types.Subnet) []types.Tag { return s.Tags }, func(p *parts, s types.Subnet) { p.subnets = append(p.subnets, s) })
	sort(m, p.gateways, func(g types.InternetGateway) []types.Tag { return g.Tags },
		func(p *parts, g types.InternetGateway) { p.gateways = append(p.gateways, g) })
	sort(m, p.addresses, func(a types.Address) []types.Tag { return a.Tags },
		func(p *parts, a types.Address) { p.addresses = append(p.addresses, a) })
	sort(m, p.nats, func(g types.NatGateway) []types.Tag { return g.Tags }, func(p *parts, g types.NatGateway) { p.nats = append(p.nats, g) })
	sort(m, p.tables, func(t types.RouteTable) []types.Tag { return t.Tags },
		func(p *parts, t types.RouteTable) { p.tables = append(p.tables, t) })
	sort(m, p.groups, func(g types.SecurityGroup) []types.Tag { return g.Tags },
		func(p *parts, g types.SecurityGroup) { p.groups = append(p.groups, g) })
	return m
}

func sort[T any](m map[mark]*parts, all []T, tags func(T) []types.Tag, put func(*parts, T)) {
	for _, one := range all {
		k := markOf(tags(one))
		if m[k] == nil {
			m[k] = &parts{}
		}
		put(m[k], one)
	}
}
