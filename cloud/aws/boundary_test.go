package aws_test

import (
	"errors"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/cloud/emulator/aws/policy"
)

const everything = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`

func (r *rig) boundary() string {
	return "arn:aws:iam::" + r.accounts[0].ID + ":policy/aerie/aerie-boundary"
}

// roles are those at home that are ours, each with its boundary.
func (r *rig) roles() (bounds map[string]string) {
	r.Helper()
	c, bounds := iam.NewFromConfig(r.theirs), map[string]string{}
	all, err := c.ListRoles(r.Context(), &iam.ListRolesInput{PathPrefix: awssdk.String("/aerie/")})
	must(r, err)
	for _, role := range all.Roles {
		if !strings.HasPrefix(*role.Path, "/aerie/") {
			continue
		}
		one, err := c.GetRole(r.Context(), &iam.GetRoleInput{RoleName: role.RoleName})
		must(r, err)
		bounds[*role.RoleName] = ""
		if b := one.Role.PermissionsBoundary; b != nil {
			bounds[*role.RoleName] = *b.PermissionsBoundaryArn
		}
	}
	return bounds
}

// autoscaler has the one role that is made sure of again and again.
var autoscaler = cloud.AddonSpec{Cluster: "cl1", Addon: cloud.AddonAutoscaler, Owner: owner, Token: "t5"}

// TestRolesAreBounded looks at all roles of a dataplane. One whose boundary somebody has taken off, as those from before
// there was one have none, gets it when something is given to it, and is deleted as any other.
func TestRolesAreBounded(t *testing.T) {
	r := start(t)
	p := r.provider()
	r.up(p, r.home())
	ensure := func() (cloud.Observation, error) { return p.EnsureAddon(t.Context(), r.home(), autoscaler) }
	r.until(cloud.Ready, func() (cloud.Observation, error) {
		return p.EnsurePool(t.Context(), r.home(), cloud.PoolSpec{Cluster: "cl1", Name: "p1", Owner: owner, Machine: "s2", Min: 1, Max: 2, Token: "t3"})
	})
	r.until(cloud.Ready, ensure)
	held := func() int {
		n := 0
		for name, is := range r.roles() {
			if is == r.boundary() {
				n++
			} else {
				t.Logf("%s has the boundary %q", name, is)
			}
		}
		return n
	}
	all := len(r.roles())
	if n := held(); n != all || all < 3 {
		t.Fatalf("%d of %d roles have the boundary", n, all)
	}
	for name := range r.roles() {
		_, err := iam.NewFromConfig(r.theirs).DeleteRolePermissionsBoundary(t.Context(), &iam.DeleteRolePermissionsBoundaryInput{RoleName: &name})
		must(t, err)
	}
	r.until(cloud.Ready, ensure)
	if n := held(); n != 1 {
		t.Fatalf("%d roles have the boundary", n)
	}
	must(t, p.DeleteAddon(t.Context(), r.home(), "cl1", cloud.AddonAutoscaler, owner))
	must(t, p.DeletePool(t.Context(), r.home(), "cl1", "p1", owner))
	r.advance(soon)
	must(t, p.DeletePool(t.Context(), r.home(), "cl1", "p1", owner)) // its role, which has no boundary
	if n := len(r.roles()); n != all-2 {
		t.Fatalf("%d roles are there: %v", n, r.roles())
	}
}

// TestRoleIsHeldByItsBoundary gives a role of ours all rights, as we may, and has somebody be it: it may do what the
// boundary lets it, and nothing else.
func TestRoleIsHeldByItsBoundary(t *testing.T) {
	r := start(t)
	ctx, c, name := t.Context(), iam.NewFromConfig(r.config), awssdk.String("aerie-x")
	trust := `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + r.accounts[0].ID + `:user/them"},"Action":"sts:AssumeRole"}}`
	made, err := c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: name, Path: awssdk.String("/aerie/x/y/"), AssumeRolePolicyDocument: &trust, PermissionsBoundary: awssdk.String(r.boundary())})
	must(t, err)
	_, err = c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: name, PolicyDocument: awssdk.String(everything)})
	must(t, err)
	r.advance(soon)
	session, err := sts.NewFromConfig(r.theirs).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: made.Role.Arn, RoleSessionName: name})
	must(t, err)
	as := r.theirs.Copy()
	key := session.Credentials
	as.Credentials = credentials.NewStaticCredentialsProvider(*key.AccessKeyId, *key.SecretAccessKey, *key.SessionToken)
	_, err = ec2.NewFromConfig(as).DescribeVolumes(ctx, &ec2.DescribeVolumesInput{})
	must(t, err)
	for what, call := range map[string]func() error{
		"make a network": func() error {
			_, err := ec2.NewFromConfig(as).CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: awssdk.String("10.0.0.0/16")})
			return err
		},
		"list clusters": func() error {
			_, err := eks.NewFromConfig(as).ListClusters(ctx, &eks.ListClustersInput{})
			return err
		},
		"take off its boundary": func() error {
			_, err := iam.NewFromConfig(as).DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: name})
			return err
		},
		"make a role": func() error {
			_, err := iam.NewFromConfig(as).CreateRole(ctx, &iam.CreateRoleInput{RoleName: awssdk.String("y"), AssumeRolePolicyDocument: &trust})
			return err
		},
		"be another": func() error {
			role := r.accounts[1].Roles[0]
			_, err := sts.NewFromConfig(as).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: awssdk.String("arn:aws:iam::" + r.accounts[1].ID + ":role/" + role.Name), RoleSessionName: name})
			return err
		},
	} {
		if err := call(); cloud.ClassOf(awserr.Of("", err)) != cloud.Denied {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestBoundaryHasWhatRolesNeed judges by the boundary what roles are given, and what would be an abuse of them.
func TestBoundaryHasWhatRolesNeed(t *testing.T) {
	r := start(t)
	p, err := policy.Parse(r.accounts[0].Managed[0].Document)
	must(t, err)
	const volume, mark, driver = "arn:aws:ec2:eu-central-1:1:volume/vol-1", "aerie.io/owner", "ebs.csi.aws.com/cluster"
	for _, c := range []struct {
		actions, on string
		context     policy.Context
		may         bool
	}{
		{ofAWS, "*", nil, true},
		{"ec2:CreateTags", volume, policy.Context{"aws:TagKeys": {"Name"}}, true},
		{"ec2:CreateTags", volume, policy.Context{"aws:TagKeys": {"Name", mark}}, false},
		{"ec2:CreateTags", volume, policy.Context{"aws:TagKeys": {driver}}, false},
		{"ec2:CreateTags", volume, policy.Context{"aws:TagKeys": {driver, mark}, "ec2:CreateAction": {"CreateVolume"}}, true},
		{"ec2:CreateTags", "arn:aws:ec2:eu-central-1:1:vpc/vpc-1", policy.Context{"aws:TagKeys": {mark}, "ec2:CreateAction": {"CreateVolume"}}, false},
		{"ec2:DeleteVolume ec2:DeleteSnapshot ec2:DeleteTags", volume, policy.Context{"aws:ResourceTag/" + driver: {"true"}}, true},
		{"ec2:DeleteVolume ec2:DeleteSnapshot ec2:DeleteTags", volume, policy.Context{"aws:ResourceTag/Name": {"x"}}, false},
		{"ec2:DeleteTags", "arn:aws:ec2:eu-central-1:1:vpc/vpc-1", policy.Context{"aws:ResourceTag/" + driver: {"true"}}, false},
		{"iam:CreateServiceLinkedRole", "arn:aws:iam::1:role/aws-service-role/x", policy.Context{"iam:AWSServiceName": {"elasticloadbalancing.amazonaws.com"}}, true},
		{"iam:CreateServiceLinkedRole", "arn:aws:iam::1:role/aws-service-role/x", policy.Context{"iam:AWSServiceName": {"eks.amazonaws.com"}}, false},
		{"iam:PassRole iam:CreateUser sts:AssumeRole s3:GetObject ec2:RunInstances ec2:DeleteVpc eks:DeleteCluster kms:CreateGrant secretsmanager:GetSecretValue", "*", nil, false},
	} {
		for _, action := range strings.Fields(c.actions) {
			d := policy.Decide([]policy.Policy{p}, policy.Request{Action: action, Resource: c.on, Context: c.context})
			if (d == policy.Allowed) != c.may {
				t.Errorf("%s with %v: %s", action, c.context, d)
			}
		}
	}
}

// ofAWS is what AWS' policies that are attached to roles allow without a condition, as AWS shows them in its reference of
// managed policies, but for what is tagged and deleted, and what the autoscaler is given.
const ofAWS = `
autoscaling:DescribeAutoScalingGroups autoscaling:UpdateAutoScalingGroup ec2:AttachVolume ec2:AuthorizeSecurityGroupIngress ec2:CreateRoute
ec2:CreateSecurityGroup ec2:CreateVolume ec2:DeleteRoute ec2:DeleteSecurityGroup ec2:DescribeInstances ec2:DescribeRouteTables
ec2:DescribeSecurityGroups ec2:DescribeSubnets ec2:DescribeVolumes ec2:DescribeVolumesModifications ec2:DescribeVpcs ec2:DescribeDhcpOptions
ec2:DescribeNetworkInterfaces ec2:DescribeAvailabilityZones ec2:DescribeInstanceTopology ec2:DetachVolume ec2:ModifyInstanceAttribute
ec2:ModifyVolume ec2:RevokeSecurityGroupIngress ec2:DescribeAccountAttributes ec2:DescribeAddresses ec2:DescribeInternetGateways
elasticloadbalancing:AddTags elasticloadbalancing:CreateListener elasticloadbalancing:CreateLoadBalancer elasticloadbalancing:CreateTargetGroup
elasticloadbalancing:CreateLoadBalancerListeners elasticloadbalancing:DeleteLoadBalancer elasticloadbalancing:DeleteTargetGroup
elasticloadbalancing:DescribeLoadBalancers elasticloadbalancing:DescribeTargetHealth elasticloadbalancing:ModifyListener
elasticloadbalancing:RegisterTargets elasticloadbalancing:DeregisterTargets kms:DescribeKey
ec2:DescribeInstanceTypes eks:DescribeCluster eks-auth:AssumeRoleForPodIdentity
ec2:AssignPrivateIpAddresses ec2:AttachNetworkInterface ec2:CreateNetworkInterface ec2:DeleteNetworkInterface ec2:DescribeTags
ec2:DetachNetworkInterface ec2:ModifyNetworkInterfaceAttribute ec2:UnassignPrivateIpAddresses
ecr:GetAuthorizationToken ecr:BatchGetImage ecr:GetDownloadUrlForLayer ecr:BatchImportUpstreamImage
ec2:CreateSnapshot ec2:DescribeSnapshots ec2:EnableFastSnapshotRestores
autoscaling:DescribeAutoScalingInstances autoscaling:DescribeLaunchConfigurations autoscaling:DescribeScalingActivities ec2:DescribeImages
ec2:DescribeLaunchTemplateVersions ec2:GetInstanceTypesFromInstanceRequirements eks:DescribeNodegroup
autoscaling:SetDesiredCapacity autoscaling:TerminateInstanceInAutoScalingGroup
`

// TestAccountWithoutBoundary is one in which an older template was run: it let roles be made with any boundary or none, and
// made none. Nothing is made there, and it is said what is to be done; once it is done it goes on.
func TestAccountWithoutBoundary(t *testing.T) {
	r := start(t)
	r.mayAll()
	r.accounts[0].Managed = nil
	must(t, core.WriteAccounts(r.dir, r.accounts))
	p := r.provider()
	r.until(cloud.Ready, func() (cloud.Observation, error) { return p.EnsureNetwork(t.Context(), r.home(), network(owner)) })
	_, made := r.ensureCluster(p, r.home())
	for what, err := range map[string]error{"make": made, "verify": p.Check(t.Context(), r.home().Account)} {
		var is *cloud.Error
		if !errors.As(err, &is) || is.Class != cloud.Denied || is.Code != "NoBoundary" || !strings.Contains(is.Message, "run the template of aerie account bootstrap again") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if all := r.roles(); len(all) > 0 {
		t.Errorf("there are roles: %v", all)
	}
	r.deploy(&r.accounts[0])
	must(t, core.WriteAccounts(r.dir, r.accounts))
	must(t, p.Check(t.Context(), r.home().Account))
	r.until(cloud.Ready, func() (cloud.Observation, error) { return r.ensureCluster(p, r.home()) })
}

// TestOldTemplateMayNotBind is an account with an older template, in which a role from before is to be given something.
func TestOldTemplateMayNotBind(t *testing.T) {
	r := start(t)
	p := r.provider()
	r.up(p, r.home())
	r.until(cloud.Ready, func() (cloud.Observation, error) { return p.EnsureAddon(t.Context(), r.home(), autoscaler) })
	for name := range r.roles() {
		_, err := iam.NewFromConfig(r.theirs).DeleteRolePermissionsBoundary(t.Context(), &iam.DeleteRolePermissionsBoundaryInput{RoleName: &name})
		must(t, err)
	}
	r.accounts[0].Users[0].Denied = []string{"iam:PutRolePermissionsBoundary"}
	must(t, core.WriteAccounts(r.dir, r.accounts))
	_, err := p.EnsureAddon(t.Context(), r.home(), autoscaler)
	var is *cloud.Error
	if !errors.As(err, &is) || is.Class != cloud.Denied || is.Code != "NoBoundary" {
		t.Fatal(err)
	}
}

// unbound is a role that is called like one of ours, with our mark and without the boundary.
func (r *rig) unbound() *string {
	r.Helper()
	name, mark := awssdk.String("aerie-unbound"), []types.Tag{{Key: awssdk.String("aerie.io/owner"), Value: awssdk.String(owner)}}
	_, err := iam.NewFromConfig(r.theirs).CreateRole(r.Context(), &iam.CreateRoleInput{RoleName: name, Path: awssdk.String("/aerie/x/y/"), Tags: mark, AssumeRolePolicyDocument: awssdk.String(`{"Statement":[]}`)})
	must(r, err)
	return name
}

// TestRoleWithoutBoundary makes the calls by which a role of ours could come to more than the boundary lets it.
func TestRoleWithoutBoundary(t *testing.T) {
	r := start(t)
	c, name, all := iam.NewFromConfig(r.config), r.unbound(), awssdk.String(everything)
	other, ours := awssdk.String("arn:aws:iam::aws:policy/AdministratorAccess"), awssdk.String(r.boundary())
	trust, path := awssdk.String(`{"Statement":[]}`), awssdk.String("/aerie/x/y/")
	_, err := c.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: awssdk.String("bound"), Path: path, AssumeRolePolicyDocument: trust, PermissionsBoundary: ours})
	must(t, err)
	attach := &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: awssdk.String("arn:aws:iam::aws:policy/AmazonEKSClusterPolicy")}
	for what, call := range map[string]error{
		"make one without":      refused(c.CreateRole, &iam.CreateRoleInput{RoleName: awssdk.String("y"), Path: path, AssumeRolePolicyDocument: trust})(t.Context()),
		"make one with another": refused(c.CreateRole, &iam.CreateRoleInput{RoleName: awssdk.String("y"), Path: path, AssumeRolePolicyDocument: trust, PermissionsBoundary: other})(t.Context()),
		"give rights":           refused(c.PutRolePolicy, &iam.PutRolePolicyInput{RoleName: name, PolicyName: name, PolicyDocument: all})(t.Context()),
		"attach":                refused(c.AttachRolePolicy, attach)(t.Context()),
		"take it off":           refused(c.DeleteRolePermissionsBoundary, &iam.DeleteRolePermissionsBoundaryInput{RoleName: awssdk.String("bound")})(t.Context()),
		"give another":          refused(c.PutRolePermissionsBoundary, &iam.PutRolePermissionsBoundaryInput{RoleName: awssdk.String("bound"), PermissionsBoundary: other})(t.Context()),
	} {
		if cloud.ClassOf(awserr.Of("", call)) != cloud.Denied || !strings.Contains(call.Error(), "is not authorized to perform") {
			t.Errorf("%s: %v", what, call)
		}
	}
	_, err = c.PutRolePermissionsBoundary(t.Context(), &iam.PutRolePermissionsBoundaryInput{RoleName: name, PermissionsBoundary: ours})
	must(t, err)
	_, err = c.AttachRolePolicy(t.Context(), attach)
	must(t, err)
}
