package sim

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// A cloud whose look never shows what it made is asked for it three times, and no more after a restart; then the entity says
// what was made. When it is shown at last, the life goes on.
func TestWhatIsNeverSeenIsMadeThreeTimes(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"EnsureNetwork", "EnsureCluster", "EnsureAddon", "EnsurePool"} {
		t.Run(op, func(t *testing.T) {
			r := newRig(t)
			blind := sim.Fault{Op: op, Blind: true, Times: -1}
			if err := r.cloud.Inject(blind); err != nil {
				t.Fatal(err)
			}
			r.perform(`create account -/main {"cloud":"sim","number":"4711"}`)
			r.perform(`create dataplane -/eu {"account":"main","region":"eu-central"}`)
			unseen := func(e fsm.Entity[fsm.Data], why *fsm.Blocker) bool { return why != nil && why.Code == ev.NotSeen }
			r.until(ev.Dataplane, "-/eu", 20*time.Second, unseen)

			r.stop()
			r.faults = []sim.Fault{blind}
			r.start()
			if _, err := r.ask(ev.Dataplane, "-/eu", "update", `{"labels":{"a":"b"}}`); err != nil {
				t.Fatal(err)
			}
			e := r.until(ev.Dataplane, "-/eu", 20*time.Second, unseen)
			var most fsm.Creation
			for _, c := range e.Creations {
				if c.Started > most.Started {
					most = c
				}
			}
			if most.Started != fsm.MostUnseen || len(most.IDs) == 0 || !strings.Contains(e.Attempt.Message, most.IDs[0]) {
				t.Errorf("made %+v, want %d with their ids; it says %s", most, fsm.MostUnseen, e.Attempt.Message)
			}
			if made := r.made(op); made > fsm.MostUnseen {
				t.Errorf("%d are there, want at most %d", made, fsm.MostUnseen)
			}

			r.stop()
			r.faults = nil
			r.start()
			active := r.until(ev.Dataplane, "-/eu", 30*time.Second, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool { return e.Phase() == fsm.Active })
			if len(active.Creations) > 0 {
				t.Errorf("it is there, and these are not seen: %+v", active.Creations)
			}
			if _, err := r.ask(ev.Dataplane, "-/eu", "delete", `{}`); err != nil {
				t.Fatal(err)
			}
			r.until(ev.Dataplane, "-/eu", time.Minute, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool { return e.Phase() == fsm.Gone })
			if left := r.made(""); left > 0 {
				t.Errorf("%d things are left", left)
			}
		})
	}
}

// made counts what is there of what a call ensures; of all, if it is empty.
func (r *rig) made(op string) (n int) {
	r.t.Helper()
	all, err := r.cloud.ListOwned(context.Background(), cloud.Scope{Account: cloud.Account{ID: "4711"}, Region: "eu-central"}, "")
	if err != nil {
		r.t.Fatal(err)
	}
	for _, ref := range all {
		if strings.HasSuffix(strings.ToLower(op), string(ref.Kind)) || op == "" {
			n++
		}
	}
	return n
}
