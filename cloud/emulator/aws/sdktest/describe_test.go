package sdktest

import (
	"slices"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2t "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/aeriehq/aerie/cloud/emulator"
)

func TestFilters(t *testing.T) {
	r := start(t, 0)
	subnets := r.network("10.0.0.0/16", region+"a", region+"b")
	r.network("10.1.0.0/16", region+"a")
	vpc := r.vpcOf(subnets[0])
	for _, row := range []struct {
		name    string
		filters map[string][]string
		want    int
	}{
		{"none", nil, 3},
		{"a network", map[string][]string{"vpc-id": {vpc}}, 2},
		{"a network and a zone", map[string][]string{"vpc-id": {vpc}, "availability-zone": {region + "b"}}, 1},
		{"a tag", map[string][]string{"tag:Name": {"net-" + region + "a"}}, 2},
		{"one of two values", map[string][]string{"tag:Name": {"net-" + region + "b", "x"}}, 1},
		{"a wildcard, also over a slash", map[string][]string{"tag:Name": {"net-*"}, "tag:aerie.io/owner": {"?"}}, 3},
		{"a tag's key", map[string][]string{"tag-key": {"aerie.io/*"}}, 3},
		{"a tag that none has", map[string][]string{"tag:none": {"*"}}, 0},
		{"a state", map[string][]string{"state": {"available"}}, 3},
		{"an id", map[string][]string{"subnet-id": {subnets[0]}}, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			var in ec2.DescribeSubnetsInput
			for k, v := range row.filters {
				in.Filters = append(in.Filters, ec2t.Filter{Name: &k, Values: v})
			}
			out, err := r.ec2.DescribeSubnets(t.Context(), &in)
			if err != nil || len(out.Subnets) != row.want {
				t.Fatalf("%d subnets, want %d: %v", len(out.Subnets), row.want, err)
			}
		})
	}
	_, err := r.ec2.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{Filters: []ec2t.Filter{{Name: str("nonsense"), Values: []string{"x"}}}})
	is(t, "InvalidParameterValue", err)
}

func TestPages(t *testing.T) {
	r, _ := running(t)
	var all []string
	pages := ec2.NewDescribeSecurityGroupsPaginator(r.ec2, &ec2.DescribeSecurityGroupsInput{MaxResults: awssdk.Int32(1)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		must(t, err)
		for _, g := range page.SecurityGroups {
			all = append(all, *g.GroupName)
		}
	}
	if len(all) != 2 || all[0] != "default" || !strings.HasPrefix(all[1], "eks-cluster-sg-c-") {
		t.Fatal(all)
	}
	_, err := r.ec2.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{NextToken: str("nonsense")})
	is(t, "InvalidParameterValue", err)
	groups, err := r.eks.ListNodegroups(t.Context(), &eks.ListNodegroupsInput{ClusterName: str("c"), MaxResults: awssdk.Int32(1)})
	if err != nil || !slices.Equal(groups.Nodegroups, []string{"n"}) || groups.NextToken != nil {
		t.Fatal(groups, err)
	}
}

func TestTags(t *testing.T) {
	r, _ := running(t)
	ctx := t.Context()
	vpcs, err := r.ec2.DescribeVpcs(ctx, nil)
	must(t, err)
	id := *vpcs.Vpcs[0].VpcId
	_, err = r.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{id}, Tags: []ec2t.Tag{{Key: str("a"), Value: str("1")}, {Key: str("b"), Value: str("1")}}})
	must(t, err)
	_, err = r.ec2.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{id}, Tags: []ec2t.Tag{{Key: str("a")}, {Key: str("b"), Value: str("another")}}})
	must(t, err)
	out, err := r.ec2.DescribeTags(ctx, &ec2.DescribeTagsInput{Filters: []ec2t.Filter{{Name: str("resource-id"), Values: []string{id}}, {Name: str("key"), Values: []string{"a", "b"}}}})
	if err != nil || len(out.Tags) != 1 || *out.Tags[0].Key != "b" || out.Tags[0].ResourceType != ec2t.ResourceTypeVpc {
		t.Fatal(out, err)
	}
	c, err := r.eks.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: str("c")})
	must(t, err)
	arn := c.Cluster.Arn
	_, err = r.eks.TagResource(ctx, &eks.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"x": "1"}})
	must(t, err)
	_, err = r.eks.UntagResource(ctx, &eks.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"aerie.io/owner"}})
	must(t, err)
	tags, err := r.eks.ListTagsForResource(ctx, &eks.ListTagsForResourceInput{ResourceArn: arn})
	if err != nil || len(tags.Tags) != 1 || tags.Tags["x"] != "1" {
		t.Fatal(tags, err)
	}
	_, err = r.eks.ListTagsForResource(ctx, &eks.ListTagsForResourceInput{ResourceArn: str(*arn + "x")})
	is(t, "NotFoundException", err)
}

