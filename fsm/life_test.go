package fsm

import (
	"fmt"
	"strings"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// A life is one case: what has happened, what is asked then, and what comes of it.
type life struct {
	name  string
	given []fact
	when  question
	then  []string // "plan -/free created", in order; none: nothing new happened
	not   string   // parts of the refusal, divided by "…"; empty: it is not refused
	phase Phase    // of the asked entity afterwards, if it matters
	why   string   // a part of the reason for which it is not at rest; "-": it is at rest
}

// A fact is one decision of the past, about one entity.
type fact struct {
	ref    ev.Ref
	events []ev.Event
}

// A question is what somebody asks, made in sight of the world: a report names
// the effect that is owed.
type question func(*testing.T, *World) ev.Command

// start is when every life begins; each fact takes a minute.
var start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// is says what has happened to an entity: "tenant acme/prod".
func is(name string, events ...ev.Event) []fact { return []fact{{refOf(name), events}} }

func history(all ...[]fact) (facts []fact) {
	for _, f := range all {
		facts = append(facts, f...)
	}
	return facts
}

func refOf(name string) ev.Ref {
	kind, path, _ := strings.Cut(name, " ")
	r, faults := ev.ParseRef(ev.Kind(kind), path)
	if len(faults) > 0 {
		panic(fmt.Sprintf("%s: %v", name, faults))
	}
	return r
}

// worldOf folds facts.
func worldOf(t *testing.T, facts []fact) *World {
	t.Helper()
	w := NewWorld()
	for _, f := range facts {
		if err := w.Apply(recorded(w, f.ref, f.events)); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// recorded makes what the log would say of the next decision.
func recorded(w *World, ref ev.Ref, events []ev.Event) (all []ev.Recorded) {
	at := start.Add(time.Duration(w.Seq) * time.Minute)
	for i, e := range events {
		seq := w.Seq + uint64(i) + 1
		all = append(all, ev.Recorded{Ref: ref, Seq: seq, Event: e, Envelope: ev.Envelope{
			EventID: fmt.Sprint("e", seq), CommandID: fmt.Sprint("c", w.Seq+1), Actor: ev.ActorAdmin, Time: at, Index: i + 1, Count: len(events)}})
	}
	return all
}

// later is when the question is asked: a day after everything.
var later = start.Add(24 * time.Hour)

func ask(name string, a ev.Ask) question {
	return func(*testing.T, *World) ev.Command {
		return ev.Command{ID: "asked", Ref: refOf(name), Actor: ev.ActorAdmin, Time: later, UID: "new-uid", Ask: a}
	}
}

// create and update ask with a body as a client would send it.
func create(name, body string) question { return send(name, ev.VerbCreate, body) }
func update(name, body string) question { return send(name, ev.VerbUpdate, body) }
func retry(name string) question        { return ask(name, ev.Retry{}) }
func settle(name string) question       { return ask(name, ev.Settle{}) }

func send(name, verb, body string) question {
	return func(t *testing.T, w *World) ev.Command {
		t.Helper()
		a, err := ev.DecodeAsk(refOf(name).Kind, verb, []byte(body))
		if err != nil {
			t.Fatalf("the row's own body: %v", err)
		}
		return ask(name, a)(t, w)
	}
}

// done reports that what is owed came about.
func done(name string, outcome ev.Event) question {
	return report(name, func(r *ev.Report) { r.Outcome = outcome })
}

// failed reports that what is owed was tried in vain.
func failed(name string, code ev.ReasonCode) question {
	return report(name, func(r *ev.Report) { r.Failure = attempt(0, code) })
}

func report(name string, with func(*ev.Report)) question {
	return func(t *testing.T, w *World) ev.Command {
		t.Helper()
		e, _ := w.Get(refOf(name))
		r := ev.Report{UID: e.UID, Digest: "none"}
		if owed := Machines[refOf(name).Kind].Owed(e); owed != nil {
			r.Digest = DigestOf(owed)
		}
		with(&r)
		return ask(name, r)(t, w)
	}
}

// late reports for an effect as it was owed after some of the facts.
func late(name string, then []fact, outcome ev.Event) question {
	return func(t *testing.T, _ *World) ev.Command {
		t.Helper()
		return done(name, outcome)(t, worldOf(t, then))
	}
}

// expired says that the entity's present phase has lasted too long.
func expired(name string) question {
	return func(t *testing.T, w *World) ev.Command {
		e, _ := w.Get(refOf(name))
		return ask(name, ev.Expire{Since: e.Since})(t, w)
	}
}

func attempt(n int, code ev.ReasonCode) *ev.AttemptFailed {
	return &ev.AttemptFailed{Attempt: n, NextAt: later, Reason: ev.Reason{Code: code, Message: "the cloud said so", Fault: ev.ByCloud}}
}

// tried is the past failure of an attempt with this number.
func tried(n int) ev.Event { return *attempt(n, ev.InternalReason) }

func givenUp(code ev.ReasonCode) ev.Event { return ev.Failed{Reason: attempt(0, code).Reason} }

func live(t *testing.T, lives []life) {
	t.Helper()
	for _, l := range lives {
		t.Run(l.name, func(t *testing.T) { l.try(t) })
	}
}

func (l life) try(t *testing.T) {
	t.Helper()
	w := worldOf(t, l.given)
	c := l.when(t, w)
	changes, err := decideIn(w, c)
	checkRefusal(t, err, l.not)
	var got []string
	for _, ch := range changes {
		for _, e := range ch.Events {
			got = append(got, ch.Ref.String()+" "+e.Type())
		}
		if err := w.Apply(recorded(w, ch.Ref, ch.Events)); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(l.then) {
		t.Errorf("got  %q\nwant %q", got, l.then)
	}
	l.checkAfter(t, w, c.Ref)
}

func decideIn(w *World, c ev.Command) ([]ev.Change, error) {
	e, _ := w.Get(c.Ref)
	return Machines[c.Ref.Kind].Decide(e, c, w.Refs())
}

func checkRefusal(t *testing.T, err error, want string) {
	t.Helper()
	if (err != nil) != (want != "") {
		t.Fatalf("got the refusal %v, want %q", err, want)
	}
	for part := range strings.SplitSeq(want, "…") {
		if err != nil && !strings.Contains(err.Error(), part) {
			t.Errorf("want %q in the refusal %q", part, err)
		}
	}
}

func (l life) checkAfter(t *testing.T, w *World, ref ev.Ref) {
	t.Helper()
	e, _ := w.Get(ref)
	if l.phase != "" && e.Phase() != l.phase {
		t.Errorf("it is %s, want %s", e.Phase(), l.phase)
	}
	if l.why == "" {
		return
	}
	got := "-"
	if why := w.Why(e); why != nil {
		got = string(why.Code) + ": " + why.Message
	}
	if !strings.Contains(got, l.why) {
		t.Errorf("it is not at rest because %q, want %q", got, l.why)
	}
}
