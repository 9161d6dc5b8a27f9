package aws_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws"
	"github.com/aeriehq/aerie/cloud/cloudtest"
	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// rare are the rights to calls that are made only when somebody else has changed something by hand, or left something
// behind, or is to be let into a cluster.
var rare = []string{
	"ec2:DeleteNetworkInterface", "ec2:ReplaceRoute", "ec2:RevokeSecurityGroupIngress",
	"eks:AssociateAccessPolicy", "eks:CreateAccessEntry", "eks:DeleteAccessEntry", "eks:DisassociateAccessPolicy", "eks:ListAssociatedAccessPolicies",
	"elasticloadbalancing:DeleteLoadBalancer", "elasticloadbalancing:DeleteTargetGroup", "elasticloadbalancing:DescribeTags",
	"iam:PutRolePermissionsBoundary",
}

// TestConformance tries the suite, and compares the calls that are made in it with the rights that are asked for.
func TestConformance(t *testing.T) {
	made := map[string]bool{}
	cloudtest.Run(t, func(t *testing.T) cloudtest.Rig {
		r := start(t)
		rig := r.conformance()
		before := len(r.ledger().Calls)
		t.Cleanup(func() {
			for _, c := range r.ledger().Calls[before:] {
				if !strings.HasSuffix(c.Caller, "/them") {
					made[c.Service+":"+c.Op] = true
				}
			}
		})
		return rig
	})
	asked := map[string]bool{} // whether it must be called
	for _, a := range aws.Actions() {
		asked[a.Name] = !a.Implied && !slices.Contains(rare, a.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(made)) {
		service, _, _ := strings.Cut(name, ":")
		if _, known := asked[name]; !known && (service == "ec2" || service == "eks" || service == "iam" || service == "elasticloadbalancing") {
			t.Errorf("%s is called, and no right to it is asked for", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		if asked[name] && !made[name] {
			t.Errorf("the right to %s is asked for, and it is not called", name)
		}
	}
}

// TestCheckNamesWhatIsMissing takes rights away.
func TestCheckNamesWhatIsMissing(t *testing.T) {
	r := start(t)
	p := r.provider()
	must(t, p.Check(t.Context(), r.home().Account))
	must(t, p.Check(t.Context(), r.customer().Account))
	r.accounts[1].Roles[0].Denied = []string{"eks:CreateCluster", "iam:PassRole"}
	must(t, core.WriteAccounts(r.dir, r.accounts))
	err := p.Check(t.Context(), r.customer().Account)
	if cloud.ClassOf(err) != cloud.Denied || !strings.Contains(err.Error(), "may not: eks:CreateCluster, iam:PassRole") {
		t.Fatal(err)
	}
	must(t, p.Check(t.Context(), r.home().Account))
}

// TestWrongDoor tries to come into accounts that are not ours to come into.
func TestWrongDoor(t *testing.T) {
	r := start(t)
	good := r.customer().Account
	wrong, other, absent := good, good, good
	wrong.ExternalID += "x"
	other.ID, other.Role = r.home().Account.ID, "arn:aws:iam::"+good.ID+":role/"+good.Role
	absent.Role = "nobody"
	for _, a := range []cloud.Account{wrong, other, absent, {ID: good.ID}} {
		if err := r.provider().Check(t.Context(), a); cloud.ClassOf(err) != cloud.Denied {
			t.Errorf("%+v: %v", a, err)
		}
	}
}

func (r *rig) ledger() emulator.Ledger {
	r.Helper()
	l, err := emulator.ReadLedger(r.dir)
	must(r, err)
	return l
}
