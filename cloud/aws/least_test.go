package aws_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/cloud/emulator/aws/policy"
)

// names are the actions of the template, each once.
func names(only func(aws.Action) bool) (all []string) {
	for _, a := range aws.Actions() {
		if only(a) {
			all = append(all, a.Name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// take takes one right out of the policies of the customer's role.
func (r *rig) take(action string) {
	r.Helper()
	r.deploy(&r.accounts[1])
	role := &r.accounts[1].Roles[0]
	var policy struct {
		Version   string
		Statement []map[string]any
	}
	must(r, json.Unmarshal(role.Policies[0], &policy))
	for _, s := range policy.Statement {
		s["Action"] = slices.DeleteFunc(s["Action"].([]any), func(a any) bool { return a == action })
	}
	policy.Statement = slices.DeleteFunc(policy.Statement, func(s map[string]any) bool { return len(s["Action"].([]any)) == 0 })
	data, err := json.Marshal(policy)
	must(r, err)
	role.Policies = []json.RawMessage{data}
	must(r, core.WriteAccounts(r.dir, r.accounts))
}

// TestCheckNamesEachRight takes each right of the template away in turn.
func TestCheckNamesEachRight(t *testing.T) {
	r := start(t)
	p := r.provider()
	all := names(func(aws.Action) bool { return true })
	for _, action := range all {
		r.take(action)
		err := p.Check(t.Context(), r.customer().Account)
		if cloud.ClassOf(err) != cloud.Denied || !strings.HasSuffix(err.Error(), " may not: "+action) {
			t.Errorf("without %s: %v", action, err)
		}
	}
	r.take("")
	must(t, p.Check(t.Context(), r.customer().Account))
}

// TestImpliedRightsAreNeeded takes away each right to what is asked for in a call of another name: a dataplane can't be made.
func TestImpliedRightsAreNeeded(t *testing.T) {
	for _, action := range names(func(a aws.Action) bool { return a.Implied }) {
		r := start(t)
		r.take(action)
		if err := r.live(r.provider()); cloud.ClassOf(err) != cloud.Denied || !strings.Contains(err.Error(), " perform: "+action+" on ") {
			t.Errorf("without %s: %v", action, err)
		}
	}
}

// live makes a dataplane at the customer's, up to the first error.
func (r *rig) live(p *aws.Provider) error {
	r.Helper()
	s, ctx := r.customer(), r.Context()
	for _, ask := range []func() (cloud.Observation, error){
		func() (cloud.Observation, error) { return p.EnsureNetwork(ctx, s, network(owner)) },
		func() (cloud.Observation, error) { return r.ensureCluster(p, s) },
		func() (cloud.Observation, error) {
			return p.EnsurePool(ctx, s, cloud.PoolSpec{Cluster: "cl1", Name: "p1", Owner: owner, Machine: "s2", Min: 1, Max: 2, Token: "t3"})
		},
		func() (cloud.Observation, error) {
			return p.EnsureAddon(ctx, s, cloud.AddonSpec{Cluster: "cl1", Addon: cloud.AddonStorage, Owner: owner, Token: "t4"})
		},
	} {
		for o := (cloud.Observation{}); o.Phase != cloud.Ready; r.advance(soon) {
			var err error
			if o, err = ask(); err != nil {
				return err
			}
		}
	}
	return nil
}

// TestTemplateFits holds the role's policy to what AWS lets inline policies of a role have: 10240 characters, without
// white space, in all.
// A policy of the account, such as the boundary, may have 6144.
func TestTemplateFits(t *testing.T) {
	r := start(t)
	if n := len(r.accounts[1].Roles[0].Policies[0]); n > 10240 {
		t.Errorf("the policy has %d characters", n)
	}
	if n := len(r.accounts[1].Managed[0].Document); n > 6144 {
		t.Errorf("the boundary has %d characters", n)
	}
}

// TestLimitsOfTheTemplate judges by the template what can't be tried by a call in the emulated cloud.
func TestLimitsOfTheTemplate(t *testing.T) {
	r := start(t)
	p, err := policy.Parse(r.accounts[1].Roles[0].Policies[0])
	must(t, err)
	const balancer, role = "arn:aws:elasticloadbalancing:eu-central-1:444455556666:loadbalancer/x", "arn:aws:iam::444455556666:role/aerie/eu/c/x"
	const bound = "arn:aws:iam::444455556666:policy/aerie/aerie-boundary"
	for _, c := range []struct {
		action, on, key, value string
		may                    bool
	}{
		{"elasticloadbalancing:DeleteLoadBalancer", balancer, "aws:ResourceTag/Name", "x", false},
		{"elasticloadbalancing:DeleteLoadBalancer", balancer, "aws:ResourceTag/elbv2.k8s.aws/cluster", "c", true},
		{"elasticloadbalancing:DeleteLoadBalancer", balancer, "aws:ResourceTag/kubernetes.io/service-name", "a/b", true},
		{"elasticloadbalancing:DeleteTargetGroup", balancer, "aws:ResourceTag/Name", "x", false},
		{"iam:AttachRolePolicy", role, "iam:PolicyARN", "arn:aws:iam::aws:policy/AdministratorAccess", false},
		{"iam:AttachRolePolicy", role, "iam:PolicyARN", "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy", true},
		{"iam:UpdateAssumeRolePolicy", role, "x", "x", false},
		{"iam:DeletePolicy", bound, "x", "x", false},
		{"iam:CreatePolicy", bound, "x", "x", false},
		{"iam:CreatePolicyVersion", bound, "x", "x", false},
		{"iam:SetDefaultPolicyVersion", bound, "x", "x", false},
		{"iam:DeletePolicyVersion", bound, "x", "x", false},
		{"iam:DeleteRolePermissionsBoundary", role, "x", "x", false},
		{"iam:PassRole", role, "iam:PassedToService", "lambda.amazonaws.com", false},
		{"iam:PutRolePolicy", "arn:aws:iam::444455556666:role/aerie", "x", "x", false}, // its own
		{"iam:PassRole", "arn:aws:iam::444455556666:role/aerie", "iam:PassedToService", "ec2.amazonaws.com", false},
		{"iam:CreateServiceLinkedRole", "arn:aws:iam::444455556666:role/aws-service-role/x", "iam:AWSServiceName", "support.amazonaws.com", false},
		{"ec2:RevokeSecurityGroupIngress", "arn:aws:ec2:eu-central-1:444455556666:security-group/sg-1", "aws:ResourceTag/aws:eks:cluster-name", "c", true},
	} {
		d := policy.Decide([]policy.Policy{p}, policy.Request{Action: c.action, Resource: c.on, Context: policy.Context{c.key: {c.value}, "iam:PermissionsBoundary": {bound}}})
		if (d == policy.Allowed) != c.may {
			t.Errorf("%s with %s %s: %s", c.action, c.key, c.value, d)
		}
	}
}
