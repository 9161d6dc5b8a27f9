package sim

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud/kube/memory/controllers"
	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/command"
	"github.com/aeriehq/aerie/workers/execute"
)

// life is one seed of the simulation: a whole control plane without goroutines and
// without NATS. Deciding, folding, what is owed, the handlers and the inspector's looks
// are the program's own; the log is a slice, and the books of intake, dispatcher, work
// queue and executor are kept here as those keep them, so that one source of chance
// chooses what happens next. The same seed is the same life.
type life struct {
	script
	dir     string
	now     time.Time
	cloud   *sim.Sim
	storage *controllers.Storage // what is behind volumes; nil: there are none
	offers  sim.Catalogue        // what the cloud has, if that is not the usual
	clouds  map[string]execute.Cloud
	log     [][]written       // every decision as it went over the wire
	last    map[ev.Ref]uint64 // what the log knows of each subject
	servers []*server
	*server // the one at work
	store
	inspected time.Time                   // when an inspector last made its round
	asked     []asked                     // what people were answered
	chaos     bool                        // whether the machinery is disturbed
	tiers     bool                        // some tenants go between shared applications and their own
	instead   func(ev.Ref) execute.Result // nil: all that is to be installed is; else what comes of it instead, if it is to be asked again
	kills     map[string]int              // how often who worked on something was about to be killed; nil: nobody is
	link      link                        // to agents
	mode      string                      // of the dataplane that is handed over, at first
	lines     []string
	faults    []string // what the life did wrong
	seen      tally
	promises  map[ev.Ref]*moveSeen  // what a dry run says of the move that is asked for next
	moves     map[ev.Ref]*moveSeen  // those that are under way
	secrets   map[ev.Ref]keptSecret // what the Secrets say that follow their tenants
	ledger    *sim.LedgerReader     // of the cloud
	repairs   map[ev.Ref]bool       // who is being repaired
	baseless  map[string]bool       // the dataplanes whose base somebody has deleted: pods that begin meanwhile land anywhere, and stay there
}

// written is one event as the log holds it.
type written struct {
	rec  ev.Recorded // without its event
	data []byte
}

// asked is a command with its answer, to be asked again.
type asked struct {
	request command.Request
	answer  ev.Answer
}

// tally counts what lives went through, so that a simulation in which nothing
// happens does not pass for a good one.
type tally map[string]int

func newLife(seed uint64, dir string) *life {
	l := &life{script: script{rnd: rand.New(rand.NewPCG(seed, 77))}, dir: dir, ledger: sim.NewLedgerReader(filepath.Join(dir, "cloud")), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		last: map[ev.Ref]uint64{}, chaos: true, seen: tally{}, promises: map[ev.Ref]*moveSeen{}, moves: map[ev.Ref]*moveSeen{}, secrets: map[ev.Ref]keptSecret{}, repairs: map[ev.Ref]bool{}, baseless: map[string]bool{}}
	l.openCloud()
	l.servers = make([]*server, 1+l.rnd.IntN(2))
	l.restart()
	return l
}

// openCloud starts the cloud's process: its faults end, what it holds does not.
func (l *life) openCloud() {
	if l.cloud != nil {
		l.must(l.cloud.Close())
	}
	var err error
	if l.cloud, err = sim.Open(sim.Options{Dir: filepath.Join(l.dir, "cloud"), Now: func() time.Time { return l.now }, Speed: 1,
		Logger: slog.New(slog.DiscardHandler)}); err == nil {
		l.cloud.SetCatalogue(l.offers)
	}
	l.must(err)
	long := time.Now().Add(-time.Hour) // else it would be looked at each call whether somebody wrote scripts into it
	l.must(os.Chtimes(filepath.Join(l.dir, "cloud"), long, long))
	l.clouds = map[string]execute.Cloud{"sim": {Provider: l.cloud, Kube: l.cloud.Kube}}
}

// restart drops everything but the log and the cloud.
func (l *life) restart() {
	l.store = newStore()
	for i := range l.servers {
		l.restartOne(i)
	}
}

// restartOne starts one server anew, while another may go on.
func (l *life) restartOne(i int) {
	name := string(rune('A' + i))
	l.say("server %s starts", name)
	l.seen["restarts"]++
	l.servers[i] = newServer(name, l.now, l.refold())
	l.server = l.servers[i]
}

// turn lets any of the servers do what comes next.
func (l *life) turn() { l.server = pick(&l.script, l.servers) }

