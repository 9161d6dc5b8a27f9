package sdktest

import (
	"net/url"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamt "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

func TestRoles(t *testing.T) {
	r := start(t, 0)
	ctx := t.Context()
	in := &iam.CreateRoleInput{RoleName: str("r"), AssumeRolePolicyDocument: str(trust), Tags: []iamt.Tag{{Key: str("aerie.io/owner"), Value: str("a")}}}
	_, err := r.iam.CreateRole(ctx, in)
	must(t, err)
	_, err = r.iam.CreateRole(ctx, in)
	is(t, "EntityAlreadyExists", err)
	got, err := r.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: str("r")})
	must(t, err)
	if policy, _ := url.QueryUnescape(*got.Role.AssumeRolePolicyDocument); policy != trust || *got.Role.Tags[0].Value != "a" {
		t.Fatalf("%+v", got.Role)
	}
	_, err = r.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: str("x")})
	is(t, "NoSuchEntity", err)
	_, err = r.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: str("r"), PolicyDocument: str("nonsense")})
	is(t, "MalformedPolicyDocument", err)
	_, err = r.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: str("r"), PolicyDocument: str(`{"Statement":[]}`)})
	must(t, err)

	policy := str("arn:aws:iam::aws:policy/AmazonEKSClusterPolicy")
	for range 2 {
		_, err = r.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: str("r"), PolicyArn: policy})
		must(t, err)
	}
	attached, err := r.iam.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: str("r")})
	if err != nil || len(attached.AttachedPolicies) != 1 || *attached.AttachedPolicies[0].PolicyName != "AmazonEKSClusterPolicy" {
		t.Fatal(attached, err)
	}
	_, err = r.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: str("r")})
	is(t, "DeleteConflict", err)
	_, err = r.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: str("r"), PolicyArn: policy})
	must(t, err)
	_, err = r.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: str("r"), PolicyArn: policy})
	is(t, "NoSuchEntity", err)

	_, err = r.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: str("r"), PolicyName: str("p"), PolicyDocument: str(`{"a": 1}`)})
	is(t, "MalformedPolicyDocument", err)
	const looks = `{"Statement": {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}}`
	_, err = r.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: str("r"), PolicyName: str("p"), PolicyDocument: str(looks)})
	must(t, err)
	inline, err := r.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: str("r"), PolicyName: str("p")})
	if text, _ := url.QueryUnescape(*inline.PolicyDocument); err != nil || text != looks {
		t.Fatal(text, err)
	}
	_, err = r.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: str("r")})
	is(t, "DeleteConflict", err)
	names, err := r.iam.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: str("r")})
	if err != nil || len(names.PolicyNames) != 1 {
		t.Fatal(names, err)
	}
	_, err = r.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: str("r"), PolicyName: str("p")})
	must(t, err)
	_, err = r.iam.TagRole(ctx, &iam.TagRoleInput{RoleName: str("r"), Tags: []iamt.Tag{{Key: str("b"), Value: str("1")}}})
	must(t, err)
	marks, err := r.iam.ListRoleTags(ctx, &iam.ListRoleTagsInput{RoleName: str("r")})
	if err != nil || len(marks.Tags) != 2 {
		t.Fatal(marks, err)
	}
	profiles, err := r.iam.ListInstanceProfilesForRole(ctx, &iam.ListInstanceProfilesForRoleInput{RoleName: str("r")})
	if err != nil || len(profiles.InstanceProfiles) != 0 {
		t.Fatal(profiles, err)
	}
	_, err = r.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: str("r")})
	must(t, err)
	all, err := r.iam.ListRoles(ctx, nil)
	if err != nil || len(all.Roles) != 0 {
		t.Fatal(all, err)
	}
}

