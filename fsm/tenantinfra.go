package fsm

import (
	"maps"
	"reflect"
	"slices"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// Provisioning is the phase of tenant infras and tenants in which they are built, and
// Retiring that in which the pools of a tenant infra go that it does not want any more.
const (
	Provisioning Phase = "Provisioning"
	Retiring     Phase = "Retiring"
)

// TenantInfraData is what a tenant infra's events say of it.
type TenantInfraData struct {
	Spec     ev.TenantInfraSpec
	Site     ev.Target
	Cluster  string
	Pools    []ev.PoolStatus    // as last seen
	SeenAt   time.Time          // when a look last saw something new; zero: none has since it was made
	Made     ev.TenantInfraSpec // as what is there was asked for, pool by pool
	Repairs  bool               // it is brought back to that, and not to the present spec
	Lost     []string           // the pools that were found deleted
	PoolPlan PoolPlan
	Origin   Origin // how it came to be, if nobody asked for it by name
}

// Wants returns the spec.
func (d TenantInfraData) Wants() ev.Spec { return d.Spec }

// A tenant infra waits for its dataplane and gets its pools; it is Active when all
// of them are. Bounds and labels of a pool change in place. Of other machines a pool is
// made beside the old one; what is not wanted any more is emptied when all that is wanted
// is there, for as long as that takes, and then it goes.
var tenantInfra = Kind[TenantInfraData]{
	Name: ev.TenantInfra,
	Table: marked(table([]Phase{Requested, Provisioning, Updating, Retiring}, Deleting, Gone,
		Row{ev.Requested[ev.TenantInfraSpec]{}, []Phase{Unborn}, Requested},
		Row{ev.ProvisioningStarted{}, []Phase{Requested}, Provisioning},
		Row{ev.PoolsObserved{}, []Phase{Provisioning, Updating}, Stay},
		Row{ev.Activated{}, []Phase{Provisioning}, Active},
		Row{ev.UpdateRequested[ev.TenantInfraSpec]{}, []Phase{Active, Updating, Retiring}, Updating},
		Row{ev.PoolsPlanned{}, []Phase{Requested, Provisioning, Updating}, Stay}, // with what is wanted
		Row{ev.RetiringStarted{}, []Phase{Provisioning, Updating}, Retiring},
		Row{ev.PoolsRetired{}, []Phase{Retiring}, Active},
		Row{ev.UpdateDone{}, []Phase{Updating}, Active},
		Row{ev.CreateStarted{}, []Phase{Provisioning, Updating}, Stay},
		Row{ev.CreatesEnded{}, []Phase{Provisioning, Updating}, Stay},
		Row{ev.Drifted{}, []Phase{Active, Retiring}, Stay},
		Row{ev.DriftEnded{}, []Phase{Active, Retiring}, Stay},
		Row{ev.Observed{}, []Phase{Active, Retiring}, Stay},
		Row{ev.UpdateFailed{}, []Phase{Updating}, Active},
		Row{ev.RepairStarted{}, []Phase{Active, Retiring}, Updating},
		Row{ev.RetryRequested{}, []Phase{Active}, Updating}, // of one that has drifted
		Row{ev.Failed{}, []Phase{Provisioning, Updating}, Failed},
		Row{ev.RetryRequested{}, []Phase{Failed}, Requested},
		Row{ev.UpdateRequested[ev.TenantInfraSpec]{}, []Phase{Failed}, Requested},
		Row{ev.UpdateRequested[ev.TenantInfraSpec]{}, []Phase{Requested, Provisioning}, Stay},
	)),
	Rules: map[Phase]PhaseLimits{
		Provisioning: {Within: time.Hour, Attempts: 5, Usual: 3 * time.Minute},
		Updating:     {Within: time.Hour, Attempts: 5, Usual: 3 * time.Minute},
	},
	SteadyPhases:     []Phase{Active},
	TerminatingPhase: Deleting,
	FinalPhase:       Gone,
	Users: func(e Entity[TenantInfraData], refs *Refs) []ev.Ref {
		return append(refs.users(e.Ref, func(u Entity[Data]) bool {
			return u.Ref.Kind == ev.Cell || slices.Contains(PlacesOf(u), e.Ref.Path())
		}, ev.Tenant, ev.Cell), refs.haveNodes(e)...)
	},
	OwnedKinds:   []ev.Kind{ev.Cell},
	CreateEvents: requested[ev.TenantInfraSpec],
	CheckSpec: func(ref ev.Ref, s ev.Spec, refs *Refs) []ev.FieldError {
		spec := s.(ev.TenantInfraSpec)
		return append(append(fitsTenantInfra(ref, s, refs), fitsCells(ref, spec, refs)...), fitsFor(ref, spec, refs)...)
	},
	UpdateEvents: respecTenantInfra,
	Alongside: func(e Entity[TenantInfraData], s ev.Spec, refs *Refs) []ev.Change {
		now := s.(ev.TenantInfraSpec)
		return slices.Concat(refs.takeIn(e, now), refs.spread(e, now), refs.spreadMachines(e, now))
	},
	Evolve: evolveTenantInfra,
	Owed:   owedTenantInfra,
	ExpectedEffects: func(e Entity[TenantInfraData], refs *Refs) []ev.Effect {
		if refs.unmet([]Dependency{e.dataplane()}) != nil || e.Data.Spec.CellsHaveNodes() {
			return nil
		}
		return []ev.Effect{e.Data.standing().ensurePools(e.Base)}
	},
	Watched:    func(e Entity[TenantInfraData]) bool { return e.Phase() == Retiring },
	StandsOn:   func(e Entity[TenantInfraData]) []Dependency { return []Dependency{e.dataplane()} },
	Advance:    settleTenantInfra,
	Outcome:    outcomeTenantInfra,
	GiveUp:     giveUpTenantInfra,
	IsNews:     newsOfTenantInfra,
	Conditions: conditionsTenantInfra,
}

func respecTenantInfra(e Entity[TenantInfraData], s ev.Spec) ([]ev.Event, []ev.FieldError) {
	old, now := e.Data.Spec, s.(ev.TenantInfraSpec)
	var faults keeper
	faults.keep("spec.app", old.App, now.App)
	faults.keep("spec.size", old.Size, now.Size)
	faults.keep("spec.for", old.For, now.For)
	happened := []ev.Event{ev.UpdateRequested[ev.TenantInfraSpec]{Spec: now}}
	if old.CellsHaveNodes() != now.CellsHaveNodes() {
		faults = append(faults, ev.FieldError{Field: "spec.cells.isolation", Message: "can't be changed to nodes or from it: make another tenant infra"})
	} else if now.CellsHaveNodes() && e.Phase() == Active {
		return append(happened, ev.UpdateDone{}), faults // it has no pools of its own
	}
	if e.Data.Cluster == "" { // nothing was made
		return happened, faults
	}
	plan := e.Data.PoolPlan.next(nodePools(e.Ref, old), nodePools(e.Ref, now), e.Data.made(e.Base))
	if planned := plan.event(); !reflect.DeepEqual(planned, e.Data.PoolPlan.event()) {
		happened = append(happened, planned)
	}
	return happened, faults
}

// made tells whether a pool is or may be there in the cloud. After a failure one
// that was never seen, or was seen failed, may still be corrected.
func (d TenantInfraData) made(b Base) func(pool string) bool {
	return func(pool string) bool {
		i := slices.IndexFunc(d.Pools, func(s ev.PoolStatus) bool { return s.Name == pool })
		return b.Failure == nil && b.Phase() != Requested || i >= 0 && d.Pools[i].State != "failed"
	}
}

func evolveTenantInfra(d TenantInfraData, happened ev.Event) TenantInfraData {
	switch e := happened.(type) {
	case ev.Requested[ev.TenantInfraSpec]:
		d.Spec, d.Origin.Made = e.Spec, e.Made
	case ev.UpdateRequested[ev.TenantInfraSpec]:
		d.Spec, d.Repairs = e.Spec, false
	case ev.RetryRequested:
		d.Repairs = false
	case ev.RepairStarted: // of one of which only the end of pools is missing, it ends in that
		d.Repairs = len(d.PoolPlan.Retiring) == 0 || !reflect.DeepEqual(d.Made, d.Spec)
	case ev.ProvisioningStarted:
		d.Site, d.Cluster = e.Site, e.Cluster
		d.Made = d.Spec
		d.Made.Pools = nil
	case ev.PoolsObserved:
		d = d.brought(e.Pools)
		d.Pools = e.Pools
	case ev.Observed:
		d.Pools, d.SeenAt = e.Pools, e.At
	case ev.Drifted:
		d = d.drifted(e.Found)
	case ev.DriftEnded:
		d.Lost = nil
	case ev.Activated, ev.UpdateDone, ev.RetiringStarted:
		d.PoolPlan.Reopen = d.PoolPlan.Reopen && d.Repairs // a repair opens what stood, not what is wished
		d = d.rests()
	case ev.UpdateFailed:
		d.Repairs = false
	case ev.PoolsPlanned:
		d.PoolPlan = d.PoolPlan.planned(e)
	case ev.PoolsRetired:
		d.PoolPlan.Retiring = nil
	}
	return d
}

func owedTenantInfra(e Entity[TenantInfraData]) ev.Effect {
	switch e.Phase() {
	case Requested:
		return WaitFor{On: append(owned(e.Base), e.dataplane())}
	case Provisioning, Updating:
		return e.Data.ensurePools(e.Base)
	case Retiring:
		return ev.RetirePools{Target: e.Data.Site, Cluster: e.Data.Cluster, Pools: e.Data.PoolPlan.Retiring}
	case Deleting:
		if e.Data.Cluster != "" {
			return ev.RemoveOwned{Target: e.Data.Site}
		}
	case Failed:
		return owedMadeInfra(e)
	}
	return nil
}

func (d TenantInfraData) ensurePools(b Base) ev.Effect {
	pools := d.PoolPlan.of(nodePools(b.Ref, d.aim()))
	if d.Repairs {
		pools = d.PoolPlan.standing(pools)
	}
	return ev.EnsurePools{Target: d.Site, Cluster: d.Cluster, Pools: pools,
		Remake: b.Phase() == Provisioning, Reopen: d.PoolPlan.Reopen}
}

// dataplane is the need of what stands on a dataplane that its id names.
func (b Base) dataplane() Dependency {
	return Dependency{Ref: ev.Ref{Kind: ev.Dataplane, Owner: b.Ref.Owner, ID: b.Ref.Parent()}, Condition: ConditionReady}
}

// taintEffects is how strictly pods of others are kept off.
var taintEffects = map[string]string{"strict": "NoSchedule", "preferred": "PreferNoSchedule"}

// nodePools asks for the pools with the labels and the taint that bring a
// tenant's pods there. Both name the infra, never the machine, so they stay the
// same when machines change.
func nodePools(ref ev.Ref, s ev.TenantInfraSpec) (pools []ev.NodePool) {
	if s.CellsHaveNodes() {
		return nil
	}
	for _, p := range s.Pools {
		labels := maps.Clone(p.Labels)
		if labels == nil {
			labels = map[string]string{}
		}
		labels["aerie.io/tenantinfra"], labels["aerie.io/pool"] = ref.Local(), p.Name
		n := ev.NodePool{Name: p.Name, Machine: p.Machine, Others: p.Alternatives, Min: p.Min, Max: p.Max, Labels: labels, Spot: p.Priority != "on-demand", Zones: p.Zones}
		n.Taints = []ev.Taint{{Key: "aerie.io/tenantinfra", Value: ref.Local(), Effect: taintEffects[s.Scheduling]}}
		n.Backed = p.Priority == ev.SpotWithFallback
		pools = append(pools, n)
		if n.Backed {
			pools = append(pools, fallback(n))
		}
	}
	return pools
}

// fallback is the twin of a pool that the cloud may not take back: the same pods land
// on it, and it has no node until they need one.
func fallback(n ev.NodePool) ev.NodePool {
	n.Name, n.Min, n.Spot, n.Backed = n.Name+ev.FallbackSuffix, 0, false, false
	return n
}

func settleTenantInfra(e Entity[TenantInfraData], refs *Refs) ([]ev.Change, *Blocker) {
	if e.Phase() != Requested {
		return settleMadeInfra(e, refs), nil
	}
	if w := refs.unmet(append(owned(e.Base), e.dataplane())); w != nil {
		return nil, w
	}
	dp, _ := find[DataplaneData](refs, e.dataplane().Ref)
	site := dp.Data.site(dp.Base)
	site.Owner = OwnerTag(e.Base)
	started := ev.ProvisioningStarted{Site: site, Cluster: dp.Data.Cluster.Cluster}
	if e.Data.Spec.CellsHaveNodes() {
		return changed(e.Base, started, ev.Activated{}), nil // its cells have the pools
	}
	return changed(e.Base, started), nil
}

// outcomeTenantInfra keeps only news of the pools, and ends the building or the
// update when all of them are active.
func outcomeTenantInfra(e Entity[TenantInfraData], outcome ev.Event) (happened []ev.Event) {
	seen, ok := outcome.(ev.PoolsObserved)
	if !ok {
		return []ev.Event{outcome} // the table judges it
	}
	there := allActive(e.Data.aim(), seen.Pools)
	if was := e.Data.Pools; !slices.EqualFunc(was, seen.Pools, sameButNodes) || there && !slices.EqualFunc(was, seen.Pools, samePool) {
		happened = append(happened, seen) // on the way, that nodes come and go is no news
	}
	if !there {
		return happened
	}
	switch {
	case len(e.Data.PoolPlan.Retiring) > 0 && !e.Data.Repairs:
		return append(happened, ev.RetiringStarted{})
	case e.Phase() == Updating:
		return append(happened, ev.UpdateDone{})
	}
	return append(happened, ev.Activated{})
}

func allActive(s ev.TenantInfraSpec, pools []ev.PoolStatus) bool {
	if s.CellsHaveNodes() {
		return true // it has none
	}
	state := map[string]string{}
	for _, p := range pools {
		state[p.Name] = p.State
	}
	return !slices.ContainsFunc(s.Pools, func(p ev.Pool) bool {
		if p.Priority == ev.SpotWithFallback && state[p.Name] == "degraded" { // it has no machines to get: the other one has
			return state[p.Name+ev.FallbackSuffix] != "active"
		}
		return state[p.Name] != "active" || p.Priority == ev.SpotWithFallback && state[p.Name+ev.FallbackSuffix] != "active"
	})
}

func conditionsTenantInfra(e Entity[TenantInfraData]) []Condition {
	return []Condition{
		e.condition("PoolsReady", allActive(e.Data.Spec, e.Data.Pools) && len(e.Data.Lost) == 0),
		e.inSync(Active),
		e.condition(ConditionReady, (e.Phase() == Active || e.Phase() == Updating || e.Phase() == Retiring) && e.Data.works()),
	}
}
