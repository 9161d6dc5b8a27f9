package sim

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/sim"
	"github.com/aeriehq/aerie/cloud/sim/offers"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/execute"
	"github.com/aeriehq/aerie/workers/reconcile"
)

// byHand lets somebody change or delete something behind our back.
func (l *life) byHand() {
	h := l.hand()
	n, err := l.cloud.ByHand(h)
	l.must(err)
	l.say("by hand: delete %q change %q of %q, set %s: %d things", h.Delete, h.Change, h.Match, h.Set, n)
	l.seen["by hand"] += n
}

// inspect is Inspector.Inspect.
func (l *life) inspect() {
	if l.inspected = l.now; l.link.cut {
		return
	}
	l.lookUp()
	round := map[string]kube.API{}
	seen := map[ev.Ref]uint64{}
	l.each(func(e fsm.Entity[fsm.Data], _ fsm.Machine) { seen[e.Ref] = e.Seq })
	l.each(func(e fsm.Entity[fsm.Data], m fsm.Machine) {
		if e.Seq != seen[e.Ref] || !slices.Contains(reconcile.Inspectable, e.Ref.Kind) {
			return
		}
		stands := m.ExpectedEffects(e, l.world.Refs())
		if len(stands) == 0 {
			return
		}
		note, err := reconcile.Compare(context.Background(), execute.NewTask(ev.Work{Ref: e.Ref, UID: e.UID}, l.clouds, nil), stands, round)
		if err != nil || len(note.Found) == 0 && e.Failure == nil && note.Seen == nil {
			return
		}
		if len(note.Found) > 0 {
			l.seen["drifts seen"]++
			l.say("a look at %s: %v", e.Ref, note.Found)
			if slices.ContainsFunc(note.Found, func(d ev.Drift) bool { return d.What == ev.PartBase || d.What == ev.PartCluster }) {
				l.baseless[e.Ref.Path()] = true
			}
		}
		note.Every = clock.LookEvery
		c := l.internal(e.Ref, ev.ActorExecutor, note)
		c.ExpectedSeq = &e.Seq
		var refusal *ev.Refusal
		if _, err := l.handle(c); err != nil && (!errors.As(err, &refusal) || refusal.Code != ev.Conflict) {
			l.wrong("a look at %s: %v", e.Ref, err)
		}
	})
}

// lookUp is what a Cataloguer does in its round.
func (l *life) lookUp() {
	for _, p := range reconcile.Places(l.world) {
		note, err := reconcile.Catalogue(context.Background(), l.clouds, p)
		if err != nil {
			continue
		}
		c := l.internal(p.Account.Ref, ev.ActorExecutor, note)
		c.ExpectedUID = p.Account.UID
		a, err := l.handle(c)
		if err != nil {
			l.wrong("a look at what there is in %s of %s: %v", p.Region, p.Account.Ref, err)
		}
		l.seen["catalogues noted"] += len(a.Events)
	}
}

// otherCatalogue lets the cloud have something else from now on.
func (l *life) otherCatalogue() {
	l.offers = l.catalogue()
	l.cloud.SetCatalogue(l.offers)
	l.say("the cloud has %+v", l.offers)
	l.seen["other catalogues"]++
}

// wishInVain lets people ask for what the cloud has when they ask, and not any more when it is to be made. What works goes
// on working, also while somebody changes things by hand, until the wish is taken back.
func (l *life) wishInVain() {
	more := sim.Catalogue{Versions: append(offers.Versions(), "1.37"), Addons: append(offers.AddonVersions(), "9.9"), Machines: []string{"s2", "s4", "m4", "m8", "r4", "x99"}}
	l.offers = more
	l.cloud.SetCatalogue(l.offers)
	l.lookUp()
	var wished []ev.Ref
	l.each(func(e fsm.Entity[fsm.Data], m fsm.Machine) {
		if !m.AtRest(e.Phase()) || l.chance(3) {
			return
		}
		var wish ev.Spec
		switch d := e.Data.(type) {
		case fsm.DataplaneData:
			spec := d.Spec
			switch l.rnd.IntN(3) {
			case 0:
				spec.Version = "1.37"
			case 1:
				spec.CloudAddons.DNS = "9.9"
			default:
				spec.SystemPool.Machine = "x99"
			}
			wish = spec
		case fsm.TenantInfraData:
			spec := d.Spec
			if spec.Pools = slices.Clone(spec.Pools); l.chance(2) {
				spec.Pools[0].Machine = "x99"
			} else {
				spec.Pools = append(spec.Pools, ev.Pool{Name: "vain", Machine: "x99", Max: 3, Priority: "on-demand"})
			}
			wish = spec
		default:
			return
		}
		l.ask(l.request(e.Ref, ev.VerbUpdate, fmt.Sprintf(`{"spec":%s}`, l.json(wish))))
		wished = append(wished, e.Ref)
	})
	l.offers = sim.Catalogue{}
	l.cloud.SetCatalogue(l.offers)
	if l.chance(2) {
		l.lookUp()
	}
	l.rest()
	l.each(func(e fsm.Entity[fsm.Data], m fsm.Machine) {
		if e.Unmet != nil && !m.Ended(e.Phase()) && (e.Ref.Kind == ev.Dataplane || e.Ref.Kind == ev.TenantInfra) && (e.Phase() != fsm.Active || e.Holds("InSync")) {
			l.wrong("%s is %s and in sync: %t, after a wish in vain", e.Ref, e.Phase(), e.Holds("InSync"))
		}
	})
	if l.chance(3) {
		l.soldAgain(wished, more)
	}
	if l.chance(2) {
		l.byHand()
	}
	l.bringBack()
}

