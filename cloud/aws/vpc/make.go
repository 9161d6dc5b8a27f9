package vpc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
)

const everywhere = "0.0.0.0/0"

// token is the same for each repetition of a create within this VPC. What was there, and is made anew, has another one.
func (b *build) token(part string) *string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", []string{b.spec.Token, b.spec.Owner, awssdk.ToString(b.have.vpc.VpcId), part, b.have.tags[tagRepairs]}))
	return awssdk.String(hex.EncodeToString(sum[:16]))
}

// once makes what EC2 would make twice: when it has not been seen for long enough, and never again soon after a create
// whose outcome is unknown, or whose effect can't be seen yet.
func (b *build) once(part string, make func() error) error {
	wait, back := b.n.memory.claim(thing{b.n.scope, b.spec.Name, part}, b.began)
	if wait > 0 {
		return later{wait}
	}
	err := make()
	if err != nil && cloud.ClassOf(awserr.Of("", err)) != cloud.Retryable {
		back()
	}
	return err
}

func (b *build) makeVPC(ctx context.Context) error {
	for _, also := range []string{partGateway, partAddress} {
		b.n.memory.look(thing{b.n.scope, b.spec.Name, also}, b.began) // they are not seen either: one wait is enough for all
	}
	return b.once(partVPC, func() error {
		made, err := b.n.ec2.CreateVpc(ctx, &ec2.CreateVpcInput{
			CidrBlock:         &b.spec.Range,
			TagSpecifications: tagged(types.ResourceTypeVpc, b.spec, partVPC, TagZones, strings.Join(b.zones, " ")),
		})
		if err != nil {
			return err
		}
		b.have, b.fresh = b.found.with(*made.Vpc).one(), true
		b.have.tags = tags(tagged(types.ResourceTypeVpc, b.spec, partVPC, TagZones, strings.Join(b.zones, " "))[0].Tags)
		return nil
	})
}

func (b *build) makeGateway(ctx context.Context) error {
	return b.once(partGateway, func() error {
		made, err := b.n.ec2.CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{
			TagSpecifications: tagged(types.ResourceTypeInternetGateway, b.spec, partGateway),
		})
		if err == nil {
			b.have.gateway = made.InternetGateway
		}
		return err
	})
}

// attach lets machines have names first: a VPC with a gateway has that too.
func (b *build) attach(ctx context.Context) error {
	_, err := b.n.ec2.ModifyVpcAttribute(ctx, &ec2.ModifyVpcAttributeInput{
		VpcId: b.have.vpc.VpcId, EnableDnsHostnames: &types.AttributeBooleanValue{Value: awssdk.Bool(true)},
	})
	if err != nil {
		return err
	}
	_, err = b.n.ec2.AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{
		InternetGatewayId: b.have.gateway.InternetGatewayId, VpcId: b.have.vpc.VpcId,
	})
	b.have.attached = err == nil
	return err
}

func (b *build) hasSubnets() bool {
	for _, z := range b.zones {
		_, public := b.have.publicZones[z]
		_, private := b.have.privateZones[z]
		if !public || !private {
			return false
		}
	}
	return true
}

// makeSubnets can make none twice: their ranges would overlap.
func (b *build) makeSubnets(ctx context.Context) error {
	ranges, err := plan(b.spec.Range, b.zones)
	if err != nil {
		return err
	}
	for _, r := range ranges {
		if err := b.makeSubnet(ctx, r.zone, r.private, partPrivateSubnet, "kubernetes.io/role/internal-elb", b.have.privateZones); err != nil {
			return err
		}
		if err := b.makeSubnet(ctx, r.zone, r.public, partPublicSubnet, "kubernetes.io/role/elb", b.have.publicZones); err != nil {
			return err
		}
	}
	return nil
}

func (b *build) makeSubnet(ctx context.Context, zone, cidr, part, balancers string, have map[string]types.Subnet) error {
	if _, there := have[zone]; there {
		return nil
	}
	made, err := b.n.ec2.CreateSubnet(ctx, &ec2.CreateSubnetInput{
		VpcId: b.have.vpc.VpcId, AvailabilityZone: &zone, CidrBlock: &cidr,
		TagSpecifications: tagged(types.ResourceTypeSubnet, b.spec, part, balancers, "1"),
	})
	if err == nil {
		have[zone] = *made.Subnet
	}
	return err
}

// makeGroup can make none twice: its name is taken within the VPC.
func (b *build) makeGroup(ctx context.Context) error {
	made, err := b.n.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		VpcId: b.have.vpc.VpcId, GroupName: awssdk.String("aerie " + b.spec.Name), Description: awssdk.String("Kubernetes cluster on network " + b.spec.Name),
		TagSpecifications: tagged(types.ResourceTypeSecurityGroup, b.spec, partGroup),
	})
	if err == nil {
		b.have.group = &types.SecurityGroup{GroupId: made.GroupId}
	}
	return err
}

func (b *build) makeAddress(ctx context.Context) error {
	return b.once(partAddress, func() error {
		made, err := b.n.ec2.AllocateAddress(ctx, &ec2.AllocateAddressInput{
			Domain: types.DomainTypeVpc, TagSpecifications: tagged(types.ResourceTypeElasticIp, b.spec, partAddress),
		})
		if err == nil {
			b.have.address = &types.Address{AllocationId: made.AllocationId}
		}
		return err
	})
}

func (b *build) makeNAT(ctx context.Context) error {
	made, err := b.n.ec2.CreateNatGateway(ctx, &ec2.CreateNatGatewayInput{
		SubnetId: b.have.publicZones[b.zones[0]].SubnetId, AllocationId: b.have.address.AllocationId, ClientToken: b.token(partNAT),
		TagSpecifications: tagged(types.ResourceTypeNatgateway, b.spec, partNAT),
	})
	if err == nil {
		b.have.nat = made.NatGateway
	}
	return err
}
