package fsm

import (
	"fmt"
	"reflect"
	"strings"

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

// addonsReady is the condition of a dataplane that all its addons are deployed, and those of its bootstrap are there. One
// that has no addons, and needs none, has no such condition.
func addonsReady(e Entity[DataplaneData], refs *Refs) []Condition {
	c := Condition{Type: "AddonsReady", Status: True, Reason: string(Deployed)}
	for _, need := range e.Data.bootstrap(e.Ref) {
		if a, born := refs.Get(need.Ref); !born || Ended(a) {
			c.Status, c.Reason, c.Since = False, string(ev.Dependency), e.PhaseSince
			c.Message = fmt.Sprintf("%s is not there, and bootstrap names it", need.Ref)
			return []Condition{c}
		}
	}
	addons := refs.users(e.Ref, everyone, ev.Addon)
	for _, ref := range addons {
		a, _ := refs.Get(ref)
		ready := a.Conditions[len(a.Conditions)-1]
		if ready.Status != True {
			c.Status, c.Reason, c.Since = False, ready.Reason, ready.Since
			c.Message = strings.TrimSuffix(fmt.Sprintf("%s is %s: %s", ref, a.Phase(), ready.Message), ": ")
			return []Condition{c}
		}
		if c.Since.Before(ready.Since) {
			c.Since = ready.Since
		}
	}
	if len(addons) == 0 {
		return nil
	}
	return []Condition{c}
}
