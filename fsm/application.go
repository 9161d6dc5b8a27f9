package fsm

import ev "github.com/aeriehq/aerie/events"

// ApplicationData is what an application's events say of it.
type ApplicationData = ReleaseData[ev.ApplicationSpec]

// An application waits for its tenant and lives in its namespace.
var application = installed(ground[ev.ApplicationSpec]{
	kind: ev.Application,
	on:   func(b Base) Dependency { return b.tenant() },
	start: func(e Entity[ApplicationData], refs *Refs) ev.InstallingStarted {
		t, _ := find[TenantData](refs, e.tenant().Ref)
		return ev.InstallingStarted{Site: t.Data.Site, Cluster: t.Data.Cluster, Namespace: t.Data.Placement.Namespace}
	},
	fits:   fitsApplication,
	hold:   holdApplication,
	locked: lockApplication,
	follow: settleCopy,
	onWay:  servesOnWay,
	ensure: func(e ev.EnsureApplication) ev.Effect { return e },
	remove: func(e ev.RemoveApplication) ev.Effect { return e },
})

// tenant is the need of an application that its id names.
func (b Base) tenant() Dependency {
	return Dependency{Ref: ev.Ref{Kind: ev.Tenant, Owner: b.Ref.Owner, ID: b.Ref.Parent()}, Condition: ConditionReady}
}
