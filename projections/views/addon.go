package views

import (
	"fmt"
	"strings"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

var addonView = kindView{
	kind:      events.Addon,
	observe:   func(e entity) any { return installedOf(e.Data.(fsm.AddonData).Objects) },
	dataplane: dataplaneInName,
}

// dataplaneInName is the dataplane that the id of what stands on it begins with.
func dataplaneInName(e entity) string {
	return events.Ref{Kind: events.Dataplane, Owner: e.Ref.Owner, ID: e.Ref.Parent()}.Path()
}

// addonsReady is the condition of a dataplane that all its addons are deployed; nil if it has none. It is the only one
// that is not the entity's own: it is made of others when it is read.
func addonsReady(w *state.Entities, e entity) *fsm.Condition {
	if e.Ref.Kind != events.Dataplane {
		return nil
	}
	if missing := missingAddon(w, e); missing != nil {
		return missing
	}
	c := fsm.Condition{Type: "AddonsReady", Status: fsm.True, Reason: string(fsm.Deployed)}
	some := false
	for _, ref := range fsm.Machines[events.Dataplane].Users(e, w.Refs()) {
		if ref.Kind != events.Addon {
			continue
		}
		some = true
		a, _ := w.Get(ref)
		ready := a.Conditions[len(a.Conditions)-1]
		if ready.Status != fsm.True {
			return &fsm.Condition{Type: c.Type, Status: fsm.False, Reason: ready.Reason, Since: ready.Since,
				Message: strings.TrimSuffix(fmt.Sprintf("%s is %s: %s", ref, a.Phase(), ready.Message), ": ")}
		}
		if c.Since.Before(ready.Since) {
			c.Since = ready.Since
		}
	}
	if !some {
		return nil
	}
	return &c
}

// missingAddon is the condition of a dataplane whose bootstrap names an addon that is not there; nil if all are.
func missingAddon(w *state.Entities, e entity) *fsm.Condition {
	for _, name := range e.Data.(fsm.DataplaneData).Spec.Bootstrap {
		ref := e.Ref.Child(events.Addon, name)
		if a, born := w.Get(ref); !born || fsm.Machines[events.Addon].Ended(a.Phase()) {
			return &fsm.Condition{Type: "AddonsReady", Status: fsm.False, Reason: string(events.Dependency), Since: e.PhaseSince,
				Message: fmt.Sprintf("%s is not there, and bootstrap names it", ref)}
		}
	}
	return nil
}