func TestOIDCProviders(t *testing.T) {
	r := start(t, 0)
	ctx := t.Context()
	in := &iam.CreateOpenIDConnectProviderInput{Url: str("https://oidc.eks.eu-west-1.amazonaws.com/id/A"), ClientIDList: []string{"sts.amazonaws.com"}, Tags: []iamt.Tag{{Key: str("a"), Value: str("1")}}}
	made, err := r.iam.CreateOpenIDConnectProvider(ctx, in)
	must(t, err)
	_, err = r.iam.CreateOpenIDConnectProvider(ctx, in)
	is(t, "EntityAlreadyExists", err)
	arn := made.OpenIDConnectProviderArn
	_, err = r.iam.TagOpenIDConnectProvider(ctx, &iam.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, Tags: []iamt.Tag{{Key: str("b"), Value: str("1")}}})
	must(t, err)
	got, err := r.iam.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn})
	if err != nil || got.ClientIDList[0] != "sts.amazonaws.com" || len(got.Tags) != 2 {
		t.Fatal(got, err)
	}
	all, err := r.iam.ListOpenIDConnectProviders(ctx, nil)
	if err != nil || *all.OpenIDConnectProviderList[0].Arn != *arn {
		t.Fatal(all, err)
	}
	marks, err := r.iam.ListOpenIDConnectProviderTags(ctx, &iam.ListOpenIDConnectProviderTagsInput{OpenIDConnectProviderArn: arn})
	if err != nil || len(marks.Tags) != 2 {
		t.Fatal(marks, err)
	}
	_, err = r.iam.DeleteOpenIDConnectProvider(ctx, &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn})
	must(t, err)
	_, err = r.iam.DeleteOpenIDConnectProvider(ctx, &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn})
	is(t, "NoSuchEntity", err)
}

// TestNewRole is a role that EKS does not take at first, in all the words that EKS has for that.
func TestNewRole(t *testing.T) {
	r := start(t, 1)
	g := r.ground()
	try := func(role string) error {
		g := g
		g.clusterRole = role
		_, err := r.eks.CreateCluster(t.Context(), g.cluster("d", "1"))
		return err
	}
	for _, row := range []struct {
		name, role, words string
		make              func() (string, error)
		after             time.Duration
	}{
		{"it is new", "", "could not be assumed because it does not exist", func() (string, error) { return r.role(t.Context(), "new", "AmazonEKSClusterPolicy") }, 0},
		{"it has no policy", "", "doesn't have the Amazon EKS Managed Policies", func() (string, error) { return r.role(t.Context(), "bare") }, soon},
		{"it trusts another", "", "the trusted entity is not correct", func() (string, error) {
			out, err := r.iam.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: str("other"), AssumeRolePolicyDocument: str(`{"Statement":[]}`)})
			return *out.Role.Arn, err
		}, soon},
		{"it is never there", "", "does not exist", func() (string, error) { return "arn:aws:iam::" + r.accounts()[0].ID + ":role/none", nil }, soon},
	} {
		t.Run(row.name, func(t *testing.T) {
			role, err := row.make()
			must(t, err)
			if row.after > 0 {
				r.advance(row.after)
			}
			err = try(role)
			if is(t, "InvalidParameterException", err); !strings.Contains(err.Error(), row.words) {
				t.Fatal(err)
			}
		})
	}
	r.advance(soon)
	must(t, try("arn:aws:iam::"+r.accounts()[0].ID+":role/new"))
}

