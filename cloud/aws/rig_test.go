package aws_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekst "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws"
	"github.com/aeriehq/aerie/cloud/cloudtest"
	"github.com/aeriehq/aerie/cloud/emulator"
	emulated "github.com/aeriehq/aerie/cloud/emulator/aws"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// rig is an emulated AWS with a provider on it.
type rig struct {
	*testing.T
	cloud     *emulated.Server
	dir       string
	accounts  []core.Account
	config    awssdk.Config // ours
	theirs    awssdk.Config // of somebody else at home
	transport *http.Transport
}

const region = "eu-central-1"

// soon is longer than anything takes, and shorter than a session.
const soon = 25 * time.Minute

func start(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, dir: t.TempDir()}
	var err error
	r.cloud, err = emulated.Open(emulated.Options{Dir: r.dir, Speed: 1, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(func() { _ = r.cloud.Close() })
	r.accounts, err = core.ReadAccounts(r.dir)
	must(t, err)
	r.bootstrap()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(r.cloud.CA())
	r.transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, MaxIdleConnsPerHost: 8}
	t.Cleanup(r.transport.CloseIdleConnections)
	r.config, r.theirs = r.as(r.accounts[0].Users[0]), r.as(r.accounts[0].Users[1])
	return r
}

// as is a configuration with the key of a user.
func (r *rig) as(user core.User) awssdk.Config {
	return awssdk.Config{
		Region: region, BaseEndpoint: awssdk.String(r.cloud.URL()), HTTPClient: &http.Client{Transport: r.transport},
		Credentials: credentials.NewStaticCredentialsProvider(user.AccessKeyID, user.SecretAccessKey, ""),
		Retryer:     func() awssdk.Retryer { return awssdk.NopRetryer{} },
	}
}

// bootstrap gives us, at home and at the customer's, the rights of the template for customers and no others. At home there
// is somebody else besides, who may do everything.
func (r *rig) bootstrap() {
	r.Helper()
	customer, home := &r.accounts[1], &r.accounts[0]
	r.deploy(customer)
	r.deploy(home)
	home.Users[0].Policies = append(home.Roles[0].Policies, json.RawMessage(`{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}}`))
	home.Users = append(home.Users, core.User{Name: "them", AccessKeyID: "AKIATHEM", SecretAccessKey: "theirs"})
	must(r, core.WriteAccounts(r.dir, r.accounts))
}

// mayAll gives us all rights at home.
func (r *rig) mayAll() {
	r.Helper()
	r.accounts[0].Users[0].Policies = nil
	must(r, core.WriteAccounts(r.dir, r.accounts))
}

// deploy runs the template in an account.
func (r *rig) deploy(in *core.Account) {
	r.Helper()
	trusted := r.accounts[1].Roles[0]
	template, err := json.Marshal(aws.Template(trusted.Name, trusted.Trusts[0], trusted.ExternalID))
	must(r, err)
	must(r, in.Deploy(template))
}

// provider is that of a new process.
func (r *rig) provider() *aws.Provider { return r.providerWith(r.config) }

func (r *rig) providerWith(c awssdk.Config) *aws.Provider {
	return aws.New(aws.Options{Config: c, Now: r.cloud.Now, ConsistencyDelay: aws.ConsistencyDelay, Speed: 1})
}

func (r *rig) home() cloud.Scope {
	return cloud.Scope{Account: cloud.Account{ID: r.accounts[0].ID}, Region: region}
}

// customer is an account that is entered by a role.
func (r *rig) customer() cloud.Scope {
	role := r.accounts[1].Roles[0]
	return cloud.Scope{Account: cloud.Account{ID: r.accounts[1].ID, Role: role.Name, ExternalID: role.ExternalID}, Region: region}
}

func (r *rig) advance(d time.Duration) {
	r.Helper()
	must(r, r.cloud.Advance(d))
}

func (r *rig) inject(f ...emulator.Fault) {
	r.Helper()
	must(r, r.cloud.Inject(f...))
}

// conformance is what the suite needs.
func (r *rig) conformance() cloudtest.Rig {
	return cloudtest.Rig{
		Fresh: func() cloud.Provider { return r.provider() }, Inject: r.strike, Advance: r.advance, Long: soon, ConsistencyDelay: time.Minute,
		Home: r.home(), Account: r.customer(), Region: cloud.Scope{Account: r.home().Account, Region: "us-east-1"},
		Machine: "s2", Another: "m6i.xlarge", Addons: []string{"v1.12.1-eksbuild.2", "v1.12.4-eksbuild.1"},
		Mortal: r.mortal, Twice: r.twice, Principals: []string{"arn:aws:iam::444455556666:role/ops"},
		Subnets: r.subnets(), Foreign: r.foreign, Nodes: r.nodes,
		Volume: func(cluster string) string { return r.volume(cluster, owner) }, Volumes: r.volumes, Vanish: r.vanish,
	}
}

// calls are the calls of the wire by which ours can be struck.
var calls = map[string]string{
	"EnsureNetwork": "ec2:CreateVpc", "EnsureCluster": "eks:CreateCluster", "EnsurePool": "eks:CreateNodegroup",
	"DeletePool": "eks:DeleteNodegroup", "Check": "iam:SimulatePrincipalPolicy",
}

