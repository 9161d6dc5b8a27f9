package fsm

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// The phases of a tenant beside those of every life.
const (
	Placing Phase = "Placing"
	Waiting Phase = "Waiting"
)

// TenantData is what a tenant's events say of it.
type TenantData struct {
	Spec      ev.TenantSpec
	Placement *ev.Placement // nil until it is placed
	Site      ev.Target
	Cluster   string
	Sleeps    bool                   // nothing of it was running when it was last at rest
	Waking    bool                   // it was asked to wake, and does not sleep again since
	Move      *ev.MoveState          // nil unless it moves
	Next      *ev.TenantSpec         // what it asks for once it has moved; nil unless it is to
	Zones     []string               // of the machines that it moves to, if these are in some only
	Away      *Away                  // nil unless it moves to another cluster
	Programs  *ev.SuspensionPrograms // of one that is suspended, or is to be: by which operators stop what they run; it is never changed
	Round     int                    // how often it was to fall asleep, or to wake: programs are run anew in each
	Shared    *CellStay              // of a tenant of a multi-tenant plan, once it is begun; it is never changed
}

// Wants returns the spec.
func (d TenantData) Wants() ev.Spec { return d.Spec }

// A tenant is placed by its plan, waits until its place is ready, and gets its
// namespace there.
var tenant = Kind[TenantData]{
	Name: ev.Tenant,
	Table: marked(table([]Phase{Requested, Placing, Waiting, Provisioning, Suspending, Resuming, Moving}, Deleting, Gone,
		sharing(movable(sleeping(
			Row{ev.Requested[ev.TenantSpec]{}, []Phase{Unborn}, Requested},
			Row{ev.PlacingStarted{}, []Phase{Requested}, Placing},
			Row{ev.Placed{}, []Phase{Placing}, Waiting},
			Row{ev.PlaceGivenUp{}, []Phase{Waiting}, Placing},
			Row{ev.TenantProvisioningStarted{}, []Phase{Waiting}, Provisioning},
			Row{ev.Activated{}, []Phase{Provisioning}, Active},
			Row{ev.UpdateRequested[ev.TenantSpec]{}, []Phase{Active}, Provisioning},
			Row{ev.Drifted{}, []Phase{Active, Failed}, Stay},
			Row{ev.DriftEnded{}, []Phase{Active, Failed}, Stay},
			Row{ev.RepairStarted{}, []Phase{Active, Provisioning}, Provisioning},
			Row{ev.UpdateDone{}, []Phase{Provisioning}, Active},     // it is as it was: what it could not be besides it is to be still
			Row{ev.RetryRequested{}, []Phase{Active}, Provisioning}, // of one that has drifted
			Row{ev.Failed{}, []Phase{Provisioning}, Failed},
			Row{ev.RetryRequested{}, []Phase{Failed}, Waiting}, // its place is kept
			Row{ev.RepairStarted{}, []Phase{Failed}, Waiting},
			Row{ev.UpdateRequested[ev.TenantSpec]{}, []Phase{Failed}, Waiting},
			Row{ev.UpdateRequested[ev.TenantSpec]{}, []Phase{Requested, Placing, Waiting, Provisioning}, Stay},
			Row{ev.TakenIn{}, []Phase{Active}, Provisioning},
			Row{ev.TakenIn{}, []Phase{Suspended}, Suspending},
			Row{ev.TakenIn{}, []Phase{Failed}, Waiting},
			Row{ev.TakenIn{}, []Phase{Waiting, Provisioning, Suspending, Resuming}, Stay},
		)...))...)),
	StepLimits: limitsOfStep,
	Rules: map[Phase]PhaseLimits{
		Provisioning: {Within: 30 * time.Minute, Attempts: 5, Usual: 5 * time.Second},
		Suspending:   suspendingLimits,
		Resuming:     resumingLimits,
	},
	SteadyPhases:     []Phase{Active, Suspended},
	TerminatingPhase: Deleting,
	FinalPhase:       Gone,
	Cascades:         true,
	Users:            usersOfTenant,
	CreateEvents:     requested[ev.TenantSpec],
	CheckSpec:        fitsTenant,
	Rejoin:           rejoinTenant,
	UpdateEvents:     respecTenant,
	Evolve:           evolveTenant,
	Owed:             owedTenant,
	ExpectedEffects: func(e Entity[TenantData], refs *Refs) []ev.Effect {
		if refs.unmet(e.Data.place()[:1]) != nil || e.Phase() == Moving && (!e.Data.watched() || e.Data.mending()) {
			return nil
		}
		if e.Data.shares() {
			return []ev.Effect{ev.RecordTenant{CellTenant: e.Data.ensure(e.Base).InCell()}}
		}
		if e.Phase() == Suspended {
			return []ev.Effect{e.Data.asleep(e.Base)}
		}
		return []ev.Effect{e.Data.ensure(e.Base)}
	},
	Watched:    func(e Entity[TenantData]) bool { return e.Phase() == Moving || e.brokenRepair() },
	StandsOn:   tenantStandsOn,
	Advance:    settleTenant,
	Elapsed:    elapsedMove,
	DecideVerb: commandTenant,
	Outcome:    outcomeTenant,
	Again:      askTenantAgain,
	Locked:     lockTenant,
	GiveUp:     giveUpTenant,
	Conditions: func(e Entity[TenantData]) []Condition {
		return []Condition{
			e.condition("Placed", e.Data.Placement != nil),
			e.inSync(Active),
			e.condition(ConditionReady, e.Phase() == Active),
		}
	},
}

