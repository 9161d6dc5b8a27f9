package aws_test

import (
	"context"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2t "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekst "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
)

// theirs are things that somebody else has made, by their ids.
type theirs struct{ vpc, subnet, gateway, address, nat, table, group, volume, role, provider, entry string }

// populate has somebody else make one of each.
func (r *rig) populate() (t theirs) {
	r.Helper()
	ctx, c, i := r.Context(), ec2.NewFromConfig(r.theirs), iam.NewFromConfig(r.theirs)
	r.foreign(r.home(), "theirs")
	cluster, err := eks.NewFromConfig(r.theirs).DescribeCluster(ctx, &eks.DescribeClusterInput{Name: awssdk.String("theirs")})
	must(r, err)
	t.vpc, t.subnet = *cluster.Cluster.ResourcesVpcConfig.VpcId, cluster.Cluster.ResourcesVpcConfig.SubnetIds[0]
	gateway, err := c.CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{})
	must(r, err)
	r.advance(soon)
	t.gateway = *gateway.InternetGateway.InternetGatewayId
	_, err = c.AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{VpcId: &t.vpc, InternetGatewayId: &t.gateway})
	must(r, err)
	address, err := c.AllocateAddress(ctx, &ec2.AllocateAddressInput{})
	must(r, err)
	t.address = *address.AllocationId
	r.advance(soon)
	nat, err := c.CreateNatGateway(ctx, &ec2.CreateNatGatewayInput{SubnetId: &t.subnet, AllocationId: &t.address})
	must(r, err)
	t.nat = *nat.NatGateway.NatGatewayId
	table, err := c.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: &t.vpc})
	must(r, err)
	t.table = *table.RouteTable.RouteTableId
	group, err := c.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{VpcId: &t.vpc, GroupName: awssdk.String("theirs"), Description: awssdk.String("theirs")})
	must(r, err)
	t.group, t.volume = *group.GroupId, r.volume("theirs", "")
	role, err := i.GetRole(ctx, &iam.GetRoleInput{RoleName: awssdk.String("theirs")})
	must(r, err)
	t.role = *role.Role.Arn
	provider, err := i.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: cluster.Cluster.Identity.Oidc.Issuer})
	must(r, err)
	t.provider, t.entry = *provider.OpenIDConnectProviderArn, "arn:aws:iam::"+r.accounts[0].ID+":user/them"
	r.advance(soon)
	return t
}

