package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/command"
)

// How many races are run. Who finds no place looks again whenever a place may have
// come, so the second sort costs the square of its number.
const (
	racesForTheCustomer = 800
	racesForThePlace    = 200
)

// together gives two commands at the same time; the seed says who is a little later.
func (r *rig) together(seed uint64, a, b func() error) (errA, errB error) {
	random := rand.New(rand.NewPCG(seed, 1))
	lateA, lateB := random.IntN(300), random.IntN(300)
	var both sync.WaitGroup
	run := func(late int, f func() error, err *error) {
		both.Go(func() {
			for range late {
				runtime.Gosched()
			}
			*err = f()
		})
	}
	run(lateA, a, &errA)
	run(lateB, b, &errB)
	both.Wait()
	return errA, errB
}

// do gives a command that may be refused, but must be answered.
func (r *rig) do(kind ev.Kind, path, verb, body string) func() error {
	return func() error {
		_, err := r.ask(kind, path, verb, body)
		var refusal *ev.Refusal
		if errors.As(err, &refusal) && (refusal.Code == ev.Refused || refusal.Code == ev.Invalid || refusal.Code == ev.NotFound) {
			return err
		}
		if err != nil {
			r.t.Errorf("%s %s: %v", verb, path, err)
		}
		return err
	}
}

// TestATenantIsCreatedWhileItsCustomerCloses ends on one side: a customer that is
// used, or one that goes and has no tenant.
func TestATenantIsCreatedWhileItsCustomerCloses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.perform(`create plan -/free {"deployment":"resource-shared","apps":[{"type":"postgres","size":"small"}]}`)
	sides := [2]int{}
	for seed := range uint64(racesForTheCustomer) {
		customer := fmt.Sprintf("c%d", seed)
		r.perform("create customer " + customer + " {}")
		born, closed := r.together(seed,
			r.do(ev.Tenant, customer+"/prod", "create", `{"spec":{"plan":"free"}}`),
			r.do(ev.Customer, customer, "delete", `{}`))
		switch {
		case born == nil && closed != nil:
			sides[0]++
		case born != nil && closed == nil:
			sides[1]++
		default:
			t.Fatalf("seed %d: the tenant: %v; the end of its customer: %v", seed, born, closed)
		}
	}
	t.Logf("%d tenants were first, %d ends of customers", sides[0], sides[1])
}

// TestATenantIsPlacedWhileItsPlaceGoes ends on one side: a tenant infra that is
// used, or one that goes and has no tenant.
func TestATenantIsPlacedWhileItsPlaceGoes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.perform("create customer acme {}")
	r.perform(`create account -/main {"cloud":"sim","number":"4711"}`)
	r.perform(`create dataplane -/eu {"account":"main","region":"eu-central"}`)
	sides := [2]int{}
	for seed := range uint64(racesForThePlace) {
		name := fmt.Sprintf("r%d", seed)
		infra, tenant := "-/eu_"+name, "acme/"+name
		r.perform("create plan -/" + name + ` {"deployment":"resource-shared","apps":[{"type":"` + name + `","size":"small"}]}`)
		r.perform("create tenantinfra " + infra + ` {"app":"` + name + `","size":"small","pools":[{"name":"data","machine":"s4"}]}`)
		_, gone := r.together(seed,
			r.do(ev.Tenant, tenant, "create", `{"spec":{"plan":"`+name+`"}}`),
			r.after(seed%4, r.do(ev.TenantInfra, infra, "delete", `{}`)))
		placed := r.decided(tenant)
		if placed == (gone == nil) {
			t.Fatalf("seed %d: placed: %t; the end of its place: %v", seed, placed, gone)
		}
		if placed {
			sides[0]++
		} else {
			sides[1]++
		}
	}
	t.Logf("%d were placed first, %d places went first", sides[0], sides[1])
}

// after lets some events happen before a command is given.
func (r *rig) after(events uint64, command func() error) func() error {
	var seq uint64
	r.fold.View(func(w *state.Entities) { seq = w.Seq })
	return func() error {
		ctx, cancel := context.WithTimeout(r.t.Context(), natstest.Patience)
		defer cancel()
		if err := r.fold.Wait(ctx, seq+events); err != nil {
			return err
		}
		return command()
	}
}

