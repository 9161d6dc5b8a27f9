package vpc

import (
	"context"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/aeriehq/aerie/cloud"
)

// Observe reads a network. Of one whose VPC has lost its mark it says that.
func (n *Networks) Observe(ctx context.Context, name string, madeIn MadeIn) (Network, error) {
	found, err := n.look(ctx, filter("tag:"+TagName, name))
	if err != nil {
		return Network{}, err
	}
	if found.one() == nil {
		if vpc, err := n.unmarked(ctx, name, found, madeIn); err != nil || vpc != "" {
			return lostMark(name, vpc), err
		}
	}
	return n.network(name, found), nil
}

// network says what parts come to. What was whole once and is not any more will not become so by itself.
func (n *Networks) network(name string, found *parts) Network {
	have := found.one()
	switch {
	case found.none():
		return Network{Observation: cloud.Observation{Phase: cloud.Absent}}
	case have == nil:
		return Network{Observation: cloud.Observation{Phase: cloud.Deleting, Raw: "leftovers", Owner: found.owner()}}
	}
	b := &build{n: n, have: have, zones: strings.Fields(have.tags[TagZones]), spec: cloud.NetworkSpec{Name: name, Owner: have.tags[TagOwner]}}
	missing := b.missing()
	var o cloud.Observation
	switch {
	case have.tags[tagDeleting] != "":
		o = b.observe(cloud.Deleting, 0)
	case missing == "":
		o = b.observe(cloud.Ready, 0)
	case have.tags[tagDone] != "" || len(have.failed) > 0 && have.nat == nil:
		o = b.observe(cloud.Failed, 0)
		o.Issues = append(o.Issues, cloud.Issue{Class: cloud.NotFound, Code: "Missing", Message: "there is no " + missing})
	default:
		o = b.observe(cloud.Creating, lookSoon)
	}
	w := Network{Observation: o, VPC: awssdk.ToString(have.vpc.VpcId)}
	for _, z := range b.zones {
		w.Private = append(w.Private, awssdk.ToString(have.privateZones[z].SubnetId))
	}
	if have.group != nil {
		w.Group = awssdk.ToString(have.group.GroupId)
	}
	return w
}

// missing is the first part that is not there.
func (b *build) missing() string {
	for _, s := range steps {
		if !s.there(b) {
			return s.what
		}
	}
	if !b.hasNAT() {
		return partNAT
	}
	return ""
}

func (b *build) observe(phase cloud.Phase, after time.Duration) cloud.Observation {
	o := cloud.Observation{Phase: phase, Raw: string(phase), Owner: b.spec.Owner, Zones: b.zones, After: after}
	if b.have == nil {
		return o
	}
	o.ID, o.Range, o.SpecHash = awssdk.ToString(b.have.vpc.VpcId), awssdk.ToString(b.have.vpc.CidrBlock), b.have.tags[TagSpec]
	if len(b.have.twice) > 0 {
		o.Issues = append(o.Issues, cloud.Issue{Class: cloud.Conflict, Code: "Duplicate", Message: "made twice: " + strings.Join(b.have.twice, ", ")})
	}
	if phase == cloud.Failed && len(b.have.failed) > 0 {
		g := b.have.failed[0]
		o.Issues = append(o.Issues, natIssue(awssdk.ToString(g.FailureCode), awssdk.ToString(g.FailureMessage)))
	}
	return o
}

// natIssue reads why a NAT gateway has failed.
func natIssue(code, message string) cloud.Issue {
	i := cloud.Issue{Class: cloud.Terminal, Code: code, Message: "NAT gateway: " + message}
	if code == "InsufficientFreeAddressesInSubnet" {
		i.Class = cloud.Capacity
	}
	return i
}

// Subnet is one that is there, whoever made it.
type Subnet struct {
	ID, Zone, VPC string
}

// Subnets reads subnets by their ids. One that is not there is Invalid.
func (n *Networks) Subnets(ctx context.Context, ids []string) (all []Subnet, err error) {
	found, err := n.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: ids})
	if err != nil {
		return nil, unknownID(err)
	}
	for _, s := range found.Subnets {
		all = append(all, Subnet{ID: awssdk.ToString(s.SubnetId), Zone: awssdk.ToString(s.AvailabilityZone), VPC: awssdk.ToString(s.VpcId)})
	}
	return all, nil
}

// Groups fails with Invalid if a security group is not there.
func (n *Networks) Groups(ctx context.Context, ids []string) error {
	_, err := n.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: ids})
	return unknownID(err)
}

// owner finds the owner of parts whose VPC is gone.
func (p *parts) owner() string {
	for _, list := range p.tagLists() {
		if owner := tags(list)[TagOwner]; owner != "" {
			return owner
		}
	}
	return ""
}

// tagLists are the tags of all parts.
func (p *parts) tagLists() (all [][]types.Tag) {
	for _, v := range p.vpcs {
		all = append(all, v.Tags)
	}
	for _, s := range p.subnets {
		all = append(all, s.Tags)
	}
	for _, g := range p.gateways {
		all = append(all, g.Tags)
	}
	for _, a := range p.addresses {
		all = append(all, a.Tags)
	}
	for _, g := range p.nats {
		all = append(all, g.Tags)
	}
	for _, t := range p.tables {
		all = append(all, t.Tags)
	}
	for _, g := range p.groups {
		all = append(all, g.Tags)
	}
	return all
}