// soldAgain lets the cloud have what was wished in vain, for a while. That is known, and comes about: nobody retries anything.
func (l *life) soldAgain(wished []ev.Ref, more sim.Catalogue) {
	l.lookUp() // it is known that the cloud has not got it
	vain := slices.DeleteFunc(wished, func(ref ev.Ref) bool {
		e, _ := l.world.Get(ref)
		return e.Unmet == nil || e.Unmet.Code != ev.ConfigProblem
	})
	l.offers = more
	l.cloud.SetCatalogue(l.offers)
	l.lookUp()
	l.rest()
	for _, ref := range vain {
		l.seen["wishes that came about when the cloud had it"]++
		if e, _ := l.world.Get(ref); e.Failure != nil && !fsm.Ended(e) {
			l.wrong("%s is %s though the cloud has by now what it is to be made of: %+v", ref, e.Phase(), e.Failure)
		}
	}
	l.each(func(e fsm.Entity[fsm.Data], m fsm.Machine) { // people know that it is for a while
		var wish ev.Spec
		switch d := e.Data.(type) {
		case fsm.DataplaneData:
			if d.Spec.SystemPool.Machine == "x99" {
				d.Spec.SystemPool.Machine = "s4"
			}
			if d.Spec.CloudAddons.DNS == "9.9" {
				d.Spec.CloudAddons.DNS = ""
			}
			wish = d.Spec
		case fsm.TenantInfraData:
			d.Spec.Pools = slices.Clone(d.Spec.Pools)
			for i := range d.Spec.Pools {
				if d.Spec.Pools[i].Machine == "x99" {
					d.Spec.Pools[i].Machine = "m4"
				}
			}
			wish = d.Spec
		}
		if wish != nil && !reflect.DeepEqual(wish, e.Data.Wants()) && !m.Terminating(e.Phase()) && !fsm.Ended(e) {
			l.ask(l.request(e.Ref, ev.VerbUpdate, fmt.Sprintf(`{"spec":%s}`, l.json(wish))))
		}
	})
	l.rest()
	l.offers = sim.Catalogue{}
	l.cloud.SetCatalogue(l.offers)
}

// takeBack lets people ask for what is there instead of what can't be had, and for something else than what was made of it, is
// gone, and is not to be had any more; if that is what is asked for already and it is to be had again, they retry. That is always
// taken, and comes about; unless somebody has deleted what is asked for, which is to be known.
func (l *life) takeBack(known bool) {
	var asked []ev.Ref
	l.each(func(e fsm.Entity[fsm.Data], m fsm.Machine) {
		if m.Ended(e.Phase()) {
			return
		}
		vain := e.Failure != nil && e.Failure.Code == ev.ConfigProblem
		var made ev.Spec
		switch d := e.Data.(type) {
		case fsm.DataplaneData:
			made, vain = l.toBeHad(d), vain && e.Phase() == fsm.Degraded
		case fsm.TenantInfraData:
			made, vain = toBeHadPools(d), vain && e.Phase() == fsm.Failed
		default: // a tenant that can't be suspended was asked for nothing else
			return
		}
		if (e.Unmet == nil || e.Unmet.Code == ev.Dependency) && !vain { // of a dependency not the wish is at fault
			return
		}
		at := e.Ref
		if spec, is := made.(ev.TenantInfraSpec); is {
			at, made = l.askedOf(e.Ref, spec)
		}
		r := l.request(at, ev.VerbUpdate, fmt.Sprintf(`{"spec":%s}`, l.json(made)))
		a, err := l.give(r)
		if err != nil {
			l.wrong("%s can't be withdrawn to %s: %v", e.Ref, l.json(made), err)
			return
		}
		if len(a.Events) == 0 {
			l.seen["what was made is to be had again"]++
			l.ask(l.request(e.Ref, ev.VerbRetry, ""))
		}
		l.say("$ %s is withdrawn", e.Ref)
		l.seen["wishes withdrawn"]++
		asked = append(asked, e.Ref)
	})
	l.rest()
	for _, ref := range asked {
		e, _ := l.world.Get(ref)
		if fsm.Ended(e) { // its cell has stood empty for so long
			continue
		}
		if e.Failure != nil && e.Failure.Code == ev.DriftedReason { // what is only reported waits for people: bringBack is theirs
			continue
		}
		if !known && e.Failure != nil && e.Failure.Code == ev.ConfigProblem {
			continue
		}
		if e.Phase() != fsm.Active || e.Failure != nil || !e.Holds("InSync") {
			l.wrong("%s is %s after its wish was withdrawn: %+v", ref, e.Phase(), e.Failure)
		}
	}
}

