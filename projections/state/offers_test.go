package state_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// checkOffers holds what the index finds against a walk over all tenant infras, for every query there can be.
func checkOffers(t *rapid.T, w *state.Entities) {
	all, on := offersOf(w)
	classes, customers := map[fsm.OfferClass]bool{}, []string{""}
	for _, o := range all {
		classes[o.Class] = true
		customers = append(customers, o.Customers()...)
	}
	for class := range classes {
		for _, customer := range customers {
			for choice := range 32 {
				q := fsm.OfferQuery{Class: class, Customer: customer, Ready: choice&1 > 0, Fullest: choice&2 > 0}
				if choice&4 > 0 {
					q.In = func(z fsm.OfferZone) bool { return z.Region == "eu-west" && z.Capacity == "on-demand" }
				}
				switch choice >> 3 {
				case 1:
					q.Rank = func(z fsm.OfferZone) int64 { return z.Price }
				case 2:
					q.Rank = func(z fsm.OfferZone) int64 { return -z.Price }
				case 3:
					q.Rank = func(z fsm.OfferZone) int64 { return int64(strings.Compare(z.Region, "eu-west")) }
				}
				want, found := walk(all, on, q)
				got, n, ok := w.BestOffer(q)
				if ok != found || got != want || ok && n != on[want.Infra] {
					t.Fatalf("%+v: the index finds %+v with %d, %t; a walk %+v with %d, %t", q, got, n, ok, want, on[want.Infra], found)
				}
			}
		}
	}
}

// offersOf lists what all tenant infras offer, and how many tenants are there.
func offersOf(w *state.Entities) (all []fsm.Offer, on map[ev.Ref]int) {
	on = map[ev.Ref]int{}
	w.Each(ev.Tenant, func(e fsm.Entity[fsm.Data]) {
		for _, path := range fsm.PlacesOf(e) {
			at, _ := ev.ParseRef(ev.TenantInfra, path)
			on[at]++
		}
	})
	w.Each(ev.TenantInfra, func(e fsm.Entity[fsm.Data]) {
		if o, is := fsm.OfferOf(e, w.Get); is && fsm.Room(e, w.CellsOn(e.Ref)) != 0 {
			all = append(all, o)
		}
	})
	return all, on
}

func walk(all []fsm.Offer, on map[ev.Ref]int, q fsm.OfferQuery) (best fsm.Offer, found bool) {
	for _, o := range all {
		isFor := q.Customer == "" && o.Open
		for _, c := range o.Customers() {
			isFor = isFor || c == q.Customer && c != ""
		}
		if o.Class == q.Class && o.Ready == q.Ready && isFor && (q.In == nil || q.In(o.Zone)) && (!found || q.Better(o, best, on[o.Infra], on[best.Infra])) {
			best, found = o, true
		}
	}
	return best, found
}

// world is some dataplanes with a tenant infra each, in two regions and accounts, and tenants.
func drawOffers(t *rapid.T) *state.Entities {
	w := state.New()
	account := ev.Ref{Kind: ev.Account, Owner: ev.Platform, ID: "main"}
	add(t, w, account, ev.Requested[ev.AccountSpec]{UID: "a", Spec: ev.AccountSpec{Cloud: "sim", Hosting: "provider", Prices: drawPrices(t)}}, ev.VerificationStarted{}, ev.Verified{})
	for i := range rapid.IntRange(1, 12).Draw(t, "dataplanes") {
		owner := rapid.SampledFrom([]string{ev.Platform, ev.Platform, "acme"}).Draw(t, "owner")
		dp := ev.Ref{Kind: ev.Dataplane, Owner: owner, ID: fmt.Sprintf("d%02d", i)}
		add(t, w, dp, ev.Requested[ev.DataplaneSpec]{UID: fmt.Sprint("d", i), Spec: ev.DataplaneSpec{Account: "-/main",
			Region: rapid.SampledFrom([]string{"eu-west", "us-east", "moon"}).Draw(t, "region"), Type: rapid.SampledFrom([]string{"shared", "dedicated"}).Draw(t, "type")}})
		infra := dp.Child(ev.TenantInfra, "pg")
		add(t, w, infra, ev.Requested[ev.TenantInfraSpec]{UID: fmt.Sprint("i", i), Spec: ev.TenantInfraSpec{App: "pg", Size: "small",
			Pools: []ev.Pool{{Name: "a", Machine: rapid.SampledFrom([]string{"m4", "m8"}).Draw(t, "machine"), Priority: "on-demand"}, {Name: "b", Machine: "m4", Priority: rapid.SampledFrom([]string{"on-demand", "spot"}).Draw(t, "priority")}}}})
		if owner == ev.Platform && rapid.Bool().Draw(t, "attached") {
			add(t, w, dp, ev.Attached{Customer: rapid.SampledFrom([]string{"acme", "birch"}).Draw(t, "to")})
		}
		if rapid.IntRange(0, 5).Draw(t, "goes") == 0 {
			add(t, w, infra, ev.DeletionRequested{})
		}
		for k := range rapid.IntRange(0, 3).Draw(t, "tenants") {
			add(t, w, ev.Ref{Kind: ev.Tenant, Owner: "acme", ID: fmt.Sprintf("t%d-%d", i, k)}, ev.Requested[ev.TenantSpec]{UID: fmt.Sprint("t", i, k)},
				ev.PlacingStarted{}, ev.Placed{Placement: ev.Placement{Dataplane: dp.Path(), TenantInfra: infra.Path()}})
		}
	}
	return w
}

