package client

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

func TestDraftIsAtRest(t *testing.T) {
	if !atRest(Entity{Kind: events.Plan, Phase: "Draft"}) || atRest(Entity{Kind: events.Tenant, Phase: "Waiting"}) || atRest(Entity{Kind: events.Tenant, Phase: "Active", Status: Status{Owed: map[string]any{"effect": "x"}}}) {
		t.Error("what is at rest is not what is at rest")
	}
}

// at is an entity as the API answers it.
func at(name, phase string, r *Reason) Entity {
	kind, path, _ := strings.Cut(name, " ")
	ref, _ := events.ParseRef(events.Kind(kind), path)
	return Entity{Kind: ref.Kind, Owner: ref.Owner, ID: ref.ID, UID: "u1", Phase: phase, Status: Status{Reason: r}}
}

func because(code events.ReasonCode, message string, retried bool) *Reason {
	return &Reason{Reason: events.Reason{Code: code, Message: message}, Retried: retried}
}

func handedOver(e Entity, status string) Entity {
	e.Status.Conditions = []Condition{{Type: fsm.ConditionHandedOver, Status: status}}
	return e
}

// Waiting ends well only if what was asked for is there.
func TestWhatIsWaitedFor(t *testing.T) {
	for _, c := range []struct {
		name   string
		target Target
		is     Entity
		done   bool
		exit   int
	}{
		{"active", Target{}, at("tenant a/b", "Active", nil), true, 0},
		{"being handed over", Target{}, handedOver(at("dataplane a/b", "Active", nil), fsm.False), false, 0},
		{"handed over", Target{}, handedOver(at("dataplane a/b", "Active", nil), fsm.True), true, 0},
		{"on its way", Target{}, at("tenant a/b", "Waiting", because(events.Dependency, "waits", true)), false, 0},
		{"failed", Target{}, at("tenant a/b", "Failed", because(events.ConfigProblem, "no", false)), false, ExitFailure},
		{"not seen yet", Target{}, Entity{}, false, 0},
		{"deleted by somebody", Target{}, at("tenant a/b", "Deleted", nil), false, ExitNotFound},
		{"being deleted by somebody", Target{}, at("tenant a/b", "Deleting", because(events.InProgress, "goes", true)), false, ExitRefused},
		{"another one by now", Target{UID: "u0"}, at("tenant a/b", "Active", nil), false, ExitRefused},
		{"a customer that is closed", Target{}, at("customer a", "Closed", nil), false, ExitNotFound},
		{"an end that is not there yet", Target{Gone: true}, at("tenant a/b", "Deleting", because(events.InProgress, "goes", true)), false, 0},
		{"an end", Target{Gone: true, UID: "u1"}, at("tenant a/b", "Deleted", nil), true, 0},
		{"an end, and the name is another's", Target{Gone: true, UID: "u0"}, at("tenant a/b", "Active", nil), true, 0},
	} {
		c.target.last = c.is
		if exit := ExitCode(c.target.lost()); c.target.done() != c.done || exit != c.exit {
			t.Errorf("%s: done %t, %v", c.name, c.target.done(), c.target.lost())
		}
	}
}

// Work in a cloud may take its time; waiting for what nobody does may not.
func TestPatience(t *testing.T) {
	began := time.Now()
	worked, waits := at("dataplane eu", "ClusterCreating", because(events.InProgress, "x", true)), at("tenant a/b", "Placing", because(events.CapacityUnavailable, "no room", true))
	w := patience{most: 5 * time.Minute, stands: map[events.Ref]string{}}
	for _, c := range []struct {
		name  string
		after time.Duration
		left  []Entity
		over  bool
	}{
		{"work goes on", 6 * time.Minute, []Entity{worked, waits}, false},
		{"nothing but waiting", 4 * time.Minute, []Entity{waits}, false},
		{"nothing but waiting for long", 5 * time.Minute, []Entity{waits}, true},
		{"work that no phase may take", 3 * time.Hour, []Entity{worked}, true},
	} {
		var left []Target
		for _, e := range c.left {
			w.saw(e, began)
			left = append(left, Target{last: e})
		}
		if over := w.over(began.Add(c.after), left); over != c.over {
			t.Errorf("%s: over is %t", c.name, over)
		}
	}
	now := began.Add(time.Hour)
	if w.saw(at("tenant a/b", "Waiting", nil), now); w.over(now.Add(time.Minute), []Target{{last: waits}}) {
		t.Error("a change is no progress")
	}
}

// What nobody works for is given up, with what is missing; what waits for another that is worked on is not.
func TestWaitGivesUpWithoutProgress(t *testing.T) {
	var looks atomic.Int32
	waits := at("tenant a/b", "Waiting", because(events.Dependency, "waits for dataplane -/eu, which is ClusterCreating", true))
	waits.Status.Owed = map[string]any{"effect": "await", "on": []string{"dataplane -/eu"}}
	built := at("dataplane eu", "ClusterCreating", because(events.InProgress, "the cluster is being made", true))
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := waits
		if strings.Contains(r.URL.Path, "dataplanes") {
			if e = built; looks.Add(1) > 2 {
				e = at("dataplane eu", "Degraded", because(events.ConfigProblem, "no such machine", false))
			}
		}
		_ = json.NewEncoder(w).Encode(e)
	}))
	defer web.Close()
	c, err := New(web.URL, DefaultNATS, "")
	if err != nil {
		t.Fatal(err)
	}
	c.patience = 200 * time.Millisecond // an answer is waited for as long, also on a busy machine
	err = c.Wait(t.Context(), []Target{{Ref: waits.Ref()}}, io.Discard)
	if ExitCode(err) != ExitTimeout || !strings.Contains(err.Error(), "nothing has changed") || looks.Load() != 3 {
		t.Errorf("after %d looks at the dataplane: %v", looks.Load(), err)
	}
}
