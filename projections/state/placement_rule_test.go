package state_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/region"
	"github.com/aeriehq/aerie/projections/state"
)

// Whatever a plan's rule and filters are, a tenant is put where a walk over all tenant infras would put it: nothing that it was
// refused fits, and nothing that fits is better. Asked again it is the same place.
func TestPlacesAreAsAWalkFindsThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawOffers(t)
		plan := ev.PlanSpec{Hosting: "provider", Deployment: rapid.SampledFrom([]string{"dedicated", "resource-shared"}).Draw(t, "deployment"),
			Placement: rapid.SampledFrom([]string{ev.PlaceSpread, ev.PlacePack, ev.PlaceCheapest, ev.PlaceNearest}).Draw(t, "rule"),
			Capacity:  rapid.SampledFrom([]string{"", "on-demand"}).Draw(t, "capacity"),
			Apps:      []ev.PlanApp{{Type: "pg", Size: "small"}}}
		plan.Residency.Regions = rapid.SampledFrom([][]string{nil, {"us-east"}, {"eu-west", "moon"}}).Draw(t, "residency")
		add(t, w, ev.Ref{Kind: ev.Plan, Owner: ev.Platform, ID: "free"}, ev.Created[ev.PlanSpec]{UID: "p", Spec: plan}, ev.Released{})
		for _, who := range []string{"acme", "birch", "cedar"} {
			add(t, w, ev.Ref{Kind: ev.Customer, Owner: who, ID: who}, ev.Created[ev.CustomerSpec]{UID: who, Spec: ev.CustomerSpec{Hosting: "provider"}})
			spec := ev.TenantSpec{Plan: "-/free", Region: rapid.SampledFrom([]string{"", "", "eu-west"}).Draw(t, "region"),
				Near: rapid.SampledFrom([]string{"", "eu-central", "us-west"}).Draw(t, "near")}
			ref := ev.Ref{Kind: ev.Tenant, Owner: who, ID: "new"}
			got, why, err := fsm.PlaceFor(ref, spec, w.Refs())
			again, _, _ := fsm.PlaceFor(ref, spec, w.Refs())
			want := walkFor(w, ref, spec, plan)
			switch {
			case err != nil:
				t.Fatal(err)
			case (got == nil) != (want == ""), got != nil && got.TenantInfra != want:
				t.Fatalf("%s %+v by %+v: put on %+v (%+v), a walk finds %q", ref, spec, plan, got, why, want)
			case got != nil && got.Why != again.Why:
				t.Fatalf("%q, and then %q", got.Why, again.Why)
			}
		}
	})
}

// walkFor finds the best place of a tenant by looking at every tenant infra, without an index.
func walkFor(w *state.Entities, tenant ev.Ref, spec ev.TenantSpec, plan ev.PlanSpec) (best string) {
	wish := fsm.WishOf(tenant, spec, w.Get)
	_, on := offersOf(w)
	var key []int64
	w.Each(ev.TenantInfra, func(e fsm.Entity[fsm.Data]) {
		o, is := fsm.OfferOf(e, w.Get)
		if !is || len(wish.Misses(e, w.Get, w.CellsOn(e.Ref))) > 0 {
			return
		}
		tenants, rank := int64(on[o.Infra]), int64(0)
		switch plan.Placement {
		case ev.PlacePack:
			tenants = -tenants
		case ev.PlaceCheapest:
			if rank = o.Zone.Price; rank == 0 {
				rank = math.MaxInt64
			}
		case ev.PlaceNearest:
			km, known := region.Distance(spec.Near, o.Zone.Region)
			if rank = km; !known && spec.Near != "" {
				rank = math.MaxInt64
			}
		}
		its := []int64{unless(o.Ready), unless(slices.Contains(o.Customers(), tenant.Owner)), rank, tenants}
		if d := slices.Compare(its, key); best == "" || d < 0 || d == 0 && e.Ref.Path() < best {
			best, key = e.Ref.Path(), its
		}
	})
	return best
}

// unless sorts what is so before what is not.
func unless(so bool) int64 {
	if so {
		return 0
	}
	return 1
}
