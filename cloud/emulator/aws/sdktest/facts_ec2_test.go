package sdktest

import (
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2t "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// TestNetwork builds a whole network and takes it down, refused at every step that comes too early.
func TestNetwork(t *testing.T) {
	r := start(t, 1)
	ctx := t.Context()
	subnets := r.network("10.0.0.0/16", region+"a", region+"b")
	public, private := subnets[0], subnets[1]
	vpc := r.vpcOf(public)
	_, err := r.ec2.ModifyVpcAttribute(ctx, &ec2.ModifyVpcAttributeInput{VpcId: &vpc, EnableDnsHostnames: &ec2t.AttributeBooleanValue{Value: awssdk.Bool(true)}})
	must(t, err)
	attribute, err := r.ec2.DescribeVpcAttribute(ctx, &ec2.DescribeVpcAttributeInput{VpcId: &vpc, Attribute: ec2t.VpcAttributeNameEnableDnsHostnames})
	if err != nil || !*attribute.EnableDnsHostnames.Value {
		t.Fatal(err)
	}
	_, err = r.ec2.ModifySubnetAttribute(ctx, &ec2.ModifySubnetAttributeInput{SubnetId: &public, MapPublicIpOnLaunch: &ec2t.AttributeBooleanValue{Value: awssdk.Bool(true)}})
	must(t, err)

	gateway, err := r.ec2.CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{TagSpecifications: tags(ec2t.ResourceTypeInternetGateway, "aerie.io/owner", "a")})
	must(t, err)
	igw := gateway.InternetGateway.InternetGatewayId
	address, err := r.ec2.AllocateAddress(ctx, &ec2.AllocateAddressInput{Domain: ec2t.DomainTypeVpc, TagSpecifications: tags(ec2t.ResourceTypeElasticIp, "aerie.io/owner", "a")})
	must(t, err)
	r.advance(soon)
	_, err = r.ec2.AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{InternetGatewayId: igw, VpcId: &vpc})
	must(t, err)
	_, err = r.ec2.AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{InternetGatewayId: igw, VpcId: &vpc})
	is(t, "Resource.AlreadyAssociated", err)

	in := &ec2.CreateNatGatewayInput{SubnetId: &public, AllocationId: address.AllocationId, ClientToken: str("1"), TagSpecifications: tags(ec2t.ResourceTypeNatgateway, "aerie.io/owner", "a")}
	nat, err := r.ec2.CreateNatGateway(ctx, in)
	must(t, err)
	again, err := r.ec2.CreateNatGateway(ctx, in)
	if err != nil || *again.NatGateway.NatGatewayId != *nat.NatGateway.NatGatewayId {
		t.Fatal(err)
	}
	id := nat.NatGateway.NatGatewayId
	if s := r.nat(*id); s != ec2t.NatGatewayStatePending && s != "NatGatewayNotFound" {
		t.Fatal(s)
	}
	r.advance(soon)
	if s := r.nat(*id); s != ec2t.NatGatewayStateAvailable {
		t.Fatal(s)
	}
	table, err := r.ec2.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: &vpc, ClientToken: str("t")})
	must(t, err)
	r.advance(soon)
	rtb := table.RouteTable.RouteTableId
	for range 2 {
		_, err = r.ec2.CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: rtb, DestinationCidrBlock: str("0.0.0.0/0"), NatGatewayId: id})
		must(t, err)
	}
	_, err = r.ec2.CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: rtb, DestinationCidrBlock: str("0.0.0.0/0"), GatewayId: igw})
	is(t, "RouteAlreadyExists", err)
	association, err := r.ec2.AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{RouteTableId: rtb, SubnetId: &private})
	must(t, err)

	steps := []struct {
		name  string
		early string
		do    func() error
	}{
		{"the VPC", "DependencyViolation", func() error {
			_, err := r.ec2.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: &vpc})
			return err
		}},
		{"the subnets", "DependencyViolation", func() error {
			for _, s := range []string{public, private} {
				if _, err := r.ec2.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &s}); err != nil {
					return err
				}
			}
			return nil
		}},
		{"the route table", "DependencyViolation", func() error {
			_, err := r.ec2.DeleteRouteTable(ctx, &ec2.DeleteRouteTableInput{RouteTableId: rtb})
			return err
		}},
		{"its gateway", "DependencyViolation", func() error {
			_, err := r.ec2.DetachInternetGateway(ctx, &ec2.DetachInternetGatewayInput{InternetGatewayId: igw, VpcId: &vpc})
			if err == nil {
				_, err = r.ec2.DeleteInternetGateway(ctx, &ec2.DeleteInternetGatewayInput{InternetGatewayId: igw})
			}
			return err
		}},
		{"the address", "InvalidIPAddress.InUse", func() error {
			_, err := r.ec2.ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: address.AllocationId})
			return err
		}},
	}
	for _, s := range steps {
		if err := s.do(); codeOf(err) != s.early {
			t.Errorf("%s too early: %v, want %s", s.name, err, s.early)
		}
	}
	_, err = r.ec2.DisassociateRouteTable(ctx, &ec2.DisassociateRouteTableInput{AssociationId: association.AssociationId})
	must(t, err)
	_, err = r.ec2.DeleteNatGateway(ctx, &ec2.DeleteNatGatewayInput{NatGatewayId: id})
	must(t, err)
	if s := r.nat(*id); s != ec2t.NatGatewayStateDeleting {
		t.Fatal(s)
	}
	if err := steps[4].do(); codeOf(err) != steps[4].early {
		t.Errorf("the address of a gateway that is being deleted: %v", err)
	}
	r.advance(soon)
	if s := r.nat(*id); s != ec2t.NatGatewayStateDeleted {
		t.Fatal(s)
	}
	for _, i := range []int{4, 3, 2, 1, 0} {
		if err := steps[i].do(); err != nil {
			t.Errorf("%s in its turn: %v", steps[i].name, err)
		}
	}
	if left := r.ledger().Live(r.cloud.Now().Add(-soon)); len(left) > 0 && left[0].Kind != "natgateway" {
		t.Errorf("%+v is left", left[0])
	}
}