func (r *rig) strike(f cloudtest.Fault) {
	r.Helper()
	e := emulator.Fault{Op: calls[f.Op], Times: 1}
	switch {
	case f.Issue:
		e.Issue, e.Code, e.Message = true, "AsgInstanceLaunchFailures", "Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not have sufficient capacity."
	case f.After:
		e.Lost = true
	case f.Class == cloud.Throttled:
		e.Throttle = true
	case f.Class == cloud.Retryable:
		e.Cut = true
	case f.Class == cloud.Denied:
		e.Code, e.Status = "AccessDenied", http.StatusForbidden
	case f.Class == cloud.Capacity:
		e.Code, e.Status = "InsufficientCapacity", http.StatusInternalServerError
	}
	r.inject(e)
}

// subnets are two that somebody else has made, at home.
func (r *rig) subnets() (ids []string) {
	r.Helper()
	c := ec2.NewFromConfig(r.theirs)
	vpc, err := c.CreateVpc(context.Background(), &ec2.CreateVpcInput{CidrBlock: awssdk.String("10.99.0.0/16")})
	must(r, err)
	r.advance(time.Minute)
	for cidr, zone := range map[string]string{"10.99.0.0/20": region + "a", "10.99.16.0/20": region + "b"} {
		s, err := c.CreateSubnet(context.Background(), &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: &cidr, AvailabilityZone: &zone})
		must(r, err)
		ids = append(ids, *s.Subnet.SubnetId)
	}
	r.advance(time.Minute)
	return ids
}

// foreign makes a cluster as somebody else would.
func (r *rig) foreign(_ cloud.Scope, name string) {
	r.Helper()
	ctx, roles := context.Background(), iam.NewFromConfig(r.theirs)
	made, err := roles.CreateRole(ctx, &iam.CreateRoleInput{RoleName: awssdk.String("theirs"), AssumeRolePolicyDocument: awssdk.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"eks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
	must(r, err)
	_, err = roles.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: awssdk.String("theirs"), PolicyArn: awssdk.String("arn:aws:iam::aws:policy/AmazonEKSClusterPolicy")})
	must(r, err)
	r.advance(soon)
	c := eks.NewFromConfig(r.theirs)
	_, err = c.CreateCluster(ctx, &eks.CreateClusterInput{
		Name: &name, RoleArn: made.Role.Arn, Version: awssdk.String("1.34"), ResourcesVpcConfig: &ekst.VpcConfigRequest{SubnetIds: r.subnets()},
		AccessConfig: &ekst.CreateAccessConfigRequest{AuthenticationMode: ekst.AuthenticationModeApi},
	})
	must(r, err)
	r.advance(soon)
	us := awssdk.String("arn:aws:iam::" + r.accounts[0].ID + ":user/" + r.accounts[0].Users[0].Name)
	_, err = c.CreateAccessEntry(ctx, &eks.CreateAccessEntryInput{ClusterName: &name, PrincipalArn: us})
	must(r, err)
	_, err = c.AssociateAccessPolicy(ctx, &eks.AssociateAccessPolicyInput{
		ClusterName: &name, PrincipalArn: us, AccessScope: &ekst.AccessScope{Type: ekst.AccessScopeTypeCluster},
		PolicyArn: awssdk.String("arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"),
	})
	must(r, err)
}

// nodes sets the quota of machines.
func (r *rig) nodes(_ cloud.Scope, n int) {
	r.Helper()
	r.accounts[0].Quotas = map[string]int{"nodes": n}
	must(r, core.WriteAccounts(r.dir, r.accounts))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// twice is how many things were made while the same was there, in a cloud that shows what was made late.
func (r *rig) twice() int {
	r.Helper()
	l, err := emulator.ReadLedger(r.dir)
	must(r, err)
	for _, twin := range l.Twice() {
		r.Logf("made twice: %s %s", twin.First.Kind, twin.First.Purpose())
	}
	return len(l.Twice())
}

// mortal is the provider of a process that is killed.
func (r *rig) mortal(n int) (cloud.Provider, func() int) {
	m := &mortal{next: r.transport, left: n}
	c := r.config.Copy()
	c.HTTPClient = &http.Client{Transport: m}
	return r.providerWith(c), func() int { return int(m.made.Load()) }
}

// mortal lets calls through as long as its process lives. The last one has its effect, and nobody hears the answer.
type mortal struct {
	next http.RoundTripper
	left int // how many; 0: all
	made atomic.Int64
}

var errKilled = errors.New("the process was killed")

func (m *mortal) RoundTrip(q *http.Request) (*http.Response, error) {
	n := int(m.made.Add(1))
	if m.left > 0 && n > m.left {
		return nil, errKilled
	}
	answer, err := m.next.RoundTrip(q)
	if m.left > 0 && n == m.left && err == nil {
		_, _ = io.Copy(io.Discard, answer.Body)
		return nil, errors.Join(errKilled, answer.Body.Close())
	}
	return answer, err
}