// TestWhatIsNotOursStays makes the calls by which our rights could be used on what is somebody else's. All are refused.
func TestWhatIsNotOursStays(t *testing.T) {
	r := start(t)
	o := r.populate()
	for what, call := range r.abuses(o) {
		if err := call(t.Context()); cloud.ClassOf(awserr.Of("", err)) != cloud.Denied {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func refused[I, O, F any](do func(context.Context, I, ...func(*F)) (O, error), in I) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := do(ctx, in)
		return err
	}
}

func (r *rig) abuses(o theirs) map[string]func(context.Context) error {
	c := ec2.NewFromConfig(r.config)
	ours := []ec2t.Tag{{Key: awssdk.String("aerie.io/owner"), Value: awssdk.String(owner)}}
	tagged := func(kind ec2t.ResourceType) []ec2t.TagSpecification {
		return []ec2t.TagSpecification{{ResourceType: kind, Tags: ours}}
	}
	all := map[string]func(context.Context) error{
		"mark a network":           refused(c.CreateTags, &ec2.CreateTagsInput{Resources: []string{o.vpc}, Tags: ours}),
		"mark a volume":            refused(c.CreateTags, &ec2.CreateTagsInput{Resources: []string{o.volume}, Tags: ours}),
		"make an unmarked network": refused(c.CreateVpc, &ec2.CreateVpcInput{CidrBlock: awssdk.String("10.1.0.0/16")}),
		"make a subnet in theirs":  refused(c.CreateSubnet, &ec2.CreateSubnetInput{VpcId: &o.vpc, CidrBlock: awssdk.String("10.99.32.0/20"), TagSpecifications: tagged(ec2t.ResourceTypeSubnet)}),
		"make a table in theirs":   refused(c.CreateRouteTable, &ec2.CreateRouteTableInput{VpcId: &o.vpc, TagSpecifications: tagged(ec2t.ResourceTypeRouteTable)}),
		"make a group in theirs":   refused(c.CreateSecurityGroup, &ec2.CreateSecurityGroupInput{VpcId: &o.vpc, GroupName: awssdk.String("x"), Description: awssdk.String("x"), TagSpecifications: tagged(ec2t.ResourceTypeSecurityGroup)}),
		"make a NAT in theirs":     refused(c.CreateNatGateway, &ec2.CreateNatGatewayInput{SubnetId: &o.subnet, AllocationId: &o.address, TagSpecifications: tagged(ec2t.ResourceTypeNatgateway)}),
		"change a network":         refused(c.ModifyVpcAttribute, &ec2.ModifyVpcAttributeInput{VpcId: &o.vpc, EnableDnsHostnames: &ec2t.AttributeBooleanValue{Value: awssdk.Bool(true)}}),
		"delete a network":         refused(c.DeleteVpc, &ec2.DeleteVpcInput{VpcId: &o.vpc}),
		"delete a subnet":          refused(c.DeleteSubnet, &ec2.DeleteSubnetInput{SubnetId: &o.subnet}),
		"detach a gateway":         refused(c.DetachInternetGateway, &ec2.DetachInternetGatewayInput{VpcId: &o.vpc, InternetGatewayId: &o.gateway}),
		"attach a gateway":         refused(c.AttachInternetGateway, &ec2.AttachInternetGatewayInput{VpcId: &o.vpc, InternetGatewayId: &o.gateway}),
		"delete a gateway":         refused(c.DeleteInternetGateway, &ec2.DeleteInternetGatewayInput{InternetGatewayId: &o.gateway}),
		"delete a NAT":             refused(c.DeleteNatGateway, &ec2.DeleteNatGatewayInput{NatGatewayId: &o.nat}),
		"release an address":       refused(c.ReleaseAddress, &ec2.ReleaseAddressInput{AllocationId: &o.address}),
		"route":                    refused(c.CreateRoute, &ec2.CreateRouteInput{RouteTableId: &o.table, DestinationCidrBlock: awssdk.String("0.0.0.0/0"), GatewayId: &o.gateway}),
		"route elsewhere":          refused(c.ReplaceRoute, &ec2.ReplaceRouteInput{RouteTableId: &o.table, DestinationCidrBlock: awssdk.String("0.0.0.0/0"), GatewayId: &o.gateway}),
		"have a table serve":       refused(c.AssociateRouteTable, &ec2.AssociateRouteTableInput{RouteTableId: &o.table, SubnetId: &o.subnet}),
		"delete a table":           refused(c.DeleteRouteTable, &ec2.DeleteRouteTableInput{RouteTableId: &o.table}),
		"take a group's rules":     refused(c.RevokeSecurityGroupIngress, &ec2.RevokeSecurityGroupIngressInput{GroupId: &o.group}),
		"delete a volume":          refused(c.DeleteVolume, &ec2.DeleteVolumeInput{VolumeId: &o.volume}),
	}
	for what, call := range r.abusesOfEKS(o) {
		all[what] = call
	}
	return all
}

func (r *rig) abusesOfEKS(o theirs) map[string]func(context.Context) error {
	k, i, name, role := eks.NewFromConfig(r.config), iam.NewFromConfig(r.config), awssdk.String("theirs"), awssdk.String("theirs")
	admin := awssdk.String("arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy")
	cluster := "arn:aws:eks:" + region + ":" + r.accounts[0].ID + ":cluster/theirs"
	mark := map[string]string{"aerie.io/owner": owner}
	trust := awssdk.String(`{"Version":"2012-10-17","Statement":[]}`)
	all := awssdk.String(`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
	return map[string]func(context.Context) error{
		"delete a cluster":        refused(k.DeleteCluster, &eks.DeleteClusterInput{Name: name}),
		"upgrade a cluster":       refused(k.UpdateClusterVersion, &eks.UpdateClusterVersionInput{Name: name, Version: awssdk.String("1.35")}),
		"change a cluster":        refused(k.UpdateClusterConfig, &eks.UpdateClusterConfigInput{Name: name, Logging: &ekst.Logging{}}),
		"note on a cluster":       refused(k.TagResource, &eks.TagResourceInput{ResourceArn: &cluster, Tags: map[string]string{"aerie.io/spec": "x"}}),
		"put somebody out":        refused(k.DeleteAccessEntry, &eks.DeleteAccessEntryInput{ClusterName: name, PrincipalArn: &o.entry}),
		"let somebody do more":    refused(k.AssociateAccessPolicy, &eks.AssociateAccessPolicyInput{ClusterName: name, PrincipalArn: &o.entry, PolicyArn: admin, AccessScope: &ekst.AccessScope{Type: ekst.AccessScopeTypeCluster}}),
		"let somebody do less":    refused(k.DisassociateAccessPolicy, &eks.DisassociateAccessPolicyInput{ClusterName: name, PrincipalArn: &o.entry, PolicyArn: admin}),
		"make a cluster unmarked": refused(k.CreateCluster, &eks.CreateClusterInput{Name: awssdk.String("x"), RoleArn: &o.role, ResourcesVpcConfig: &ekst.VpcConfigRequest{SubnetIds: []string{o.subnet}}}),
		"hand out their role":     refused(k.CreateCluster, &eks.CreateClusterInput{Name: awssdk.String("x"), RoleArn: &o.role, ResourcesVpcConfig: &ekst.VpcConfigRequest{SubnetIds: []string{o.subnet}}, Tags: mark}),
		"give a role rights":      refused(i.PutRolePolicy, &iam.PutRolePolicyInput{RoleName: role, PolicyName: role, PolicyDocument: all}),
		"attach to a role":        refused(i.AttachRolePolicy, &iam.AttachRolePolicyInput{RoleName: role, PolicyArn: awssdk.String("arn:aws:iam::aws:policy/AmazonEKSClusterPolicy")}),
		"take a role's rights":    refused(i.DetachRolePolicy, &iam.DetachRolePolicyInput{RoleName: role, PolicyArn: awssdk.String("arn:aws:iam::aws:policy/AmazonEKSClusterPolicy")}),
		"delete a role":           refused(i.DeleteRole, &iam.DeleteRoleInput{RoleName: role}),
		"make a role elsewhere":   refused(i.CreateRole, &iam.CreateRoleInput{RoleName: awssdk.String("aerie-x"), AssumeRolePolicyDocument: trust}),
		"delete a provider":       refused(i.DeleteOpenIDConnectProvider, &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &o.provider}),
		"trust somebody":          refused(i.CreateOpenIDConnectProvider, &iam.CreateOpenIDConnectProviderInput{Url: awssdk.String("https://token.example.com")}),
	}
}

// TestAnotherInOurNetwork deletes a network in which somebody else has made a subnet: that stays, and it is said which.
func TestAnotherInOurNetwork(t *testing.T) {
	r := start(t)
	p := r.provider()
	o := r.until(cloud.Ready, func() (cloud.Observation, error) { return p.EnsureNetwork(t.Context(), r.home(), network(owner)) })
	c := ec2.NewFromConfig(r.theirs)
	s, err := c.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: &o.ID, CidrBlock: awssdk.String("10.0.255.240/28"), AvailabilityZone: awssdk.String(region + "a")})
	must(t, err)
	r.advance(soon)
	must(t, p.DeleteNetwork(t.Context(), r.home(), "net1", owner)) // begins with the NAT gateway
	r.advance(soon)
	if err := p.DeleteNetwork(t.Context(), r.home(), "net1", owner); cloud.ClassOf(err) != cloud.Denied || !strings.Contains(err.Error(), *s.Subnet.SubnetId) {
		t.Fatal(err)
	}
	_, err = c.DeleteSubnet(t.Context(), &ec2.DeleteSubnetInput{SubnetId: s.Subnet.SubnetId})
	must(t, err)
	for range 4 {
		must(t, p.DeleteNetwork(t.Context(), r.home(), "net1", owner))
		r.advance(soon)
	}
	if o, err := p.ObserveNetwork(t.Context(), r.home(), "net1"); err != nil || o.Phase != cloud.Absent {
		t.Fatalf("%+v %v", o, err)
	}
}