// askedOf is of whom people ask for the pools of a tenant infra: of that whose cell has them alone, if one has.
func (l *life) askedOf(ref ev.Ref, spec ev.TenantInfraSpec) (ev.Ref, ev.TenantInfraSpec) {
	cell, faults := ev.ParseRef(ev.Cell, spec.For)
	of, there := l.world.Get(ev.Ref{Kind: ev.TenantInfra, Owner: cell.Owner, ID: cell.Parent()})
	if spec.For == "" || len(faults) > 0 || !there {
		return ref, spec
	}
	l.seen["wishes withdrawn where cells have machines"]++
	like := of.Data.(fsm.TenantInfraData).Spec
	like.Pools = spec.Pools
	return of.Ref, like
}

// toBeHad is what was made of a dataplane, but for what is gone and the cloud has not got any more.
func (l *life) toBeHad(d fsm.DataplaneData) ev.DataplaneSpec {
	made := d.Made
	if slices.Contains(d.Lost, ev.PartCluster) && !slices.Contains(offers.Versions(), made.Version) {
		l.seen["clusters made of another version"]++
		made.Version = "1.36"
	}
	if gone := slices.Contains(d.Lost, ev.PartCluster) || slices.Contains(d.Lost, ev.PartSystemPool); gone && !sold(made.SystemPool.Machine) {
		l.seen["machines of dataplanes made of others"]++
		made.SystemPool.Machine = "s4"
	}
	if dns := made.CloudAddons.DNS; dns == "9.9" && !slices.Contains(d.Addons, ev.CloudAddon{Name: "dns", Version: dns}) {
		l.seen["add-ons made of another version"]++
		made.CloudAddons.DNS = ""
	}
	return made
}

// toBeHadPools is what was made of a tenant infra, or asked for where nothing was made yet, but for the pools that are not there and
// of which the cloud has no machines any more.
func toBeHadPools(d fsm.TenantInfraData) ev.TenantInfraSpec {
	made, never := d.Made, len(d.Made.Pools) == 0
	if never {
		made = d.Spec
	}
	made.Pools = slices.Clone(made.Pools)
	for i, p := range made.Pools {
		if !sold(p.Machine) && (never || slices.Contains(d.Lost, p.Name)) {
			made.Pools[i].Machine = "m4"
		}
	}
	return made
}

// sold tells whether the cloud has machines of a type, when it has what it has by itself.
func sold(machine string) bool {
	return slices.ContainsFunc(offers.Machines(), func(m offers.Machine) bool { return m.Name == machine })
}

// giveWay waits until what somebody else has undone so often is repaired again, if there is any.
func (l *life) giveWay() (waited bool) {
	l.each(func(e fsm.Entity[fsm.Data], _ fsm.Machine) {
		if e.RepairAt.After(l.now) {
			l.now, waited = e.RepairAt, true
			l.seen["fights"]++
		}
	})
	return waited
}

// settle has people take back what can't be had, and all brought back that is gone: what stands on a dataplane that a wish had
// broken is looked at only then, and goes on by itself. What that look finds may have to be made of something else too.
func (l *life) settle() {
	for _, known := range []bool{false, true} {
		l.takeBack(known)
		l.bringBack()
	}
}

// mostRounds bounds how many rounds it may take until nothing is found any more: each
// brings back what the next looks at.
const mostRounds = 12

// bringBack lets inspectors look, and people decide about what is reported, until all
// is as it was made.
func (l *life) bringBack() {
	for range mostRounds {
		before := l.world.Seq
		l.inspect()
		l.rest()
		l.each(func(e fsm.Entity[fsm.Data], _ fsm.Machine) { // a drift that was seen before is no news, and is there all the same
			if e.Failure != nil && e.Failure.Code == ev.DriftedReason {
				l.ask(l.request(e.Ref, ev.VerbRetry, ""))
			}
		})
		if l.rest(); l.world.Seq == before && !l.giveWay() {
			return
		}
	}
	l.wrong("what has drifted is never brought back")
}
