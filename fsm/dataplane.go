package fsm

import (
	"slices"
	"strings"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// The phases of a dataplane beside those of every life.
const (
	Networking      Phase = "Networking"
	ClusterCreating Phase = "ClusterCreating"
	Bootstrapping   Phase = "Bootstrapping"
	Equipping       Phase = "Equipping"
	Updating        Phase = "Updating"
	Degraded        Phase = "Degraded"
	Failed          Phase = "Failed"
	Deleting        Phase = "Deleting"
	Gone            Phase = "Deleted"
)

// DataplaneData is what a dataplane's events say of it.
type DataplaneData struct {
	Spec       ev.DataplaneSpec
	Account    ev.CloudAccount     // set when building starts; it stays in that account
	Tried      bool                // something may have been made in account and region, seen or not
	Network    ev.NetworkReady     // set when there is one
	Cluster    ev.ClusterReady     // set when there is one
	SystemPool ev.SystemPoolReady  // set when it is as the present spec wants it
	Addons     []ev.CloudAddon     // the add-ons that are there, with their versions
	SeenAt     time.Time           // when a look last saw something new; zero: none has since it was made
	Made       ev.DataplaneSpec    // as what is there was asked for, part by part
	Repairs    bool                // it is brought back to that, and not to the present spec
	Todo       []string            // the parts that are to be ensured, in order
	Lost       []string            // the parts that were found deleted
	WasActive  bool                // what it has may be in use
	Customers  []string            // who are attached, in order; a dedicated one belongs to the only one
	Origin     Origin              // how it came to be, if nobody asked for it by name
	PoolPlan   PoolPlan            // of its own machines: which pool is wanted, and which are to go
	Mode       string              // who works on it, whatever the spec asks for by now
	Handover   *ev.HandoverStarted // to somebody else; nil: it is not handed over
	HandedAt   uint64              // the sequence from which that works; 0: from the beginning
}

// Wants returns the spec.
func (d DataplaneData) Wants() ev.Spec { return d.Spec }

// A dataplane gets a network, a cluster and its own machines, then what every
// cluster gets first; when the addons of its bootstrap are deployed on it, it is
// Active. An update that fails leaves it Active and not in sync: what was there still
// works. It is Degraded if something is gone without which it does not, and could not be
// brought back. After a failure it walks the way again: what is there is found, not made
// twice. Of other machines its own pool is made beside the old one, which is emptied when
// all that is wanted is there; meanwhile it is Ready.
var dataplane = Kind[DataplaneData]{
	Name: ev.Dataplane,
	Table: marked(table([]Phase{Requested, Networking, ClusterCreating, Bootstrapping, Equipping, Updating}, Deleting, Gone,
		leased(handoverRows(
			Row{ev.Requested[ev.DataplaneSpec]{}, []Phase{Unborn}, Requested},
			Row{ev.NetworkingStarted{}, []Phase{Requested}, Networking},
			Row{ev.NetworkReady{}, []Phase{Networking}, ClusterCreating},
			Row{ev.ClusterReady{}, []Phase{ClusterCreating}, Bootstrapping},
			Row{ev.SystemPoolReady{}, []Phase{Bootstrapping, Updating}, Stay},
			Row{ev.CloudAddonsReady{}, []Phase{Bootstrapping, Updating}, Stay},
			Row{ev.PoolsUpgraded{}, []Phase{Bootstrapping, Updating}, Stay},
			Row{ev.BaseReady{}, []Phase{Bootstrapping}, Equipping},
			Row{ev.Activated{}, []Phase{Bootstrapping, Equipping}, Active},
			Row{ev.UpdateRequested[ev.DataplaneSpec]{}, []Phase{Equipping}, Networking}, // it walks the way again
			Row{ev.UpdateRequested[ev.DataplaneSpec]{}, []Phase{Active, Updating, Retiring, Degraded}, Updating},
			Row{ev.PoolsPlanned{}, []Phase{Requested, Networking, ClusterCreating, Bootstrapping, Updating}, Stay}, // with what is wanted
			Row{ev.RetiringStarted{}, []Phase{Active, Updating}, Retiring},
			Row{ev.PoolsRetired{}, []Phase{Retiring}, Active},
			Row{ev.AttemptFailed{}, []Phase{Retiring}, Stay},
			Row{ev.CallsMade{}, []Phase{Retiring}, Stay},
			Row{ev.RetryRequested{}, []Phase{Retiring}, Updating}, // it walks the way again
			Row{ev.UpdateDone{}, []Phase{Updating}, Active},
			Row{ev.UpdateFailed{}, []Phase{Updating}, Active},
			Row{ev.Degraded{}, []Phase{Updating}, Degraded},
			Row{ev.CreateStarted{}, []Phase{Networking, ClusterCreating, Bootstrapping, Updating}, Stay},
			Row{ev.CreatesEnded{}, []Phase{Networking, ClusterCreating, Bootstrapping, Updating}, Stay},
			Row{ev.RetryRequested{}, []Phase{Degraded}, Updating},
			Row{ev.Drifted{}, []Phase{Active, Updating, Retiring, Equipping}, Stay},
			Row{ev.Drifted{}, []Phase{ClusterCreating, Bootstrapping}, Networking}, // it walks the way again
			Row{ev.DriftEnded{}, []Phase{Active, Retiring, Equipping}, Stay},
			Row{ev.Observed{}, []Phase{Active, Retiring, Equipping}, Stay},
			Row{ev.RepairStarted{}, []Phase{Active, Retiring}, Updating},
			Row{ev.RepairStarted{}, []Phase{Equipping}, Networking}, // it walks the way again
			Row{ev.RetryRequested{}, []Phase{Active}, Updating},     // of one that has drifted
			Row{ev.NetworkReady{}, []Phase{Updating}, Stay},
			Row{ev.ClusterReady{}, []Phase{Updating}, Stay},
			Row{ev.Failed{}, []Phase{Networking, ClusterCreating, Bootstrapping}, Failed},
			Row{ev.RetryRequested{}, []Phase{Failed}, Requested},
			Row{ev.UpdateRequested[ev.DataplaneSpec]{}, []Phase{Failed}, Requested},
			Row{ev.UpdateRequested[ev.DataplaneSpec]{}, []Phase{Requested, Networking, ClusterCreating, Bootstrapping}, Stay},
			Row{ev.Claimed{}, attachable, Stay},
			Row{ev.Attached{}, attachable, Stay},
			Row{ev.Detached{}, append([]Phase{Deleting}, attachable...), Stay}, // a customer may end before the dataplane does
		)...)...)),
	Rules: map[Phase]PhaseLimits{
		Networking:      {Within: 30 * time.Minute, Attempts: 5, Usual: time.Minute},
		ClusterCreating: {Within: time.Hour, Attempts: 5, Usual: 9 * time.Minute},
		Bootstrapping:   {Within: time.Hour, Attempts: 5, Usual: 4 * time.Minute},
		Updating:        {Within: time.Hour, Attempts: 5, Usual: 10 * time.Minute},
	},
	SteadyPhases:     []Phase{Active},
	TerminatingPhase: Deleting,
	FinalPhase:       Gone,
	Users: func(e Entity[DataplaneData], refs *Refs) []ev.Ref {
		return refs.users(e.Ref, func(u Entity[Data]) bool { return u.dataplane().Ref == e.Ref }, ev.TenantInfra, ev.Addon)
	},
	Cascades:        true,
	OwnedKinds:      []ev.Kind{ev.Addon},
	CreateEvents:    requested[ev.DataplaneSpec],
	CheckSpec:       fitsDataplane,
	UpdateEvents:    respecDataplane,
	Evolve:          evolveDataplane,
	Owed:            owedDataplane,
	ExpectedEffects: standsDataplane,
	Watched:         func(e Entity[DataplaneData]) bool { return e.Phase() == Equipping || e.Phase() == Retiring },
	Repair: func(e Entity[DataplaneData]) []ev.Event {
		if e.Phase() == Equipping {
			return e.Data.started(ev.RepairStarted{})
		}
		return []ev.Event{ev.RepairStarted{}}
	},
	Advance:           settleDataplane,
	Elapsed:           elapsedDataplane,
	Alongside:         startHandover,
	Handover:          func(d DataplaneData) *ev.HandoverStarted { return d.Handover },
	Locked:            lockDataplane,
	Outcome:           outcomeDataplane,
	GiveUp:            giveUpDataplane,
	Conditions:        conditionsDataplane,
	ConditionsOfUsers: shownOfDataplane,
	IsNews:            newsOfDataplane,
	DecideVerb:        ownDataplane,
}

func respecDataplane(e Entity[DataplaneData], s ev.Spec) ([]ev.Event, []ev.FieldError) {
	old, now := e.Data.Spec, s.(ev.DataplaneSpec)
	d, building := e.Data, e.Phase() != Requested && e.Phase() != Failed
	var faults keeper
	if d.Tried { // where nothing can have been made may still be corrected
		faults.keep("spec.account", old.Account, now.Account)
		faults.keep("spec.region", old.Region, now.Region)
		faults.keep("spec.network.range", old.Network.Range, now.Network.Range)
		faults.keep("spec.network.zones", strings.Join(old.Network.Zones, ", "), strings.Join(now.Network.Zones, ", "))
	}
	if d.Tried { // what a cluster stands on, and what it is encrypted with
		faults.keep("spec.network.subnets", strings.Join(old.Network.Subnets, ", "), strings.Join(now.Network.Subnets, ", "))
		faults.keep("spec.network.securityGroups", strings.Join(old.Network.SecurityGroups, ", "), strings.Join(now.Network.SecurityGroups, ", "))
		faults.keep("spec.cluster.existing", old.Cluster.Existing, now.Cluster.Existing)
		faults.keep("spec.cluster.secretsKey", old.Cluster.SecretsKey, now.Cluster.SecretsKey)
	}
	if why := upgradeFault(e, now.Version); why != "" && (building || d.Cluster.Cluster != "") {
		faults = append(faults, ev.FieldError{Field: "spec.version", Message: why})
	}
	faults.keep("spec.type", old.Type, now.Type)
	wished := ev.UpdateRequested[ev.DataplaneSpec]{Spec: now}
	switch {
	case e.Phase() == Equipping:
		return append(d.started(wished), d.replan(now)...), faults
	case e.Phase() == Active && e.Failure == nil && (onlyBootstrap(old, now) || onlyMode(old, now)): // nothing is to be made
		return []ev.Event{wished, ev.UpdateDone{}}, faults
	}
	return append([]ev.Event{wished}, d.replan(now)...), faults
}

func evolveDataplane(d DataplaneData, happened ev.Event) DataplaneData {
	d.Origin = d.Origin.evolve(happened)
	d = d.evolveHandover(happened)
	switch e := happened.(type) {
	case ev.Requested[ev.DataplaneSpec]:
		d.Spec, d.Origin.Made = e.Spec, e.Made
	case ev.UpdateRequested[ev.DataplaneSpec]:
		todo := d.wish(e.Spec)
		d.Spec, d.Repairs = e.Spec, false
		d.Todo = d.more(todo...)
	case ev.RetryRequested:
		d.Todo, d.Repairs = d.way(), false
	case ev.RepairStarted:
		d.Todo, d.Repairs = d.way(), !d.retires()
		if !d.WasActive {
			d.Todo, d.Repairs = d.first(), false
		}
	case ev.Disowned:
		if d.Account.Cloud == "" { // so that it is looked for there
			d.Account, d.Spec.Region = e.Site.Account, e.Site.Region
		}
	case ev.NetworkingStarted:
		d.Account, d.Tried, d.Todo = e.Account, true, d.first()
		d.Made = d.Spec
	case ev.Drifted:
		d = d.drifted(e.Found)
	case ev.DriftEnded:
		d.Lost = nil
	case ev.Failed: // what the cloud refuses as wrong it has not made
		d.Tried = d.Tried && (e.Code != ev.ConfigProblem || d.Network.Network != "")
	case ev.NetworkReady:
		e.Calls = nil
		d = d.has(ev.PartNetwork)
		d.Network = e
	case ev.ClusterReady:
		e.Calls = nil
		d = d.has(ev.PartCluster).brought(ev.PartCluster)
		d.Cluster = e
	case ev.SystemPoolReady:
		e.Calls = nil
		d = d.has(ev.PartSystemPool).brought(ev.PartSystemPool)
		d.SystemPool = e
		d.PoolPlan.Reopen = d.PoolPlan.Reopen && d.Repairs
	case ev.PoolsPlanned:
		d.PoolPlan = d.PoolPlan.planned(e)
	case ev.PoolsRetired:
		d.PoolPlan.Retiring = nil
	case ev.PoolsUpgraded:
		d = d.has(ev.PartPools)
	case ev.CloudAddonsReady:
		d = d.has(ev.PartAddons).brought(ev.PartAddons)
		d.Addons = e.Addons
	case ev.Observed:
		d = d.noted(e)
	case ev.Activated:
		d = d.rests()
		d.WasActive = true
	case ev.UpdateDone, ev.BaseReady:
		d = d.rests()
	case ev.UpdateFailed:
		d.Todo, d.Repairs = nil, false
	case ev.Claimed:
		d.Customers = with(d.Customers, e.Customer)
	case ev.Attached:
		d.Customers = with(d.Customers, e.Customer)
	case ev.Detached:
		d.Customers = without(d.Customers, e.Customer)
	}
	return d
}

func owedDataplane(e Entity[DataplaneData]) ev.Effect {
	d := e.Data
	switch e.Phase() {
	case Requested:
		return WaitFor{On: append(owned(e.Base), ready(ev.Account, d.Spec.Account))}
	case Networking:
		return d.ensure(e.Base, ev.PartNetwork)
	case ClusterCreating:
		return d.ensure(e.Base, ev.PartCluster)
	case Bootstrapping:
		for _, part := range []string{ev.PartSystemPool, ev.PartPools, ev.PartAddons} {
			if slices.Contains(d.Todo, part) {
				return d.ensure(e.Base, part)
			}
		}
		return d.ensure(e.Base, ev.PartBase)
	case Equipping:
		return WaitFor{On: d.bootstrap(e.Ref)}
	case Updating:
		return d.ensure(e.Base, append(slices.Clone(d.Todo), ev.PartBase)[0])
	case Retiring:
		return ev.RetirePools{Target: d.site(e.Base), Cluster: d.Cluster.Cluster, Pools: d.PoolPlan.Retiring}
	case Deleting:
		if d.Account.Cloud != "" {
			return ev.RemoveOwned{Target: d.site(e.Base), Existing: d.Spec.Cluster.Existing}
		}
	case Active, Failed:
		return d.owedMade(e.Base)
	}
	return nil
}

func settleDataplane(e Entity[DataplaneData], refs *Refs) ([]ev.Change, *Blocker) {
	if e.Data.Handover != nil {
		return nil, blockedByHandover(*e.Data.Handover)
	}
	await, waits := owedDataplane(e).(WaitFor)
	if !waits || e.Phase() == Active || e.Phase() == Failed {
		return settleMade(e, refs), nil
	}
	if w := refs.unmet(await.On); w != nil {
		return nil, w
	}
	if e.Phase() == Equipping {
		return changed(e.Base, e.Data.retiring(ev.Activated{})...), nil
	}
	acc, _ := find[AccountData](refs, ready(ev.Account, e.Data.Spec.Account).Ref)
	return changed(e.Base, e.Data.started(ev.NetworkingStarted{Account: acc.Data.Cloud()})...), nil
}

// started begins the way: where no network is to be made, that is all of its phase.
func (d DataplaneData) started(begun ev.Event) []ev.Event {
	if d.goes(ev.PartNetwork) {
		return []ev.Event{begun}
	}
	return []ev.Event{begun, ev.NetworkReady{}}
}

// outcomeDataplane ends an update or a repair with its last step. That something was
// found gone on the way is taken where it is to be made: while the dataplane is being
// built, by its policy, or as the part that is owed. Else a person is waited for.
func outcomeDataplane(e Entity[DataplaneData], outcome ev.Event) []ev.Event {
	drift, isDrift := outcome.(ev.Drifted)
	switch {
	case isDrift && e.Data.reports(drift.Found):
		return nil
	case isDrift && e.Phase() != Updating:
		return e.Data.started(drift)
	case isDrift:
		return []ev.Event{outcome}
	}
	if base, ok := outcome.(ev.Activated); ok {
		return e.Data.retiring(e.Data.based(e.Phase(), base))
	}
	if e.Phase() != Updating || len(e.Data.Todo) > 1 {
		return []ev.Event{outcome}
	}
	return append([]ev.Event{outcome}, e.Data.retiring(ev.UpdateDone{})...)
}

func giveUpDataplane(e Entity[DataplaneData], why ev.Reason) ev.Event {
	switch {
	case e.Phase() != Updating:
		return ev.Failed{Reason: why}
	case !e.Data.works():
		return ev.Degraded{Reason: why}
	}
	return ev.UpdateFailed{Reason: why, Repair: e.Data.Repairs}
}

func conditionsDataplane(e Entity[DataplaneData]) []Condition {
	d := e.Data
	works := e.Phase() == Active || e.Phase() == Updating || e.Phase() == Retiring || e.Phase() == Degraded
	building := e.Phase() != Requested && e.Phase() != Networking
	network := (d.Network.Network != "" || !d.goes(ev.PartNetwork) && building) && !slices.Contains(d.Lost, ev.PartNetwork)
	cluster := d.Cluster.Cluster != "" && !slices.Contains(d.Lost, ev.PartCluster)
	pool := d.SystemPool.Nodes > 0 && d.is(ev.PartSystemPool) || !d.goes(ev.PartSystemPool) && cluster
	addons := len(d.Addons) > 0 && d.is(ev.PartAddons) || !d.goes(ev.PartAddons) && cluster
	return []Condition{
		e.condition("NetworkReady", network),
		e.condition("ClusterReady", cluster),
		e.condition("SystemPoolReady", pool),
		e.condition("CloudAddonsReady", addons),
		e.condition(ConditionBaseReady, (works || e.Phase() == Equipping) && network && cluster),
		e.inSync(Active),
		e.condition(ConditionReady, works && network && cluster && d.works()),
	}
}
