package sdktest

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekst "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// TestLife is one cluster's, from its network to the end.
func TestLife(t *testing.T) {
	r := start(t, 1)
	ctx := t.Context()
	who, err := r.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	must(t, err)
	if *who.Account != r.accounts()[0].ID {
		t.Fatal(*who.Account)
	}
	g := r.ground()
	_, err = r.eks.CreateCluster(ctx, g.cluster("c", "1"))
	must(t, err)
	_, err = r.eks.CreateNodegroup(ctx, g.nodegroup("c", "n", "1"))
	is(t, "InvalidRequestException", err)
	if s := r.status("c"); s != "CREATING" {
		t.Fatal(s)
	}
	r.advance(soon)
	out, err := r.eks.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: str("c")})
	must(t, err)
	if c := out.Cluster; c.Status != ekst.ClusterStatusActive || *c.Endpoint == "" || *c.CertificateAuthority.Data == "" || c.Tags["aerie.io/owner"] != "a" || *c.ResourcesVpcConfig.VpcId != g.vpc {
		t.Fatalf("%+v", c)
	}
	_, err = r.eks.CreateNodegroup(ctx, g.nodegroup("c", "n", "1"))
	must(t, err)
	r.advance(soon)
	if n := r.group("c", "n"); n.Status != ekst.NodegroupStatusActive || *n.ScalingConfig.MaxSize != 4 {
		t.Fatalf("%+v", n)
	}
	_, err = r.eks.DeleteCluster(ctx, &eks.DeleteClusterInput{Name: str("c")})
	is(t, "ResourceInUseException", err)
	_, err = r.eks.DeleteNodegroup(ctx, &eks.DeleteNodegroupInput{ClusterName: str("c"), NodegroupName: str("n")})
	must(t, err)
	r.advance(soon)
	_, err = r.eks.DeleteCluster(ctx, &eks.DeleteClusterInput{Name: str("c")})
	must(t, err)
	_, err = r.ec2.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &g.subnets[0]})
	is(t, "DependencyViolation", err)
	r.advance(soon)
	if s := r.status("c"); s != "ResourceNotFoundException" {
		t.Fatal(s)
	}
	for _, s := range g.subnets {
		_, err = r.ec2.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &s})
		must(t, err)
	}
	_, err = r.ec2.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: &g.vpc})
	must(t, err)
}
