package vpc

import (
	"context"
	"fmt"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
)

// MadeIn finds the VPC of something that says that it was made in a network; empty if nothing does.
type MadeIn func(ctx context.Context, network string) (vpc string, err error)

// unmarked is the VPC of a network that has lost its mark, which nobody without it may give back: what has its mark still is in it, or
// something that was made in the network. Empty if there is none: the network is not there, then, or it is going.
func (n *Networks) unmarked(ctx context.Context, name string, found *parts, madeIn MadeIn) (vpc string, err error) {
	if vpc = found.within(); vpc == "" && found.none() {
		vpc, err = madeIn(ctx, name)
	}
	if vpc == "" || err != nil {
		return "", err
	}
	there, err := n.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{vpc}})
	if err != nil {
		return "", awserr.UnlessGone(err)
	}
	for _, v := range there.Vpcs {
		if tags(v.Tags)[TagName] != name {
			return vpc, nil
		}
	}
	return "", nil // it has its mark, and was not shown by that yet
}

// within is the VPC in which parts are.
func (p *parts) within() string {
	for _, s := range p.subnets {
		return awssdk.ToString(s.VpcId)
	}
	for _, t := range p.tables {
		return awssdk.ToString(t.VpcId)
	}
	return ""
}

// anyOf tells whether there is any VPC with an address range.
func (n *Networks) anyOf(ctx context.Context, cidr string) (bool, error) {
	there, err := n.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: []types.Filter{filter("cidr", cidr)}})
	return err == nil && len(there.Vpcs) > 0, err
}

// refuseUnmarked keeps a second VPC from being made beside one that has lost its mark.
func (n *Networks) refuseUnmarked(ctx context.Context, spec cloud.NetworkSpec, found *parts, madeIn MadeIn) error {
	if any, err := n.anyOf(ctx, spec.Range); err != nil || !any {
		return err
	}
	vpc, err := n.unmarked(ctx, spec.Name, found, madeIn)
	if err != nil || vpc == "" {
		return err
	}
	return refuse(cloud.Taken, "NoMark", "%s, in which network %s is, has lost its tags: give it %s=%s and %s=%s again", vpc, spec.Name,
		TagName, spec.Name, TagOwner, spec.Owner)
}

// lostMark is what is said of a network in a VPC without its mark.
func lostMark(name, vpc string) Network {
	return Network{VPC: vpc, Observation: cloud.Observation{Phase: cloud.Degraded, Raw: "unmarked", ID: vpc,
		Lacks: fmt.Sprintf("the tag %s=%s of %s", TagName, name, vpc)}}
}