func (r *rig) vpcOf(subnet string) string {
	r.Helper()
	out, err := r.ec2.DescribeSubnets(r.Context(), &ec2.DescribeSubnetsInput{SubnetIds: []string{subnet}})
	must(r, err)
	return *out.Subnets[0].VpcId
}

func (r *rig) nat(id string) ec2t.NatGatewayState {
	r.Helper()
	out, err := r.ec2.DescribeNatGateways(r.Context(), &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{id}})
	if code := codeOf(err); code != "" {
		return ec2t.NatGatewayState(code)
	}
	return out.NatGateways[0].State
}

// TestAbsent is the code for each thing that is not there.
func TestAbsent(t *testing.T) {
	r := start(t, 0)
	ctx := t.Context()
	for want, call := range map[string]func() error{
		"InvalidVpcID.NotFound": func() error {
			_, err := r.ec2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: str("vpc-1"), CidrBlock: str("10.0.0.0/24")})
			return err
		},
		"InvalidSubnetID.NotFound": func() error {
			_, err := r.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{"subnet-1"}})
			return err
		},
		"InvalidInternetGatewayID.NotFound": func() error {
			_, err := r.ec2.DeleteInternetGateway(ctx, &ec2.DeleteInternetGatewayInput{InternetGatewayId: str("igw-1")})
			return err
		},
		"InvalidAllocationID.NotFound": func() error {
			_, err := r.ec2.ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: str("eipalloc-1")})
			return err
		},
		"NatGatewayNotFound": func() error {
			_, err := r.ec2.DeleteNatGateway(ctx, &ec2.DeleteNatGatewayInput{NatGatewayId: str("nat-1")})
			return err
		},
		"InvalidRouteTableID.NotFound": func() error {
			_, err := r.ec2.DeleteRouteTable(ctx, &ec2.DeleteRouteTableInput{RouteTableId: str("rtb-1")})
			return err
		},
		"InvalidGroup.NotFound": func() error {
			_, err := r.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: str("sg-1")})
			return err
		},
		"InvalidNetworkInterfaceID.NotFound": func() error {
			_, err := r.ec2.DeleteNetworkInterface(ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: str("eni-1")})
			return err
		},
		"InvalidAssociationID.NotFound": func() error {
			_, err := r.ec2.DisassociateRouteTable(ctx, &ec2.DisassociateRouteTableInput{AssociationId: str("rtbassoc-1")})
			return err
		},
	} {
		if err := call(); codeOf(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestNoTokens has what EC2 makes twice when it is asked twice, and so does the ledger.
func TestNoTokens(t *testing.T) {
	r := start(t, 0)
	for range 2 {
		_, err := r.ec2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: str("10.0.0.0/16"), TagSpecifications: tags(ec2t.ResourceTypeVpc, "aerie.io/owner", "a", "Name", "net")})
		must(t, err)
	}
	if twins := r.ledger().Twice(); len(twins) != 1 || twins[0].Second.Kind != "vpc" {
		t.Fatal(twins)
	}
}

