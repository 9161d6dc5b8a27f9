package sdktest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2t "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekst "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

const region = "eu-west-1"

// rig is a running cloud with the real SDK's clients on it.
type rig struct {
	*testing.T
	cloud *aws.Server
	dir   string
	cfg   awssdk.Config
	clients
}

type clients struct {
	ec2 *ec2.Client
	eks *eks.Client
	iam *iam.Client
	sts *sts.Client
}

func clientsOf(cfg awssdk.Config) clients {
	return clients{ec2.NewFromConfig(cfg), eks.NewFromConfig(cfg), iam.NewFromConfig(cfg), sts.NewFromConfig(cfg)}
}

func start(t *testing.T, speed float64) *rig {
	t.Helper()
	return open(t, t.TempDir(), speed)
}

func open(t *testing.T, dir string, speed float64) *rig {
	t.Helper()
	return openWith(t, aws.Options{Dir: dir, Speed: speed})
}

func openWith(t *testing.T, o aws.Options) *rig {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	s, err := aws.Open(o)
	must(t, err)
	r := &rig{T: t, cloud: s, dir: o.Dir}
	t.Cleanup(func() { _ = s.Close() }) // a test may have closed it
	all, err := core.ReadAccounts(o.Dir)
	must(t, err)
	r.cfg = r.config(all[0].Users[0].AccessKeyID, all[0].Users[0].SecretAccessKey)
	r.clients = clientsOf(r.cfg)
	return r
}

// config is a configuration of the SDK that differs from one of the real cloud by its endpoint and authority alone, and
// by not trying again.
func (r *rig) config(key, secret string) awssdk.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(r.cloud.CA())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	r.Cleanup(transport.CloseIdleConnections)
	return awssdk.Config{
		Region: region, BaseEndpoint: awssdk.String(r.cloud.URL()), HTTPClient: &http.Client{Transport: checked{r, transport}},
		Credentials: credentials.NewStaticCredentialsProvider(key, secret, ""), Retryer: func() awssdk.Retryer { return awssdk.NopRetryer{} },
	}
}

func (r *rig) accounts() []core.Account {
	r.Helper()
	all, err := core.ReadAccounts(r.dir)
	must(r, err)
	return all
}

// as is the clients of a session in the customer's account.
func (r *rig) as(externalID string) (clients, error) {
	role := "arn:aws:iam::" + r.accounts()[1].ID + ":role/aerie"
	p := stscreds.NewAssumeRoleProvider(r.sts, role, func(o *stscreds.AssumeRoleOptions) { o.ExternalID = &externalID })
	made, err := p.Retrieve(r.Context())
	cfg := r.cfg.Copy()
	cfg.Credentials = credentials.StaticCredentialsProvider{Value: made}
	return clientsOf(cfg), err
}

func (r *rig) ledger() emulator.Ledger {
	r.Helper()
	l, err := emulator.ReadLedger(r.dir)
	must(r, err)
	return l
}

func (r *rig) inject(f ...emulator.Fault) {
	r.Helper()
	must(r, r.cloud.Inject(f...))
}

