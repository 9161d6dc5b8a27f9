package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// Nine dataplanes are throttled, find their account or the cloud full, or get no answer for far longer than their phases may last: none
// is given up, none says so more often than twice in a phase's time, and each is built when that is over.
func TestWaitingForACloudTakesNobodysTime(t *testing.T) {
	for _, class := range []cloud.Class{cloud.Throttled, cloud.Quota, cloud.Retryable, cloud.Capacity} {
		t.Run(string(class), func(t *testing.T) {
			l := newLife(1, t.TempDir())
			l.chaos = false
			t.Cleanup(func() { l.must(l.cloud.Close()) })
			l.create(ev.Ref{Kind: ev.Account, Owner: ev.Platform, ID: "main"}, `{"cloud":"sim","number":"4711"}`)
			began := l.now
			l.must(l.cloud.Inject(sim.Fault{Op: "EnsureCluster", Class: class, RetryAfter: time.Minute, Times: 9 * 300}))
			for i := range 9 {
				l.create(ev.Ref{Kind: ev.Dataplane, Owner: ev.Platform, ID: fmt.Sprintf("d%d", i)}, `{"account":"main","region":"eu-central"}`)
			}
			l.quiet()
			waited := l.now.Sub(began)
			l.world.Each(ev.Dataplane, func(e fsm.Entity[fsm.Data]) {
				if e.Phase() != fsm.Active {
					t.Errorf("%s is %s after %s: %+v", e.Ref, e.Phase(), waited, e.Failure)
				}
				if most := 20 + int(waited/(10*time.Minute)); e.History.Len() > most {
					t.Errorf("%s has waited %s and has %d events, more than %d", e.Ref, waited, e.History.Len(), most)
				}
			})
			if waited < 3*time.Hour {
				t.Errorf("it was over after %s", waited)
			}
		})
	}
}
