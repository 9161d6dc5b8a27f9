package fsm

import (
	"cmp"

	ev "github.com/aeriehq/aerie/events"
)

// AddonData is what an addon's events say of it.
type AddonData = ReleaseData[ev.AddonSpec]

// An addon waits for its dataplane and has a namespace of its own there.
var addon = installed(ground[ev.AddonSpec]{
	kind: ev.Addon,
	on:   func(b Base) Need { return b.dataplane() },
	start: func(e Entity[AddonData], refs *Refs) ev.InstallingStarted {
		dp, _ := find[DataplaneData](refs, e.dataplane().Ref)
		return ev.InstallingStarted{Site: dp.Data.site(dp.Base), Cluster: dp.Data.Cluster.Cluster, Namespace: namespaceOf(e.Ref, e.Data.Spec)}
	},
	keep: func(faults *keeper, e Entity[AddonData], now ev.AddonSpec) {
		faults.keep("spec.namespace", namespaceOf(e.Ref, e.Data.Spec), namespaceOf(e.Ref, now))
	},
	ensure: func(e ev.EnsureApplication) ev.Effect { return ev.EnsureAddon{EnsureApplication: e} },
	remove: func(e ev.RemoveApplication) ev.Effect { return ev.RemoveAddon{RemoveApplication: e} },
})

// namespaceOf is the namespace that an addon gets.
func namespaceOf(ref ev.Ref, s ev.AddonSpec) string { return cmp.Or(s.Namespace, ref.Local()) }