// TestSeenLate has a network that its maker does not see at first, and then does.
func TestSeenLate(t *testing.T) {
	for _, row := range []struct {
		name  string
		speed float64
		fault []emulator.Fault
	}{
		{"always, for a moment", 1, nil},
		{"by a fault, for longer", 0, []emulator.Fault{{Op: "ec2:CreateVpc", Stale: emulator.Duration{Duration: soon / 2}}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := start(t, row.speed)
			r.inject(row.fault...)
			out, err := r.ec2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: str("10.0.0.0/16"), TagSpecifications: tags(ec2t.ResourceTypeVpc, "aerie.io/owner", "a")})
			must(t, err)
			byTag := &ec2.DescribeVpcsInput{Filters: []ec2t.Filter{{Name: str("tag:aerie.io/owner"), Values: []string{"a"}}}}
			found, err := r.ec2.DescribeVpcs(t.Context(), byTag)
			if err != nil || len(found.Vpcs) != 0 {
				t.Fatal(found, err)
			}
			_, err = r.ec2.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{VpcIds: []string{*out.Vpc.VpcId}})
			is(t, "InvalidVpcID.NotFound", err)
			r.advance(soon)
			found, err = r.ec2.DescribeVpcs(t.Context(), byTag)
			if err != nil || len(found.Vpcs) != 1 || found.Vpcs[0].State != ec2t.VpcStateAvailable {
				t.Fatal(found, err)
			}
		})
	}
}

func TestEC2Quotas(t *testing.T) {
	r := start(t, 0)
	all := r.accounts()
	all[0].Quotas = map[string]int{"vpcs": 1, "addresses": 1, "internet-gateways": 0, "subnets-per-vpc": 2, "nat-gateways-per-zone": 0}
	must(t, core.WriteAccounts(r.dir, all))
	subnets := r.network("10.0.0.0/16", region+"a", region+"b")
	vpc := r.vpcOf(subnets[0])
	_, err := r.ec2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: str("10.1.0.0/16")})
	is(t, "VpcLimitExceeded", err)
	_, err = r.ec2.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: str("10.0.9.0/24")})
	is(t, "SubnetLimitExceeded", err)
	_, err = r.ec2.CreateInternetGateway(t.Context(), nil)
	is(t, "InternetGatewayLimitExceeded", err)
	address, err := r.ec2.AllocateAddress(t.Context(), nil)
	must(t, err)
	_, err = r.ec2.AllocateAddress(t.Context(), nil)
	is(t, "AddressLimitExceeded", err)
	_, err = r.ec2.CreateNatGateway(t.Context(), &ec2.CreateNatGatewayInput{SubnetId: &subnets[0], AllocationId: address.AllocationId})
	is(t, "NatGatewayLimitExceeded", err)
}