func TestSecurityGroups(t *testing.T) {
	r := start(t, 0)
	ctx := t.Context()
	vpc := r.vpcOf(r.network("10.0.0.0/16", region+"a")[0])
	make := func(name string) *string {
		out, err := r.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{VpcId: &vpc, GroupName: &name, Description: str("d")})
		must(t, err)
		return out.GroupId
	}
	a, b := make("a"), make("b")
	_, err := r.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{VpcId: &vpc, GroupName: str("a"), Description: str("d")})
	is(t, "InvalidGroup.Duplicate", err)
	rule := []ec2t.IpPermission{{IpProtocol: str("tcp"), FromPort: awssdk.Int32(443), ToPort: awssdk.Int32(443), UserIdGroupPairs: []ec2t.UserIdGroupPair{{GroupId: b, Description: str("from b")}}}}
	_, err = r.ec2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: a, IpPermissions: rule})
	must(t, err)
	_, err = r.ec2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: a, IpPermissions: rule})
	is(t, "InvalidPermission.Duplicate", err)
	out, err := r.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{*a}})
	must(t, err)
	if p := out.SecurityGroups[0].IpPermissions; len(p) != 1 || *p[0].FromPort != 443 || *p[0].UserIdGroupPairs[0].GroupId != *b {
		t.Fatalf("%+v", p)
	}
	_, err = r.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: b})
	is(t, "DependencyViolation", err)
	_, err = r.ec2.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: a, IpPermissions: rule})
	must(t, err)
	_, err = r.ec2.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: a, IpPermissions: rule})
	is(t, "InvalidPermission.NotFound", err)
	_, err = r.ec2.AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: a, IpPermissions: []ec2t.IpPermission{{IpProtocol: str("udp"), FromPort: awssdk.Int32(53), ToPort: awssdk.Int32(53), IpRanges: []ec2t.IpRange{{CidrIp: str("0.0.0.0/0")}}}}})
	must(t, err)
	for _, id := range []*string{a, b} {
		_, err = r.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: id})
		must(t, err)
	}
	left, err := r.ec2.DescribeSecurityGroups(ctx, nil)
	must(t, err)
	_, err = r.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: left.SecurityGroups[0].GroupId})
	is(t, "CannotDelete", err)
}

// TestGroundOfACluster has what EKS itself makes in a network, which goes with the cluster.
func TestGroundOfACluster(t *testing.T) {
	r, _ := running(t)
	ctx := t.Context()
	out, err := r.ec2.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: []ec2t.Filter{{Name: str("description"), Values: []string{"Amazon EKS c"}}}})
	if err != nil || len(out.NetworkInterfaces) != 2 || out.NetworkInterfaces[0].Status != ec2t.NetworkInterfaceStatusInUse {
		t.Fatal(out, err)
	}
	_, err = r.ec2.DeleteNetworkInterface(ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: out.NetworkInterfaces[0].NetworkInterfaceId})
	is(t, "InvalidNetworkInterface.InUse", err)
	_, err = r.eks.DeleteNodegroup(ctx, &eks.DeleteNodegroupInput{ClusterName: str("c"), NodegroupName: str("n")})
	must(t, err)
	_, err = r.eks.ListNodegroups(ctx, &eks.ListNodegroupsInput{ClusterName: str("c")})
	must(t, err)
	_, err = r.eks.DeleteCluster(ctx, &eks.DeleteClusterInput{Name: str("c")})
	must(t, err)
	out, err = r.ec2.DescribeNetworkInterfaces(ctx, nil)
	if err != nil || len(out.NetworkInterfaces) != 0 {
		t.Fatal(out, err)
	}
	groups, err := r.ec2.DescribeSecurityGroups(ctx, nil)
	if err != nil || len(groups.SecurityGroups) != 1 {
		t.Fatal(groups, err)
	}
}