// refold folds the log from scratch.
func (l *life) refold() *state.Entities {
	w := state.New()
	for _, decision := range l.log {
		var read []ev.Recorded
		for _, one := range decision {
			read = append(read, l.read(one))
		}
		l.must(w.Apply(read))
	}
	return w
}

// read gives an event back as the log does.
func (l *life) read(one written) ev.Recorded {
	for _, e := range fsm.Machines[one.rec.Ref.Kind].Vocabulary() {
		if e.Type() == one.rec.Event.Type() {
			v := reflect.New(reflect.TypeOf(e))
			l.must(json.Unmarshal(one.data, v.Interface()))
			one.rec.Event = v.Elem().Interface().(ev.Event)
			return one.rec
		}
	}
	panic(fmt.Sprintf("the log cannot hold %s.%s", one.rec.Ref.Kind, one.rec.Event.Type()))
}

// append stores a decision if what it expects holds, as the log does.
func (l *life) append(d eventlog.Decision) ([]ev.Recorded, error) {
	if d.LogAt != nil && *d.LogAt != l.world.Seq {
		return nil, eventlog.ErrConflict
	}
	count := 0
	for _, c := range d.Changes {
		if c.After != l.last[c.Ref] {
			return nil, eventlog.ErrConflict
		}
		count += len(c.Events)
	}
	var decision []written
	var recorded []ev.Recorded
	for _, c := range d.Changes {
		for _, e := range c.Events {
			r := ev.Recorded{Envelope: d.Envelope, Ref: c.Ref, Event: e, Seq: l.world.Seq + uint64(len(decision)) + 1}
			r.EventID, r.Index, r.Count = fmt.Sprintf("e%d", r.Seq), len(decision)+1, count
			data, err := json.Marshal(e)
			l.must(err)
			decision = append(decision, written{r, data})
			recorded = append(recorded, l.read(written{r, data}))
			l.last[c.Ref] = r.Seq
		}
	}
	l.log = append(l.log, decision)
	l.now = l.now.Add(time.Microsecond) // no two commands are given at the same instant: the dispatcher relies on it
	for _, s := range l.servers {
		l.must(s.world.Apply(recorded))
		s.see(recorded)
	}
	l.note(recorded)
	return recorded, nil
}

// note writes what happened into the transcript and checks what must hold at once.
func (l *life) note(decision []ev.Recorded) {
	for _, r := range decision {
		e, _ := l.world.Get(r.Ref)
		l.say("  %4d %s: %s -> %s by %s%s", r.Seq, r.Ref, r.Event.Type(), e.Phase(), r.Actor, reasonIn(r.Event))
		l.seen[string(r.Ref.Kind)+" "+string(e.Phase())]++
		if r.Actor == "" || r.CausationID == "" || r.CorrelationID == "" || r.CommandID == "" || r.Time.IsZero() {
			l.wrong("event %d of %s lacks actor, cause, thread or time: %+v", r.Seq, r.Ref, r.Envelope)
		}
		l.checkReason(e)
		l.checkProvision(r)
		l.noteMove(r)
		l.noteOwn(r)
		l.noteRepair(r)
		if r.Actor == ev.ActorAerie && r.Ref.Kind != ev.Account {
			switch r.Event.(type) {
			case ev.RetryRequested, ev.ResumeRequested, ev.SuspendRequested:
				l.seen["gone on by itself: "+r.Event.Type()+" of a "+string(r.Ref.Kind)]++
			}
		}
		if f, failed := r.Event.(ev.AttemptFailed); failed && strings.Contains(f.Message, "can't be emptied") {
			l.seen["pools that can't be emptied"]++
		}
	}
}

func reasonIn(e ev.Event) string {
	switch e := e.(type) {
	case ev.AttemptFailed:
		return fmt.Sprintf(" (attempt %d: %s: %s)", e.Attempt, e.Code, e.Message)
	case ev.Failed:
		return fmt.Sprintf(" (%s)", e.Code)
	case ev.Placed:
		return " (" + e.TenantInfra + ")"
	case ev.PoolsObserved:
		return fmt.Sprintf(" %+v", e.Pools)
	}
	return ""
}

// must stops a life that cannot go on; its transcript is printed all the same.
func (l *life) must(err error) {
	if err != nil {
		panic(err)
	}
}

func (l *life) say(format string, args ...any) {
	l.lines = append(l.lines, l.now.Format("02 15:04:05 ")+fmt.Sprintf(format, args...))
}

// wrong notes that something that must hold does not.
func (l *life) wrong(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(l.faults, text) {
		l.faults = append(l.faults, text)
		l.say("WRONG: %s", text)
	}
}
