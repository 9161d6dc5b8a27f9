package aws_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/emulator"
)

// whole builds all that a dataplane has, or what is missing of it.
func (r *rig) whole(p cloud.Provider) {
	r.Helper()
	r.up(p, r.home())
	r.until(cloud.Ready, func() (cloud.Observation, error) {
		return p.EnsurePool(r.Context(), r.home(), cloud.PoolSpec{Cluster: "cl1", Name: "p1", Owner: owner, Machine: "s2", Min: 1, Max: 2, Token: "t3"})
	})
	for _, a := range cloud.Addons() {
		r.until(cloud.Ready, func() (cloud.Observation, error) {
			return p.EnsureAddon(r.Context(), r.home(), cloud.AddonSpec{Cluster: "cl1", Addon: a, Owner: owner, Token: "t4"})
		})
	}
}

// has counts what is there and ours, by kind and purpose; of what the cloud gives a name to by the kind alone.
func (r *rig) has() (things map[string]int, docs map[string]string) {
	r.Helper()
	r.advance(soon)
	things, docs = map[string]int{}, map[string]string{}
	for _, e := range r.ledger().Live(r.cloud.Now()) {
		if e.Owner() == "" {
			continue
		}
		what := e.Kind + " " + e.Purpose()
		things[what]++
		docs[what] = fmt.Sprint(e.Doc)
	}
	return things, docs
}

// TestARepairLeavesNothing deletes one kind of thing after the other by hand, has all made whole again, and asks the ledger
// each time: there is what was there before, each once.
func TestARepairLeavesNothing(t *testing.T) {
	first := start(t)
	first.whole(first.provider())
	before, _ := first.has()
	kinds := map[string]bool{}
	for _, e := range first.ledger().Live(first.cloud.Now()) {
		kinds[e.Kind] = kinds[e.Kind] || e.Owner() != ""
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		switch {
		case !kinds[kind], kind == "vpc": // nothing can stand on a network that is gone
			continue
		case kind == "natgateway": // a hand leaves its address associated, which AWS does not
			continue
		case kind == "role": // of a cluster or a pool that is there nobody looks at its role
			continue
		}
		t.Run(kind, func(t *testing.T) {
			r := start(t)
			p := r.provider()
			r.whole(p)
			was := r.ledger().Live(r.cloud.Now())
			n, err := r.cloud.ByHand(emulator.ManualChange{Delete: kind})
			must(t, err)
			r.advance(soon)
			r.whole(r.provider())
			is, _ := r.has()
			if n == 0 || !maps.Equal(before, is) {
				t.Errorf("%d were deleted; there was %v, and there is %v", n, before, is)
			}
			if kind == "cluster" {
				r.trustsNothingFormer(was)
			}
		})
	}
}

// trustsNothingFormer asserts that no provider of a cluster that is gone is left, and that no role trusts it.
func (r *rig) trustsNothingFormer(was []emulator.Entry) {
	r.Helper()
	for _, old := range was {
		if old.Kind != "oidc-provider" {
			continue
		}
		for _, e := range r.ledger().Live(r.cloud.Now()) {
			if e.N == old.N {
				r.Errorf("%s is left", old.Name)
			}
			if e.Kind == "role" && strings.Contains(fmt.Sprint(e.Doc), old.Name) {
				r.Errorf("role %s trusts %s", e.Name, old.Name)
			}
		}
	}
}

// TestAnAddonSaysWhatItLacks deletes by hand what the pods of an add-on need to be its role: a look says so, and an ensure makes it.
func TestAnAddonSaysWhatItLacks(t *testing.T) {
	for _, row := range []struct{ delete, match, lacks string }{
		{"oidc-provider", "", "the identity provider of its cluster"}, {"role", "aerie-addon-cl1-storage", "its role"},
	} {
		t.Run(row.delete, func(t *testing.T) {
			r := start(t)
			p := r.provider()
			r.whole(p)
			look := func(addon cloud.Addon, lacks string) {
				t.Helper()
				o, err := p.ObserveAddon(t.Context(), r.home(), "cl1", addon)
				if err != nil || o.Phase != cloud.Ready || o.Lacks != lacks {
					t.Errorf("%s is %s and lacks %q, %v; wanted %q", addon, o.Phase, o.Lacks, err, lacks)
				}
			}
			look(cloud.AddonStorage, "")
			n, err := r.cloud.ByHand(emulator.ManualChange{Delete: row.delete, Match: row.match})
			if err != nil || n != 1 {
				t.Fatalf("%d are deleted, %v", n, err)
			}
			look(cloud.AddonStorage, row.lacks)
			look(cloud.AddonDNS, "") // its pods are no role
			if row.match == "" {
				look(cloud.AddonAutoscaler, row.lacks)
			}
			r.until(cloud.Ready, func() (cloud.Observation, error) {
				return p.EnsureAddon(t.Context(), r.home(), cloud.AddonSpec{Cluster: "cl1", Addon: cloud.AddonStorage, Owner: owner, Token: "t4"})
			})
			r.advance(soon)
			look(cloud.AddonStorage, "")
		})
	}
}