func TestZonesAndTypes(t *testing.T) {
	r := start(t, 0)
	zones, err := r.ec2.DescribeAvailabilityZones(t.Context(), &ec2.DescribeAvailabilityZonesInput{Filters: []ec2t.Filter{{Name: str("state"), Values: []string{"available"}}}})
	if err != nil || len(zones.AvailabilityZones) != 3 || *zones.AvailabilityZones[0].ZoneName != region+"a" {
		t.Fatal(zones, err)
	}
	out, err := r.ec2.DescribeInstanceTypeOfferings(t.Context(), &ec2.DescribeInstanceTypeOfferingsInput{
		LocationType: ec2t.LocationTypeAvailabilityZone, Filters: []ec2t.Filter{{Name: str("instance-type"), Values: []string{"m6i.large", "x99.huge"}}},
	})
	if err != nil || len(out.InstanceTypeOfferings) != 3 {
		t.Fatal(out, err)
	}
}

// TestSubnetsFit refuses the subnets that do not fit into their network or beside each other.
func TestSubnetsFit(t *testing.T) {
	r := start(t, 0)
	vpc := r.vpcOf(r.network("10.0.0.0/16", region+"a")[0])
	for block, want := range map[string]string{
		"10.0.0.128/25": "InvalidSubnet.Conflict", "10.1.0.0/24": "InvalidSubnet.Range", "10.0.0.0/8": "InvalidSubnet.Range", "10.0.2.0/29": "InvalidSubnet.Range",
		"10.0.2.1/24": "InvalidParameterValue", "nonsense": "InvalidParameterValue", "10.0.2.0/24": "",
	} {
		_, err := r.ec2.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: &block})
		if codeOf(err) != want {
			t.Errorf("%s: %v, want %q", block, err, want)
		}
	}
	_, err := r.ec2.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: str("10.0.3.0/24"), AvailabilityZone: str("eu-west-1z")})
	is(t, "InvalidParameterValue", err)
}

// TestNatFails has gateways that are accepted and fail later: for want of a way out of the network, or by a fault.
func TestNatFails(t *testing.T) {
	r := start(t, 1)
	subnet := r.network("10.0.0.0/16", region+"a")[0]
	vpc := r.vpcOf(subnet)
	create := func() *ec2t.NatGateway {
		address, err := r.ec2.AllocateAddress(t.Context(), nil)
		must(t, err)
		r.advance(soon)
		out, err := r.ec2.CreateNatGateway(t.Context(), &ec2.CreateNatGatewayInput{SubnetId: &subnet, AllocationId: address.AllocationId})
		must(t, err)
		r.advance(soon)
		found, err := r.ec2.DescribeNatGateways(t.Context(), &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{*out.NatGateway.NatGatewayId}})
		must(t, err)
		return &found.NatGateways[0]
	}
	if n := create(); n.State != ec2t.NatGatewayStateFailed || *n.FailureCode != "Gateway.NotAttached" {
		t.Errorf("%+v", n)
	}
	gateway, err := r.ec2.CreateInternetGateway(t.Context(), nil)
	must(t, err)
	r.advance(soon)
	_, err = r.ec2.AttachInternetGateway(t.Context(), &ec2.AttachInternetGatewayInput{InternetGatewayId: gateway.InternetGateway.InternetGatewayId, VpcId: &vpc})
	must(t, err)
	r.inject(emulator.Fault{Op: "CreateNatGateway", Issue: true, Code: "InternalError", Message: "again"})
	if n := create(); n.State != ec2t.NatGatewayStateFailed || *n.FailureCode != "InternalError" {
		t.Errorf("%+v", n)
	}
	if n := create(); n.State != ec2t.NatGatewayStateAvailable {
		t.Errorf("%+v", n)
	}
}
