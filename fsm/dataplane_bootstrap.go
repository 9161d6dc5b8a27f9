package fsm

import (
	"reflect"

	ev "github.com/aeriehq/aerie/events"
)

// ConditionBaseReady is the condition of a dataplane that addons can be installed on it: it is Ready, or waits for them
// alone.
const ConditionBaseReady = "BaseReady"

// onlyBootstrap tells whether two specs differ in nothing but the addons they wait for.
func onlyBootstrap(a, b ev.DataplaneSpec) bool {
	a.Bootstrap = b.Bootstrap
	return reflect.DeepEqual(a, b)
}

// bootstrap is the need of the addons without which a dataplane is not Active.
func (d DataplaneData) bootstrap(ref ev.Ref) (needs []Dependency) {
	for _, name := range d.Spec.Bootstrap {
		needs = append(needs, Dependency{Ref: ref.Child(ev.Addon, name), Condition: ConditionReady})
	}
	return needs
}

// based is what it means that a dataplane's base is there.
func (d DataplaneData) based(p Phase, base ev.Activated) ev.Event {
	switch {
	case p == Updating:
		return ev.UpdateDone(base)
	case len(d.Spec.Bootstrap) > 0:
		return ev.BaseReady(base)
	}
	return base
}
