package fsm

import (
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// The phases of applications and addons beside those of every life.
const (
	Pending      Phase = "Pending"
	Installing   Phase = "Installing"
	Deployed     Phase = "Deployed"
	Upgrading    Phase = "Upgrading"
	RollingBack  Phase = "RollingBack"
	Uninstalling Phase = "Uninstalling"
	Uninstalled  Phase = "Uninstalled"
)

// ReleaseData is what the events of something installed in a cluster say of it: of an application, or of an addon.
type ReleaseData[S ev.Installed] struct {
	Spec      S
	Site      ev.Target
	Cluster   string
	Namespace string
	Objects   []string             // what is deployed
	Endpoints []ev.EndpointAddress // where that is reached
	Good      *DeployedSpec[S]     // what was deployed last
	Before    *DeployedSpec[S]     // what was deployed before that
	Repairing bool                 // it has drifted, and is brought back
	Undoing   bool                 // an upgrade has failed: the good spec is brought back
	Undone    bool                 // an upgrade was rolled back, and the good spec runs, until something else is asked for
	Held      bool                 // what was asked waits for what it stands on
	Copy      *CopyState           // what it has where its tenant goes to; nil if that goes nowhere
}

// DeployedSpec is a spec that came about.
type DeployedSpec[S ev.Installed] struct {
	Revision int
	Spec     S
}

// Wants returns the spec.
func (d ReleaseData[S]) Wants() ev.Spec { return d.Spec }

// ground says in what two kinds that are installed in a cluster differ: on what they stand.
type ground[S ev.Installed] struct {
	kind   ev.Kind
	on     func(Base) Dependency                                    // what it waits for, and is installed on
	start  func(Entity[ReleaseData[S]], *Refs) ev.InstallingStarted // where that is, once it is ready
	fits   func(ev.Ref, ev.Spec, *Refs) []ev.FieldError             // nil if every spec does
	keep   func(faults *keeper, e Entity[ReleaseData[S]], now S)    // nil if all may change: what may not, once it is begun
	ensure func(ev.EnsureApplication) ev.Effect
	remove func(ev.RemoveApplication) ev.Effect
	hold   func(Entity[ReleaseData[S]], *Refs) ev.Event                // nil: what was asked never waits
	locked func(Entity[ReleaseData[S]], ev.Payload, *Refs) error       // nil: it may always be asked
	follow func(Entity[ReleaseData[S]], *Refs) ([]ev.Change, *Blocker) // nil: what it stands on never moves
	onWay  func(Entity[ReleaseData[S]], *Refs) bool                    // while that moves, tells whether it is looked at; nil: it is not
}

// installed is a kind that waits for what it stands on and is installed there; another spec upgrades it.
func installed[S ev.Installed](at ground[S]) Kind[ReleaseData[S]] {
	along, works := func(rows ...Row) []Row { return rows }, []Phase{Pending, Installing, Upgrading, RollingBack}
	if at.follow != nil {
		along, works = copying, append(works, Copying, Copied)
	}
	return Kind[ReleaseData[S]]{
		Name: at.kind,
		Table: marked(table(works, Uninstalling, Uninstalled, along(
			Row{ev.Requested[S]{}, []Phase{Unborn}, Pending},
			Row{ev.InstallingStarted{}, []Phase{Pending}, Installing},
			Row{ev.Deployed{}, []Phase{Installing, Upgrading, RollingBack}, Deployed},
			Row{ev.UpdateRequested[S]{}, []Phase{Deployed, Upgrading, RollingBack}, Upgrading},
			Row{ev.RollingBackStarted{}, []Phase{Upgrading, Installing}, RollingBack},
			Row{ev.RolledBack{}, []Phase{RollingBack}, Failed},   // what was asked for is not there
			Row{ev.UpdateFailed{}, []Phase{RollingBack}, Failed}, // a repair of what was there before
			Row{ev.RollbackRequested[S]{}, []Phase{Deployed, Upgrading, RollingBack, Failed}, RollingBack},
			Row{ev.Drifted{}, []Phase{Deployed, Failed}, Stay},
			Row{ev.DriftEnded{}, []Phase{Deployed, Failed}, Stay},
			Row{ev.RepairStarted{}, []Phase{Deployed}, Upgrading},
			Row{ev.RepairStarted{}, []Phase{Failed}, RollingBack},  // to what is there
			Row{ev.RetryRequested{}, []Phase{Deployed}, Upgrading}, // of one that has drifted
			Row{ev.ChangeHeld{}, []Phase{Installing, Upgrading, RollingBack}, Stay},
			Row{ev.ChangeReleased{}, []Phase{Installing, Upgrading, RollingBack}, Stay},
			Row{ev.Failed{}, []Phase{Installing, Upgrading, RollingBack}, Failed},
			Row{ev.RetryRequested{}, []Phase{Failed}, Pending},
			Row{ev.UpdateRequested[S]{}, []Phase{Failed}, Pending},
			Row{ev.UpdateRequested[S]{}, []Phase{Pending, Installing}, Stay},
		)...)),
		Rules: map[Phase]PhaseLimits{
			Installing:  {Within: 30 * time.Minute, Attempts: 5, Usual: 20 * time.Second},
			Upgrading:   {Within: 30 * time.Minute, Attempts: 5, Usual: 20 * time.Second},
			RollingBack: {Within: 30 * time.Minute, Attempts: 5, Usual: 20 * time.Second},
			Copying:     copyLimits,
		},
		SteadyPhases:     []Phase{Deployed},
		TerminatingPhase: Uninstalling,
		FinalPhase:       Uninstalled,
		CreateEvents:     requested[S],
		CheckSpec:        at.fits,
		UpdateEvents:     at.respec,
		Evolve:           evolveRelease[S],
		Owed:             at.owed,
		ExpectedEffects:  at.stands,
		Watched: func(e Entity[ReleaseData[S]]) bool {
			return e.Phase() == Copied || e.Phase() == Failed && e.Data.Undone || e.brokenRepair()
		},
		StandsOn:   func(e Entity[ReleaseData[S]]) []Dependency { return []Dependency{at.on(e.Base)} },
		Advance:    at.settle,
		DecideVerb: rollback[S],
		Hold:       at.hold,
		Locked:     at.locked,
		Outcome:    outcomeRelease[S],
		GiveUp:     giveUpRelease[S],
		Conditions: func(e Entity[ReleaseData[S]]) []Condition {
			return []Condition{e.inSync(Deployed), e.condition(ConditionReady, e.Phase() == Deployed)}
		},
	}
}

func (at ground[S]) respec(e Entity[ReleaseData[S]], s ev.Spec) ([]ev.Event, []ev.FieldError) {
	now := s.(S)
	var faults keeper
	if at.keep != nil && e.Data.Cluster != "" {
		at.keep(&faults, e, now)
	}
	return []ev.Event{ev.UpdateRequested[S]{Spec: now}}, faults
}

func evolveRelease[S ev.Installed](d ReleaseData[S], happened ev.Event) ReleaseData[S] {
	switch e := happened.(type) {
	case ev.Requested[S]:
		d.Spec = e.Spec
	case ev.UpdateRequested[S]:
		d.Spec, d.Undoing, d.Undone, d.Repairing = e.Spec, false, false, false
	case ev.RepairStarted:
		d.Repairing, d.Undoing = d.Good != nil, d.Undone
	case ev.RetryRequested:
		d.Repairing, d.Undone = d.Good != nil, d.Undone && d.Undoing
	case ev.InstallingStarted:
		d.Site, d.Cluster, d.Namespace = e.Site, e.Cluster, e.Namespace
	case ev.Deployed:
		d = d.deployed(e)
	case ev.RollbackRequested[S]:
		d.Spec, d.Undoing, d.Undone, d.Repairing = e.Spec, false, false, false
	case ev.RollingBackStarted:
		d.Undoing, d.Repairing = true, false
	case ev.RolledBack:
		d.Objects, d.Endpoints, d.Undoing, d.Undone, d.Repairing = e.Objects, e.Endpoints, false, true, false
	case ev.Failed, ev.UpdateFailed:
		d.Undoing, d.Repairing = false, false
	case ev.ChangeHeld:
		d.Held = true
	case ev.ChangeReleased:
		d.Held = false
	}
	return d.evolveCopy(happened)
}

func (at ground[S]) owed(e Entity[ReleaseData[S]]) ev.Effect {
	d := e.Data
	if owed, along := at.owedCopy(e); along {
		return owed
	}
	switch e.Phase() {
	case Pending:
		return WaitFor{On: append(owned(e.Base), at.on(e.Base))}
	case Installing, Upgrading, RollingBack:
		if d.Held {
			return WaitFor{On: []Dependency{at.on(e.Base)}}
		}
		return at.ensure(d.ensure(e.Base))
	case Uninstalling:
		if d.Cluster != "" {
			return at.remove(d.removal(e.Base))
		}
	}
	return nil
}

func (at ground[S]) stands(e Entity[ReleaseData[S]], refs *Refs) []ev.Effect {
	made := e.Data.ensure(e.Base)
	if e.Phase() == Copied || refs.unmet([]Dependency{at.on(e.Base)}) != nil {
		if at.onWay == nil || e.Data.Repairing || !at.onWay(e, refs) {
			return nil
		}
		made.Repair = true // who brings it back by this, with nobody to ask, makes nothing in what is closed by then
	}
	return []ev.Effect{at.ensure(made)}
}

func (at ground[S]) settle(e Entity[ReleaseData[S]], refs *Refs) ([]ev.Change, *Blocker) {
	switch {
	case e.Phase() == Copying || e.Phase() == Copied:
		return at.follow(e, refs)
	case e.Data.Held && e.Phase() != Uninstalling:
		if w := refs.unmet([]Dependency{at.on(e.Base)}); w != nil {
			return nil, w
		}
		return changed(e.Base, ev.ChangeReleased{}), nil
	case e.Phase() != Pending:
		return nil, nil
	}
	if w := refs.unmet(append(owned(e.Base), at.on(e.Base))); w != nil {
		return nil, w
	}
	started := at.start(e, refs)
	started.Site.Owner = OwnerTag(e.Base)
	return changed(e.Base, started), nil
}