// TestBYOA is the platform in a customer's account: by a role and an external id, for an hour, and with what rights that has.
func TestBYOA(t *testing.T) {
	r := start(t, 0)
	ctx := t.Context()
	_, err := r.as("wrong")
	is(t, "AccessDenied", err)
	_, err = r.as("")
	is(t, "AccessDenied", err)
	customer, err := r.as(r.accounts()[1].Roles[0].ExternalID)
	must(t, err)
	who, err := customer.sts.GetCallerIdentity(ctx, nil)
	if err != nil || *who.Account != r.accounts()[1].ID || !strings.Contains(*who.Arn, ":assumed-role/aerie/") {
		t.Fatal(who, err)
	}
	_, err = customer.ec2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: str("10.0.0.0/16")})
	must(t, err)
	ours, err := r.ec2.DescribeVpcs(ctx, nil)
	if err != nil || len(ours.Vpcs) != 0 {
		t.Fatal("one account sees another's", ours, err)
	}
	_, err = customer.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: str("arn:aws:iam::" + r.accounts()[1].ID + ":role/aerie"), RoleSessionName: str("x")})
	is(t, "AccessDenied", err)

	var touched bool
	for _, touch := range r.ledger().Touched() {
		touched = touched || touch.Account == r.accounts()[1].ID && touch.Home == r.accounts()[0].ID && strings.Contains(touch.Caller, "assumed-role/aerie")
	}
	if !touched {
		t.Error(r.ledger().Touched())
	}
	r.advance(time.Hour)
	_, err = customer.sts.GetCallerIdentity(ctx, nil)
	is(t, "ExpiredToken", err)
	_, err = customer.eks.ListClusters(ctx, nil)
	is(t, "ExpiredTokenException", err)
	_, err = customer.ec2.DescribeVpcs(ctx, nil)
	is(t, "RequestExpired", err)
}

// TestRights takes rights away while the cloud runs, and finds out which.
func TestRights(t *testing.T) {
	r := start(t, 0)
	ctx := t.Context()
	all := r.accounts()
	all[1].Roles[0].Denied = []string{"eks:CreateCluster", "ec2:*", "iam:CreateRole"}
	must(t, core.WriteAccounts(r.dir, all))
	customer, err := r.as(all[1].Roles[0].ExternalID)
	must(t, err)
	_, err = customer.eks.CreateCluster(ctx, ground{clusterRole: "arn", subnets: []string{"s"}}.cluster("c", "1"))
	is(t, "AccessDeniedException", err)
	_, err = customer.ec2.DescribeVpcs(ctx, nil)
	is(t, "UnauthorizedOperation", err)
	_, err = customer.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: str("r"), AssumeRolePolicyDocument: str(trust)})
	is(t, "AccessDenied", err)
	_, err = customer.eks.ListClusters(ctx, &eks.ListClustersInput{})
	must(t, err)
	out, err := customer.iam.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: str("arn:aws:iam::" + all[1].ID + ":role/aerie"), ActionNames: []string{"eks:CreateCluster", "eks:DescribeCluster", "ec2:CreateVpc"},
	})
	must(t, err)
	var got []string
	for _, e := range out.EvaluationResults {
		got = append(got, *e.EvalActionName+" "+string(e.EvalDecision))
	}
	if want := "eks:CreateCluster explicitDeny, eks:DescribeCluster allowed, ec2:CreateVpc explicitDeny"; strings.Join(got, ", ") != want {
		t.Error(got)
	}
	_, err = r.ec2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: str("10.0.0.0/16"), DryRun: awssdk.Bool(true)})
	is(t, "DryRunOperation", err)
}

// TestKeys refuses who is not known, in each service's words.
func TestKeys(t *testing.T) {
	r := start(t, 0)
	user := r.accounts()[0].Users[0]
	for _, row := range []struct {
		name                   string
		cfg                    awssdk.Config
		forEC2, forIAM, forEKS string
	}{
		{"a key that is none", r.config("AKIANONE", "x"), "AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException"},
		{"another's secret", r.config(user.AccessKeyID, "x"), "AuthFailure", "SignatureDoesNotMatch", "InvalidSignatureException"},
		{"a session that is none", func() awssdk.Config {
			cfg := r.cfg.Copy()
			cfg.Credentials = credentials.NewStaticCredentialsProvider(user.AccessKeyID, user.SecretAccessKey, "token")
			return cfg
		}(), "AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := clientsOf(row.cfg)
			_, err := c.ec2.DescribeVpcs(t.Context(), nil)
			is(t, row.forEC2, err)
			_, err = c.iam.ListRoles(t.Context(), nil)
			is(t, row.forIAM, err)
			_, err = c.eks.ListClusters(t.Context(), nil)
			is(t, row.forEKS, err)
		})
	}
}