// fitsTenant refuses a plan that takes nobody new, and an application type that the plan does not offer.
func fitsTenant(ref ev.Ref, s ev.Spec, refs *Refs) (faults []ev.FieldError) {
	spec := s.(ev.TenantSpec)
	p, ok := planFor(ref, spec.Plan, refs)
	if ok && p.Phase() == Retired && !subscribed(ref, p.Ref, refs) {
		faults = append(faults, ev.FieldError{Field: "spec.plan", Message: fmt.Sprintf("%s is retired: it takes no new tenants", p.Ref)})
	}
	faults = append(append(faults, fitsCustomer(ref, refs)...), fitsNear(spec.Near)...)
	faults = append(append(faults, fitsHosting(ref, p, refs)...), fitsShared(ref, spec, p, refs)...)
	if !ok || spec.App == "" || p.Data.Spec.SizeOf(spec.App) != "" {
		return faults
	}
	var offered []string
	for _, a := range p.Data.Spec.Apps {
		offered = append(offered, a.Type)
	}
	return append(faults, ev.FieldError{Field: "spec.app", Message: fmt.Sprintf("%s does not offer %q; it offers %s", p.Ref, spec.App, strings.Join(offered, ", "))})
}

// fitsHosting refuses a plan whose tenants run where the customer's new ones may not.
func fitsHosting(tenant ev.Ref, p Entity[PlanData], refs *Refs) []ev.FieldError {
	c, ok := find[CustomerData](refs, ev.Ref{Kind: ev.Customer, Owner: tenant.Owner, ID: tenant.Owner})
	hosting := p.Data.Spec.HostingFor(c.Data.Spec)
	if !ok || hosting == "" || c.Data.Spec.Takes(hosting) || subscribed(tenant, p.Ref, refs) {
		return nil
	}
	return []ev.FieldError{{Field: "spec.plan", Message: fmt.Sprintf("%s runs in accounts of hosting %s, %s takes %s: choose another plan, or add %s to the hostings of %s",
		p.Ref, hosting, c.Ref, cmp.Or(strings.Join(c.Data.Spec.Hostings, ", "), c.Data.Spec.Hosting), hosting, c.Ref)}}
}

// subscribed tells whether a living tenant is on a plan already.
func subscribed(tenant, plan ev.Ref, refs *Refs) bool {
	e, ok := refs.Get(tenant)
	d, _ := e.Data.(TenantData)
	return ok && e.Phase() != Gone && ready(ev.Plan, d.Spec.Plan).Ref == plan
}

func respecTenant(e Entity[TenantData], s ev.Spec) ([]ev.Event, []ev.FieldError) {
	old, now := e.Data.Spec, s.(ev.TenantSpec)
	var faults keeper
	if e.Data.Placement != nil {
		if old.Plan != now.Plan {
			faults = append(faults, ev.FieldError{Field: "spec.plan", Message: fmt.Sprintf("an update does not move the tenant, which is on %s: \"aerie tenant move %s --plan %s\" does",
				old.Plan, e.Ref.Path(), strings.TrimPrefix(now.Plan, ev.Platform+"/"))})
		}
		faults.keep("spec.app", old.App, now.App)
		faults.keep("spec.region", old.Region, now.Region)
	}
	return []ev.Event{ev.UpdateRequested[ev.TenantSpec]{Spec: now}}, faults
}

func evolveTenant(d TenantData, happened ev.Event) TenantData {
	switch e := happened.(type) {
	case ev.Requested[ev.TenantSpec]:
		d.Spec = e.Spec
	case ev.UpdateRequested[ev.TenantSpec]:
		d.Spec = e.Spec
	case ev.Placed:
		d.Placement = &e.Placement
	case ev.PlaceGivenUp:
		d.Placement = nil
	case ev.TakenIn:
		at := *d.Placement // the fold shares it
		at.Cell = e.Cell
		d.Placement = &at
	case ev.TenantProvisioningStarted:
		d.Site, d.Cluster = e.Site, e.Cluster
	}
	return d.evolveSharing(happened).evolveSuspension(happened).evolveMove(happened)
}

