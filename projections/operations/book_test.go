package operations

import (
	"fmt"
	"slices"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// TestEveryWayLeadsToARest holds the ways of each kind against its table: from wherever somebody works there is a way to the
// rest or the end that nobody has to ask for, and the steps ahead are none that were taken.
func TestEveryWayLeadsToARest(t *testing.T) {
	for k, way := range ways() {
		m := fsm.Machines[k]
		for p, works := range way.works {
			if works == way.rests[p] && p != fsm.Unborn && !givenUp(way, p) {
				t.Errorf("%s %s: works %v, rests %v", k, p, works, way.rests[p])
			}
			if !works {
				continue
			}
			last := p
			for _, next := range way.ahead[p] {
				if !way.works[next] || next == p {
					t.Errorf("%s %s: ahead is %v", k, p, way.ahead[p])
				}
				last = next
			}
			ends := slices.ContainsFunc(m.Vocabulary(), func(e ev.Event) bool { return way.rests[way.next[last][e.Type()]] })
			if !ends {
				t.Errorf("%s %s: ahead is %v, and no rest behind it", k, p, way.ahead[p])
			}
		}
	}
	want := []fsm.Phase{fsm.Placing, fsm.Waiting, fsm.Provisioning}
	if got := ways()[ev.Tenant].ahead[fsm.Requested]; !slices.Equal(got, want) {
		t.Errorf("a tenant that was requested: %v, want %v", got, want)
	}
}

// givenUp tells whether a retry brings an entity on from a phase, and nothing else does.
func givenUp(w *way, p fsm.Phase) bool { return w.works[w.next[p][ev.RetryRequested{}.Type()]] }

// TestTheBookIsBounded ends more operations than are kept, then one a day later.
func TestTheBookIsBounded(t *testing.T) {
	b, at := NewBook(), time.Unix(0, 0)
	seq := uint64(0)
	live := func(n uint32) {
		see := func(before fsm.Phase, happened ev.Event) {
			seq++
			r := ev.Recorded{Envelope: ev.Envelope{Time: at, EventID: fmt.Sprint(seq)}, Ref: ev.Ref{Kind: ev.Account, Owner: "-", ID: "x"}, Seq: seq, Event: happened}
			b.See(n, before, []ev.Recorded{r}, fsm.Entity[fsm.Data]{Base: fsm.Base{Ref: r.Ref}})
		}
		see(fsm.Unborn, ev.Requested[ev.AccountSpec]{})
		see(fsm.Requested, ev.VerificationStarted{})
		see(fsm.Verifying, ev.Verified{})
	}
	for n := range uint32(mostEnded + 5) {
		live(n)
	}
	if first, _, _ := b.all.Min(); b.all.Len() != mostEnded || len(b.ended) != mostEnded || len(b.open) != 0 || first != 5*3+1 {
		t.Errorf("%d of %d are kept, the first %d", b.all.Len(), len(b.ended), first)
	}
	at = at.Add(kept)
	live(0)
	if b.all.Len() != 1 {
		t.Errorf("%d are kept a day later", b.all.Len())
	}
}

// TestACopyStays changes a book behind its copy.
func TestACopyStays(t *testing.T) {
	b, ref := NewBook(), ev.Ref{Kind: ev.Account, Owner: "-", ID: "x"}
	see := func(seq uint64, before fsm.Phase, happened ev.Event) {
		b.See(0, before, []ev.Recorded{{Ref: ref, Seq: seq, Event: happened}}, fsm.Entity[fsm.Data]{Base: fsm.Base{Ref: ref}})
	}
	see(1, fsm.Unborn, ev.Requested[ev.AccountSpec]{})
	was := b.Copy()
	see(2, fsm.Requested, ev.VerificationStarted{})
	see(3, fsm.Verifying, ev.Verified{})
	if o, _ := was.all.Get(1); o.State != Running || len(o.Steps) != 1 {
		t.Errorf("the copy has %+v", o)
	}
}

// TestWhatDoesNotGoAlongHasFailed has an application stay where it was, since its tenant does.
func TestWhatDoesNotGoAlongHasFailed(t *testing.T) {
	b, ref := NewBook(), ev.Ref{Kind: ev.Application, Owner: "acme", ID: "prod_pg"}
	see := func(seq uint64, before fsm.Phase, happened ev.Event) {
		b.See(0, before, []ev.Recorded{{Ref: ref, Seq: seq, Event: happened}}, fsm.Entity[fsm.Data]{Base: fsm.Base{Ref: ref}})
	}
	see(1, fsm.Deployed, ev.CopyStarted{})
	see(2, fsm.Copying, ev.CopyDropped{})
	if o, _ := b.all.Get(1); o == nil || o.Verb != ev.VerbMove || o.State != Failed {
		t.Errorf("it is %+v", o)
	}
}