// add folds in what happened to an entity, event by event.
func add(t *rapid.T, w *state.Entities, ref ev.Ref, events ...ev.Event) {
	for _, e := range events {
		if err := w.Apply([]ev.Recorded{{Ref: ref, Seq: w.Seq + 1, Event: e}}); err != nil {
			t.Fatal(err)
		}
	}
}

// drawPrices are those of an account, some of which nobody knows.
func drawPrices(t *rapid.T) (all []ev.MachinePrice) {
	for i, machine := range []string{"m4", "m8"} {
		for k, region := range []string{"", "us-east"} {
			if rapid.Bool().Draw(t, "priced") {
				all = append(all, ev.MachinePrice{Machine: machine, Region: region, Hourly: fmt.Sprint("0.", 2+i+k), Spot: rapid.SampledFrom([]string{"", "0.1"}).Draw(t, "spot")})
			}
		}
	}
	return all
}

// checkMisses holds what people are told against the index: a tenant infra has no miss if, and only if, it is offered to the
// tenant.
func checkMisses(t *rapid.T, w *state.Entities) {
	for i, deployment := range []string{"dedicated", "resource-shared", "resource-shared"} {
		capacity := []string{"", "", "on-demand"}[i]
		plan := ev.PlanSpec{Hosting: "provider", Deployment: deployment, Capacity: capacity, Apps: []ev.PlanApp{{Type: "pg", Size: "small"}}}
		get := func(r ev.Ref) (fsm.Entity[fsm.Data], bool) {
			if r.Kind == ev.Plan {
				return fsm.Entity[fsm.Data]{Base: fsm.Base{Ref: r}, Data: fsm.PlanData{Spec: plan}}, true
			}
			return w.Get(r)
		}
		for _, customer := range []string{"acme", "birch", "cedar"} {
			wish := fsm.WishOf(ev.Ref{Kind: ev.Tenant, Owner: customer, ID: "new"}, ev.TenantSpec{Plan: "-/free"}, get)
			w.Each(ev.TenantInfra, func(e fsm.Entity[fsm.Data]) {
				o, is := fsm.OfferOf(e, w.Get)
				is = is && fsm.Room(e, w.CellsOn(e.Ref)) != 0 && o.Class.Dedicated == (deployment == "dedicated") && (o.Open || slices.Contains(o.Customers(), customer)) && (capacity == "" || o.Zone.Capacity == capacity)
				if misses := wish.Misses(e, w.Get, w.CellsOn(e.Ref)); is != (len(misses) == 0) {
					t.Fatalf("%s for %s, %s %s: offered %t, misses %q", e.Ref, customer, deployment, capacity, is, misses)
				}
			})
		}
	}
}

// What the index of places finds is what a walk over all of them finds, also in an overlay in which some have changed.
func TestOffersAreAsAWalkFindsThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawOffers(t)
		checkOffers(t, w)
		checkMisses(t, w)
		over := w.Overlay().Overlay()
		for i := range rapid.IntRange(1, 20).Draw(t, "changes") {
			all, _ := offersOf(over)
			if len(all) == 0 {
				return
			}
			o := rapid.SampledFrom(all).Draw(t, "which")
			change := []ev.Recorded{{Ref: o.Infra, Seq: over.Seq + 1, Event: ev.DeletionRequested{}}}
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
			case 1: // other prices
				change = []ev.Recorded{{Ref: ev.Ref{Kind: ev.Account, Owner: ev.Platform, ID: "main"},
					Event: ev.UpdateRequested[ev.AccountSpec]{Spec: ev.AccountSpec{Cloud: "sim", Hosting: "provider", Prices: drawPrices(t)}}}}
			default:
				ref := ev.Ref{Kind: ev.Tenant, Owner: "birch", ID: fmt.Sprint("over", i)}
				change = []ev.Recorded{{Ref: ref, Event: ev.Requested[ev.TenantSpec]{UID: ref.ID}}, {Ref: ref, Event: ev.PlacingStarted{}},
					{Ref: ref, Event: ev.Placed{Placement: ev.Placement{Dataplane: o.Dataplane.Path(), TenantInfra: o.Infra.Path()}}}}
			}
			for k := range change {
				change[k].Seq = over.Seq + uint64(k) + 1
			}
			if err := over.Apply(change); err != nil {
				t.Fatal(err)
			}
			checkOffers(t, over)
		}
		checkOffers(t, w)
	})
}
