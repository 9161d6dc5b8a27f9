package fsm

import (
	"cmp"
	"fmt"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// WaitFor is the effect of waiting: nobody does it, the dispatcher looks again at
// each event of what is awaited.
type WaitFor struct {
	On []Dependency `json:"on"`
}

// Dependency is a condition of another entity. An empty id means: of any of the kind.
type Dependency struct {
	ev.Ref
	Condition string `json:"condition"`
}

// Effect names the waiting.
func (WaitFor) Effect() string { return "await" }

// ready is the need that another entity is Ready.
func ready(kind ev.Kind, path string) Dependency {
	ref, _ := ev.ParseRef(kind, path)
	return Dependency{ref, ConditionReady}
}

// Blocker says what an entity that is not where it should be is waiting for, or
// what went wrong, and when it is tried again.
type Blocker struct {
	ev.Reason
	Retried bool      `json:"retried" doc:"Whether it goes on by itself"`
	NextAt  time.Time `json:"next_at,omitzero" doc:"When it is tried again"`
}

// waitsFor says that one thing is not ready yet.
func waitsFor(n Dependency, state string) *Blocker {
	return &Blocker{Reason: ev.Reason{Code: ev.Dependency, Fault: ev.BySystem, Message: fmt.Sprintf("waits for %s, which is %s", n.Ref, state)}, Retried: true}
}

// state is where an entity is, and what is in its way.
func state(b Base) string {
	if t := b.trouble(); t != nil {
		return fmt.Sprintf("%s: %s", b.Phase(), t.Message)
	}
	return string(b.Phase())
}

// unmet finds the first need that does not hold; nil if all do.
func (r *Refs) unmet(needs []Dependency) *Blocker {
	for _, n := range needs {
		other, ok := r.Get(n.Ref)
		if !ok {
			return waitsFor(n, "not there")
		}
		if !other.Holds(n.Condition) {
			return waitsFor(n, state(other.Base))
		}
	}
	return nil
}

// why finds the one reason for which an entity is not at rest; nil if it is.
func (k *Kind[D]) why(e Entity[D], refs *Refs) *Blocker {
	if t := e.trouble(); t != nil {
		w := &Blocker{Reason: *t}
		if e.Failure == nil {
			w.Retried, w.NextAt = !e.Attempt.NextAt.IsZero(), e.Attempt.NextAt
		}
		return w
	}
	owed := k.owed(e)
	if owed == nil {
		return nil
	}
	if _, w := k.wait(e, refs); w != nil {
		return w
	}
	return &Blocker{Reason: ev.Reason{Code: ev.InProgress, Fault: ev.BySystem, Message: inWords(owed) + " is under way"}, Retried: true}
}

// workWords are effects as people say them.
var workWords = map[string]string{
	"await": "waiting for others", "verify_account": "a check of the account's rights", "ensure_network": "the network",
	"ensure_cluster": "the cluster's control plane", "ensure_system_pool": "the pool of system nodes", "upgrade_pools": "an upgrade of the node pools",
	"ensure_cloud_addons": "installing what the cloud adds", "ensure_base": "the base of the cluster", "ensure_pools": "the node pools",
	"ensure_tenant": "the tenant's namespace", "ensure_application": "installing the application", "ensure_addon": "installing the addon",
	"remove_owned": "removal of all that was made", "remove_tenant": "removal of the namespace", "remove_application": "removal of the application",
	"remove_addon": "removal of the addon",
}

// inWords is an effect as people say it; one that has no words yet by its name.
func inWords(e ev.Effect) string { return cmp.Or(workWords[e.Effect()], e.Effect()) }
