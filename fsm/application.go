package fsm

import (
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// The phases of an application beside those of every life.
const (
	Pending      Phase = "Pending"
	Installing   Phase = "Installing"
	Deployed     Phase = "Deployed"
	Upgrading    Phase = "Upgrading"
	Uninstalling Phase = "Uninstalling"
	Uninstalled  Phase = "Uninstalled"
)

// ApplicationData is what an application's events say of it.
type ApplicationData struct {
	Spec      ev.ApplicationSpec
	Site      ev.Site
	Cluster   string
	Namespace string
	Objects   []string // what is deployed
}

// Wants returns the spec.
func (d ApplicationData) Wants() ev.Spec { return d.Spec }

// An application waits for its tenant and is installed; another spec upgrades it.
var application = Kind[ApplicationData]{
	Name: ev.Application,
	Table: table([]Phase{Pending, Installing, Upgrading}, Uninstalling, Uninstalled,
		Row{ev.Requested[ev.ApplicationSpec]{}, []Phase{Unborn}, Pending},
		Row{ev.InstallingStarted{}, []Phase{Pending}, Installing},
		Row{ev.Deployed{}, []Phase{Installing, Upgrading}, Deployed},
		Row{ev.UpdateRequested[ev.ApplicationSpec]{}, []Phase{Deployed, Upgrading}, Upgrading},
		Row{ev.Drifted{}, []Phase{Deployed}, Stay},
		Row{ev.DriftEnded{}, []Phase{Deployed}, Stay},
		Row{ev.RepairStarted{}, []Phase{Deployed}, Upgrading},
		Row{ev.RetryRequested{}, []Phase{Deployed}, Upgrading}, // of one that has drifted
		Row{ev.Failed{}, []Phase{Installing, Upgrading}, Failed},
		Row{ev.RetryRequested{}, []Phase{Failed}, Pending},
		Row{ev.UpdateRequested[ev.ApplicationSpec]{}, []Phase{Failed}, Pending},
		Row{ev.UpdateRequested[ev.ApplicationSpec]{}, []Phase{Pending, Installing}, Stay},
		Row{ev.Swept{}, []Phase{Pending, Installing, Deployed, Upgrading, Failed, Uninstalling, Uninstalled}, Stay}, // of an earlier incarnation
	),
	Rules: map[Phase]Rule{
		Installing: {Within: 30 * time.Minute, Attempts: 5},
		Upgrading:  {Within: 30 * time.Minute, Attempts: 5},
	},
	Rest:  []Phase{Deployed},
	Going: Uninstalling,
	End:   Uninstalled,
	Born:  requested[ev.ApplicationSpec],
	Respec: func(_ Entity[ApplicationData], s ev.Spec) ([]ev.Event, []ev.Fault) {
		return []ev.Event{ev.UpdateRequested[ev.ApplicationSpec]{Spec: s.(ev.ApplicationSpec)}}, nil
	},
	Evolve: evolveApplication,
	Owed:   owedApplication,
	Stands: func(e Entity[ApplicationData], refs *Refs) []ev.Effect {
		if refs.unmet([]Need{e.tenant()}) != nil {
			return nil
		}
		return []ev.Effect{e.Data.ensure(e.Base)}
	},
	Settle: settleApplication,
	Conditions: func(e Entity[ApplicationData]) []Condition {
		return []Condition{e.inSync(), e.condition(ConditionReady, e.Phase() == Deployed)}
	},
}

func evolveApplication(d ApplicationData, happened ev.Event) ApplicationData {
	switch e := happened.(type) {
	case ev.Requested[ev.ApplicationSpec]:
		d.Spec = e.Spec
	case ev.UpdateRequested[ev.ApplicationSpec]:
		d.Spec = e.Spec
	case ev.InstallingStarted:
		d.Site, d.Cluster, d.Namespace = e.Site, e.Cluster, e.Namespace
	case ev.Deployed:
		d.Objects = e.Objects
	}
	return d
}

func owedApplication(e Entity[ApplicationData]) ev.Effect {
	d := e.Data
	switch e.Phase() {
	case Pending:
		return Await{append(owned(e.Base), e.tenant())}
	case Installing, Upgrading:
		return d.ensure(e.Base)
	case Uninstalling:
		if d.Cluster != "" {
			return ev.RemoveApplication{Site: d.Site, Cluster: d.Cluster, Namespace: d.Namespace, Name: e.Ref.Local(), Manifests: d.Spec.Manifests}
		}
	}
	return nil
}

func (d ApplicationData) ensure(b Base) ev.Effect {
	return ev.EnsureApplication{Site: d.Site, Cluster: d.Cluster, Namespace: d.Namespace,
		Name: b.Ref.Local(), Revision: b.Revision, Manifests: d.Spec.Manifests}
}

// tenant is the need of an application that its id names.
func (b Base) tenant() Need {
	return Need{ev.Ref{Kind: ev.Tenant, Owner: b.Ref.Owner, ID: b.Ref.Parent()}, ConditionReady}
}

func settleApplication(e Entity[ApplicationData], refs *Refs) ([]ev.Change, *Why) {
	if e.Phase() != Pending {
		return nil, nil
	}
	if w := refs.unmet(append(owned(e.Base), e.tenant())); w != nil {
		return nil, w
	}
	t, _ := find[TenantData](refs, e.tenant().Ref)
	site := t.Data.Site
	site.Owner = Mark(e.Base)
	return changed(e.Base, ev.InstallingStarted{Site: site, Cluster: t.Data.Cluster, Namespace: t.Data.Placement.Namespace}), nil
}
