package aws_test

import (
	"maps"
	"slices"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekst "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/emulator"
)

// TestWhoIsLetIn changes the wish for who may work in a cluster, with somebody in it whom somebody else has let in.
func TestWhoIsLetIn(t *testing.T) {
	r := start(t)
	p := r.provider()
	const ops, dev, guest = "arn:aws:iam::444455556666:role/ops", "arn:aws:iam::444455556666:role/dev", "arn:aws:iam::444455556666:role/guest"
	ensure := func(admits ...cloud.AccessEntry) (cloud.Observation, error) {
		return p.EnsureCluster(t.Context(), r.home(), cloud.ClusterSpec{Name: "cl1", Owner: owner, Network: "net1", Version: "1.35", Token: "t2", Admits: admits})
	}
	r.until(cloud.Ready, func() (cloud.Observation, error) { return p.EnsureNetwork(t.Context(), r.home(), network(owner)) })
	view := cloud.AccessEntry{Principal: ops, Policy: "view"}
	r.until(cloud.Ready, func() (cloud.Observation, error) { return ensure(view) })
	r.mayIn(ops, "AmazonEKSViewPolicy")

	_, err := eks.NewFromConfig(r.theirs).CreateAccessEntry(t.Context(), &eks.CreateAccessEntryInput{ClusterName: awssdk.String("cl1"), PrincipalArn: awssdk.String(guest)})
	must(t, err)
	r.inject(emulator.Fault{Op: "eks:AssociateAccessPolicy", Lost: true})
	edit := []cloud.AccessEntry{{Principal: ops, Policy: "edit"}, {Principal: dev, Policy: "cluster-admin"}}
	if _, err := ensure(edit...); cloud.ClassOf(err) != cloud.Retryable {
		t.Fatal(err)
	}
	o, err := ensure(edit...)
	must(t, err)
	if o.Phase != cloud.Ready {
		t.Fatalf("%+v", o)
	}
	r.mayIn(ops, "AmazonEKSEditPolicy")
	r.mayIn(dev, "AmazonEKSClusterAdminPolicy")
	for _, c := range r.byHandIn(ops, dev) {
		r.admitted(p, "arn:aws:iam::444455556666:role/dev cluster-admin", "arn:aws:iam::444455556666:role/ops edit")
		must(t, c.do())
		r.admitted(p, c.want...)
		_, err := ensure(edit...)
		must(t, err)
	}
	r.admitted(p, "arn:aws:iam::444455556666:role/dev cluster-admin", "arn:aws:iam::444455556666:role/ops edit")

	_, err = ensure()
	must(t, err)
	r.mayIn(ops)
	r.mayIn(dev)
	r.mayIn(guest, "")

	if _, err := ensure(cloud.AccessEntry{Principal: guest, Policy: "view"}); cloud.ClassOf(err) != cloud.Taken {
		t.Error("somebody else's entry is changed:", err)
	}
	for _, wrong := range []cloud.AccessEntry{{Principal: "ops", Policy: "view"}, {Principal: ops, Policy: "all"}} {
		if _, err := ensure(wrong); cloud.ClassOf(err) != cloud.Invalid {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}

// mayIn asserts which policies somebody has in a cluster; one that is empty stands for an entry without any.
func (r *rig) mayIn(principal string, policies ...string) {
	r.Helper()
	is, err := eks.NewFromConfig(r.theirs).ListAssociatedAccessPolicies(r.Context(), &eks.ListAssociatedAccessPoliciesInput{ClusterName: awssdk.String("cl1"), PrincipalArn: &principal})
	if (err != nil) != (len(policies) == 0) {
		r.Fatalf("%s: %v", principal, err)
	}
	if len(policies) == 0 || policies[0] == "" {
		return
	}
	if len(is.AssociatedAccessPolicies) != 1 || *is.AssociatedAccessPolicies[0].PolicyArn != "arn:aws:eks::aws:cluster-access-policy/"+policies[0] {
		r.Errorf("%s may %+v", principal, is.AssociatedAccessPolicies)
	}
}

// admitted asserts what is seen of whom we have let in.
func (r *rig) admitted(p cloud.Provider, want ...string) {
	r.Helper()
	o, err := p.ObserveCluster(r.Context(), r.home(), "cl1")
	must(r, err)
	var is []string
	for _, a := range o.Admits {
		is = append(is, a.Principal+" "+a.Policy)
	}
	if !slices.Equal(is, want) {
		r.Errorf("let in are %q, want %q", is, want)
	}
}

// handIn is what somebody else does to whom we have let in, and what is seen of that.
type handIn struct {
	do   func() error
	want []string
}

func (r *rig) byHandIn(ops, dev string) []handIn {
	c, cluster := eks.NewFromConfig(r.theirs), awssdk.String("cl1")
	view := awssdk.String("arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy")
	associate := func(policy string, scope *ekst.AccessScope) error {
		_, err := c.AssociateAccessPolicy(r.Context(), &eks.AssociateAccessPolicyInput{ClusterName: cluster, PrincipalArn: &ops, PolicyArn: &policy, AccessScope: scope})
		return err
	}
	edit := "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
	return []handIn{
		{func() error {
			_, err := c.DeleteAccessEntry(r.Context(), &eks.DeleteAccessEntryInput{ClusterName: cluster, PrincipalArn: &ops})
			return err
		}, []string{dev + " cluster-admin"}},
		{func() error { return associate(*view, &ekst.AccessScope{Type: ekst.AccessScopeTypeCluster}) }, []string{dev + " cluster-admin", ops + " edit and view"}},
		{func() error {
			return associate(edit, &ekst.AccessScope{Type: ekst.AccessScopeTypeNamespace, Namespaces: []string{"a", "b"}})
		}, []string{dev + " cluster-admin", ops + " edit in a b"}},
		{func() error {
			_, err := c.DisassociateAccessPolicy(r.Context(), &eks.DisassociateAccessPolicyInput{ClusterName: cluster, PrincipalArn: &ops, PolicyArn: &edit})
			return err
		}, []string{dev + " cluster-admin", ops + " nothing"}},
	}
}

// TestInspectionAsksForFewEntries counts what a look at a cluster asks for: each entry but those of machines is described, and
// what somebody may do is asked only of whom we have let in.
func TestInspectionAsksForFewEntries(t *testing.T) {
	r := start(t)
	p := r.provider()
	const ops = "arn:aws:iam::444455556666:role/ops"
	r.until(cloud.Ready, func() (cloud.Observation, error) { return p.EnsureNetwork(t.Context(), r.home(), network(owner)) })
	r.until(cloud.Ready, func() (cloud.Observation, error) {
		return p.EnsureCluster(t.Context(), r.home(), cloud.ClusterSpec{Name: "cl1", Owner: owner, Network: "net1", Version: "1.35", Token: "t2", Admits: []cloud.AccessEntry{{Principal: ops, Policy: "view"}}})
	})
	for _, pool := range []string{"p1", "p2"} {
		r.until(cloud.Ready, func() (cloud.Observation, error) {
			return p.EnsurePool(t.Context(), r.home(), cloud.PoolSpec{Cluster: "cl1", Name: pool, Owner: owner, Machine: "s2", Min: 1, Max: 2, Token: "t3" + pool})
		})
	}
	before := len(r.ledger().Calls)
	r.admitted(p, ops+" view")
	made := map[string]int{}
	for _, c := range r.ledger().Calls[before:] {
		made[c.Op]++
	}
	want := map[string]int{"DescribeCluster": 1, "ListAccessEntries": 1, "DescribeAccessEntry": 2, "ListAssociatedAccessPolicies": 1} // we made the cluster
	if !maps.Equal(made, want) {
		t.Errorf("made are %v, want %v", made, want)
	}
}