// decided waits until the tenant has a place or has looked for one in vain, and
// tells which.
func (r *rig) decided(tenant string) bool {
	r.t.Helper()
	e := r.until(ev.Tenant, tenant, 0, func(e fsm.Entity[fsm.Data], why *fsm.Blocker) bool {
		return e.Data != nil && (e.Data.(fsm.TenantData).Placement != nil || why != nil && why.Code == ev.CapacityUnavailable)
	})
	return e.Data.(fsm.TenantData).Placement != nil
}

// TestTheLastSlots lets many tenants come at once, to one server and to two, for fewer slots than they are: none is given twice,
// none is left, and who has none gets one as soon as another goes.
func TestTheLastSlots(t *testing.T) {
	for servers := 1; servers <= 2; servers++ {
		t.Run(fmt.Sprint(servers, " servers"), func(t *testing.T) { lastSlots(t, servers) })
	}
}

func lastSlots(t *testing.T, servers int) {
	const clients, slots = 64, 40
	r := newRig(t)
	intakes := []*command.Intake{r.intake}
	for len(intakes) < servers {
		intakes = append(intakes, r.another())
	}
	r.perform("create customer acme {}")
	r.perform(`create account -/main {"cloud":"sim","number":"4711"}`)
	r.perform(`create dataplane -/eu {"account":"main","region":"eu-central"}`)
	r.perform(`create plan -/free {"deployment":"resource-shared","apps":[{"type":"pg","size":"small"}]}`)
	r.perform(`create tenantinfra -/eu_pg {"app":"pg","size":"small","cells":{"tenants":8,"max":5},"pools":[{"name":"data","machine":"s4"}]}`)
	var all sync.WaitGroup
	for n := range clients {
		all.Go(func() {
			if _, err := r.askOf(intakes[n%servers], ev.Tenant, fmt.Sprint("acme/t", n), "create", `{"spec":{"plan":"free"}}`); err != nil {
				t.Errorf("tenant %d: %v", n, err)
			}
			ref := ev.Ref{Kind: ev.Tenant, Owner: "acme", ID: fmt.Sprint("t", n)}
			_, _ = intakes[n%servers].SubmitCommand(t.Context(), command.Internal(ref, ev.ActorAerie, ev.Settle{})) // beside the dispatcher
		})
	}
	all.Wait()
	placed, last := 0, ""
	for n := range clients {
		if name := fmt.Sprint("acme/t", n); r.decided(name) {
			placed, last = placed+1, name
		}
	}
	r.checkCells(t, placed, slots, 5)
	_ = r.do(ev.Tenant, last, "delete", `{}`)()
	waiting := func() (n int) {
		r.fold.View(func(w *state.Entities) {
			w.Each(ev.Tenant, func(e fsm.Entity[fsm.Data]) {
				if e.Phase() == fsm.Placing {
					n++
				}
			})
		})
		return n
	}
	r.until(ev.Tenant, last, 0, func(fsm.Entity[fsm.Data], *fsm.Blocker) bool { return waiting() == clients-slots-1 })
	r.checkCells(t, slots, slots, 5)
}

// checkCells: all slots are taken, each by one.
func (r *rig) checkCells(t *testing.T, placed, slots, cells int) {
	t.Helper()
	used, there := 0, 0
	r.fold.View(func(w *state.Entities) {
		if wrong := w.WrongSlots(); len(wrong) > 0 {
			t.Errorf("slots that are not as tenants say: %v", wrong)
		}
		w.Each(ev.Cell, func(e fsm.Entity[fsm.Data]) {
			d := e.Data.(fsm.CellData)
			used, there = used+d.Used, there+1
			if d.Used > d.Spec.Tenants {
				t.Errorf("%s has %d of %d", e.Ref, d.Used, d.Spec.Tenants)
			}
		})
	})
	if placed != slots || used != slots || there != cells {
		t.Errorf("%d are placed, in %d slots of %d cells; want %d in %d cells", placed, used, there, slots, cells)
	}
}