func (r *rig) advance(d time.Duration) {
	r.Helper()
	must(r, r.cloud.Advance(d))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func str(s string) *string { return &s }

// is checks the code of an answer; empty is success.
func is(t testing.TB, code string, err error) {
	t.Helper()
	if got := codeOf(err); got != code {
		t.Fatalf("code %q, want %q: %v", got, code, err)
	}
}

func codeOf(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	if err != nil {
		return "no answer: " + err.Error()
	}
	return ""
}

const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["eks.amazonaws.com","ec2.amazonaws.com","pods.eks.amazonaws.com"]},"Action":["sts:AssumeRole"]}]}`

// role makes a role with policies of AWS' own.
func (c clients) role(ctx context.Context, name string, policies ...string) (string, error) {
	out, err := c.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: str(trust)})
	if err != nil {
		return "", err
	}
	for _, p := range policies {
		if _, err := c.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: str("arn:aws:iam::aws:policy/" + p)}); err != nil {
			return "", err
		}
	}
	return *out.Role.Arn, nil
}

// ground is what a cluster stands on.
type ground struct {
	vpc                   string
	subnets               []string
	clusterRole, nodeRole string
}

func (r *rig) ground() (g ground) {
	r.Helper()
	var err error
	g.clusterRole, err = r.role(r.Context(), "cluster", "AmazonEKSClusterPolicy")
	must(r, err)
	g.nodeRole, err = r.role(r.Context(), "node", "AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryReadOnly", "AmazonEKS_CNI_Policy")
	must(r, err)
	g.subnets = r.network("10.0.0.0/16", region+"a", region+"b")
	out, err := r.ec2.DescribeSubnets(r.Context(), &ec2.DescribeSubnetsInput{SubnetIds: g.subnets})
	must(r, err)
	g.vpc = *out.Subnets[0].VpcId
	return g
}

// network makes a VPC with a subnet in each of some zones, and waits until all is seen.
func (r *rig) network(block string, zones ...string) (subnets []string) {
	r.Helper()
	vpc, err := r.ec2.CreateVpc(r.Context(), &ec2.CreateVpcInput{CidrBlock: &block, TagSpecifications: tags(ec2t.ResourceTypeVpc, "aerie.io/owner", "a", "Name", "net")})
	must(r, err)
	r.advance(soon)
	for i, zone := range zones {
		s, err := r.ec2.CreateSubnet(r.Context(), &ec2.CreateSubnetInput{
			VpcId: vpc.Vpc.VpcId, CidrBlock: str(strings.TrimSuffix(block, "0.0/16") + string('0'+rune(i)) + ".0/24"), AvailabilityZone: &zone,
			TagSpecifications: tags(ec2t.ResourceTypeSubnet, "aerie.io/owner", "a", "Name", "net-"+zone),
		})
		must(r, err)
		subnets = append(subnets, *s.Subnet.SubnetId)
	}
	r.advance(soon)
	return subnets
}

func tags(of ec2t.ResourceType, pairs ...string) []ec2t.TagSpecification {
	spec := ec2t.TagSpecification{ResourceType: of}
	for i := 0; i < len(pairs); i += 2 {
		spec.Tags = append(spec.Tags, ec2t.Tag{Key: &pairs[i], Value: &pairs[i+1]})
	}
	return []ec2t.TagSpecification{spec}
}

func (g ground) cluster(name, token string) *eks.CreateClusterInput {
	return &eks.CreateClusterInput{
		Name: &name, RoleArn: &g.clusterRole, Version: str("1.34"), ClientRequestToken: &token, Tags: map[string]string{"aerie.io/owner": "a"},
		ResourcesVpcConfig: &ekst.VpcConfigRequest{SubnetIds: g.subnets}, AccessConfig: &ekst.CreateAccessConfigRequest{AuthenticationMode: ekst.AuthenticationModeApi},
	}
}

func (g ground) nodegroup(cluster, name, token string) *eks.CreateNodegroupInput {
	return &eks.CreateNodegroupInput{
		ClusterName: &cluster, NodegroupName: &name, NodeRole: &g.nodeRole, Subnets: g.subnets, ClientRequestToken: &token, InstanceTypes: []string{"m6i.large"},
		ScalingConfig: &ekst.NodegroupScalingConfig{MinSize: awssdk.Int32(1), DesiredSize: awssdk.Int32(2), MaxSize: awssdk.Int32(4)},
	}
}

func (r *rig) status(cluster string) string {
	r.Helper()
	out, err := r.eks.DescribeCluster(r.Context(), &eks.DescribeClusterInput{Name: &cluster})
	if code := codeOf(err); code != "" {
		return code
	}
	return string(out.Cluster.Status)
}

func (r *rig) group(cluster, name string) *ekst.Nodegroup {
	r.Helper()
	out, err := r.eks.DescribeNodegroup(r.Context(), &eks.DescribeNodegroupInput{ClusterName: &cluster, NodegroupName: &name})
	if strings.HasPrefix(codeOf(err), "ResourceNotFound") {
		return &ekst.Nodegroup{Status: "gone"}
	}
	must(r, err)
	return out.Nodegroup
}

// soon is longer than anything takes, in life, and shorter than a session.
const soon = 30 * time.Minute