func owedTenant(e Entity[TenantData]) ev.Effect {
	d := e.Data
	switch e.Phase() {
	case Requested:
		return WaitFor{On: subscription(e)}
	case Placing:
		return WaitFor{On: append(subscription(e), Dependency{Ref: ev.Ref{Kind: ev.TenantInfra}, Class: SomePlace})}
	case Waiting:
		return WaitFor{On: d.awaits()}
	case Provisioning:
		if d.shares() {
			return d.owedJoin(e.Base)
		}
		return d.ensure(e.Base)
	case Moving:
		return d.owedMove(e.Base)
	case Deleting:
		if d.Away != nil && d.Move != nil {
			return d.leaves(e.Base)
		}
		if d.shares() {
			return d.owedLeave(e.Base)
		}
		if d.Cluster != "" {
			return ev.RemoveTenant{Target: d.Site, Cluster: d.Cluster, Namespace: d.Placement.Namespace, Stay: d.Placement.Stay}
		}
	}
	return d.owedSuspension(e.Base)
}

// lockTenant refuses another spec while the tenant moves.
func lockTenant(e Entity[TenantData], ask ev.Payload, _ *Refs) error {
	if _, update := ask.(ev.Update); update {
		return refuseMoving("update", e)
	}
	return nil
}

func (d TenantData) ensure(b Base) ev.EnsureTenant {
	return ev.EnsureTenant{Target: d.Site, Cluster: d.Cluster, Customer: b.Ref.Owner, Tenant: b.Ref.ID,
		Placement: *d.Placement, AllowNamespaces: d.Spec.AllowNamespaces}
}

// subscription is what a tenant needs before it can be placed.
func subscription(e Entity[TenantData]) []Dependency {
	return append(owned(e.Base), ready(ev.Plan, e.Data.Spec.Plan))
}

// place is the need of a tenant that has been placed.
func (d TenantData) place() []Dependency {
	return placeOf(*d.Placement)
}

func settleTenant(e Entity[TenantData], refs *Refs) ([]ev.Change, *Blocker) {
	switch e.Phase() {
	case Requested:
		if w := refs.unmet(subscription(e)); w != nil {
			return nil, w
		}
		return changed(e.Base, ev.PlacingStarted{}), nil
	case Placing:
		if w := refs.unmet(subscription(e)); w != nil {
			return nil, w
		}
		return place(e, refs, "")
	case Waiting:
		if w := refs.unmet(e.Data.place()); w != nil {
			return changed(e.Base, giveUpPlace(e, refs)...), w
		}
		if w := e.Data.unmetCell(refs); w != nil {
			return nil, w
		}
		return changed(e.Base, startTenant(e, refs)), nil
	case Moving:
		return settleMove(e, refs)
	case Deleting:
		return startLeaving(e, refs), nil
	}
	return nil, nil
}

// giveUpPlace leaves a place that has failed for good. A tenant for which
// something may have been made stays: it is never moved by itself. So does one
// whose own machines have failed: others of the same kind would too.
func giveUpPlace(e Entity[TenantData], refs *Refs) []ev.Event {
	if e.Data.Cluster != "" {
		return nil
	}
	p := e.Data.Placement
	for _, n := range e.Data.place() {
		if on, _ := refs.Get(n.Ref); !on.offers() && !isOwn(on, e.Ref) {
			why := fmt.Sprintf("%s is %s", n.Ref, on.Phase())
			if on.Failure != nil && on.Ref.Owner == e.Ref.Owner { // what befell another's is not told to its customer
				why += ": " + on.Failure.Message
			}
			return []ev.Event{ev.PlaceGivenUp{Dataplane: p.Dataplane, TenantInfra: p.TenantInfra, Cell: p.Cell, Why: why}}
		}
	}
	return nil
}

func startTenant(e Entity[TenantData], refs *Refs) ev.Event {
	dp, _ := find[DataplaneData](refs, e.Data.place()[0].Ref)
	site := dp.Data.site(dp.Base)
	site.Owner = OwnerTag(e.Base)
	return ev.TenantProvisioningStarted{Site: site, Cluster: dp.Data.Cluster.Cluster, Join: refs.stepsIn(*e.Data.Placement).Join}
}

