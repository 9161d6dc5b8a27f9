package fsm

import ev "github.com/aeriehq/aerie/events"

// AddonData is what an addon's events say of it.
type AddonData = ReleaseData[ev.AddonSpec]

// An addon waits for the base of its dataplane and has a namespace of its own there.
var addon = installed(ground[ev.AddonSpec]{
	kind: ev.Addon,
	on:   func(b Base) Dependency { return Dependency{Ref: b.dataplane().Ref, Condition: ConditionBaseReady} },
	start: func(e Entity[AddonData], refs *Refs) ev.InstallingStarted {
		dp, _ := find[DataplaneData](refs, e.dataplane().Ref)
		return ev.InstallingStarted{Site: dp.Data.site(dp.Base), Cluster: dp.Data.Cluster.Cluster, Namespace: e.Data.Spec.In(e.Ref)}
	},
	fits: func(ref ev.Ref, s ev.Spec, refs *Refs) []ev.FieldError {
		return append(s.(ev.AddonSpec).Fits(ref), fitsLogin(ref, s.(ev.AddonSpec).Chart, refs)...)
	},
	keep: func(faults *keeper, e Entity[AddonData], now ev.AddonSpec) {
		faults.keep("spec.namespace", e.Data.Spec.In(e.Ref), now.In(e.Ref))
	},
	ensure: func(e ev.EnsureApplication) ev.Effect { return ev.EnsureAddon{EnsureApplication: e} },
	remove: func(e ev.RemoveApplication) ev.Effect { return ev.RemoveAddon{RemoveApplication: e} },
})