// rejoinTenant places a tenant that is adopted where its namespace is.
func rejoinTenant(e Entity[TenantData], ask ev.Adopt, refs *Refs) ([]ev.Change, error) {
	on, faults := ev.ParseRef(ev.Dataplane, ask.Dataplane)
	if ask.Dataplane == "" {
		faults = []ev.FieldError{{Field: "dataplane", Message: "is missing: where is its namespace? Such as -/eu"}}
	}
	if err := ev.RefuseFaults(e.Ref.String(), faults); err != nil {
		return nil, err
	}
	if e.Data.sharesBy(refs) {
		return nil, ev.Refuse(ev.Refused, "%s can't be adopted: its plan is multi-tenant, so that it has no namespace of its own; create it instead, and disown %s", e.Ref, ask.UID)
	}
	changes, w := []ev.Change(nil), refs.unmet(subscription(e))
	if w == nil {
		changes, w = place(e, refs, on.Path())
	}
	if w != nil {
		return nil, ev.Refuse(ev.Refused, "%s can't be adopted on %s yet: %s", e.Ref, on, w.Message)
	}
	return append(changed(e.Base, ev.PlacingStarted{}), changes...), nil
}

// HasStay tells whether a namespace on a dataplane that says a stay is one of a living tenant's: of one that moves, at either
// place. There it is, whatever it says: what is owed to the tenant there makes it so.
func HasStay(e Entity[Data], dataplane ev.Ref, namespace, stay string) bool {
	return stay == "" || IsIn(e, dataplane, namespace) ||
		slices.ContainsFunc(staysOf(e), func(p *ev.Placement) bool { return p.Stay == stay })
}

// stay names the stay that begins with the command that is decided, as a label's value in a cluster can have it.
func (r *Refs) stay() string {
	if id := r.command.ID; isStay(id) {
		return id
	}
	sum := sha256.Sum256([]byte(r.command.ID))
	return hex.EncodeToString(sum[:16])
}

func isStay(id string) bool {
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return id != "" && len(id) <= maxNamespace
}

// termsOf are the terms of a version of a plan, as a placement has them, without the place.
func termsOf(plan ev.Ref, version int, s ev.PlanSpec, size string) ev.Placement {
	return ev.Placement{Plan: plan.Path(), PlanVersion: version, Size: size, Quota: s.Quota, Limits: s.Limits,
		Isolation: s.Isolation, Egress: s.Egress, Priority: s.Priority}
}

// place chooses a place by the plan's rule, on one dataplane if that is named; a dedicated
// dataplane is claimed in the same decision, so that no two customers ever share one.
func place(e Entity[TenantData], refs *Refs, on string) ([]ev.Change, *Blocker) {
	p, _ := find[PlanData](refs, ready(ev.Plan, e.Data.Spec.Plan).Ref)
	c, _ := find[CustomerData](refs, owned(e.Base)[0].Ref)
	want := wantOf(e, p, c.Data)
	o, found := want.best(refs, on)
	cell, births, reason := "", []ev.Change(nil), ""
	if !found && on == "" {
		var why *Blocker
		if o, births, why = want.provide(p, refs); why != nil {
			return births, why
		}
		found, reason = len(births) > 0, want.whyMade(o, p)
	}
	if !found {
		return nil, &Blocker{Retried: true, Reason: ev.Reason{Code: ev.CapacityUnavailable, Fault: ev.ByUser,
			Message: fmt.Sprintf("no tenant infra fits: %s wants %s; create one, or %s where it fits", p.Ref, want, want.more())}}
	}
	infra, _ := find[TenantInfraData](refs, o.Infra)
	at := termsOf(p.Ref, p.Revision, p.Data.Spec, want.class.Size)
	switch {
	case want.own && len(births) == 0:
		birth := refs.newOwnInfra(o.Dataplane, infra.Data.Spec, want.tenant, nil)
		o.Infra, births = birth.Ref, []ev.Change{birth}
	case infra.Data.Spec.Cells != nil:
		var in ev.Ref
		var cells []ev.Change
		in, cells = refs.cellFor(infra, want.rule == ev.PlacePack, p)
		cell, births = in.Path(), append(births, cells...)
		if infra.Data.Spec.CellsHaveNodes() {
			at.Machines = machinesOfCell(in).Path()
		}
	}
	at.Dataplane, at.TenantInfra, at.Cell, at.Stay = o.Dataplane.Path(), o.Infra.Path(), cell, refs.stay()
	at.Namespace, at.Why = Namespace(e.Ref.Owner, e.Ref.ID), cmp.Or(reason, want.why(o))
	placed := ev.Placed{Placement: at}
	if want.plan != "" {
		in, _ := ev.ParseRef(ev.Cell, cell)
		placed.Namespace, placed.Record = CellNamespace(in), at.Namespace
	}
	changes := append(births, changed(e.Base, placed)...)
	if dp, _ := find[DataplaneData](refs, o.Dataplane); o.Class.Dedicated && len(dp.Data.Customers) == 0 {
		for _, claimed := range changed(dp.Base, ev.Claimed{Customer: e.Ref.Owner}) {
			changes = join(changes, claimed) // it may be born in this decision
		}
	}
	return changes, nil
}
