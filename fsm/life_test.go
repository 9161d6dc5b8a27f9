package fsm_test

import (
	"fmt"
	"strings"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
	"github.com/aeriehq/aerie/projections/state"
)

// A life is one case: what has happened, what is asked then, and what comes of it.
type life struct {
	name  string
	given []fsmtest.Fact
	when  question
	then  []string  // "plan -/free created", in order; none: nothing new happened
	not   string    // parts of the refusal, divided by "…"; empty: it is not refused
	phase fsm.Phase // of the asked entity afterwards, if it matters
	why   string    // a part of the reason for which it is not at rest; "-": it is at rest
}

// A question is what somebody asks, made in sight of the world: a report names
// the effect that is owed.
type question func(*testing.T, *state.Entities) ev.Command

func ask(name string, a ev.Payload) question {
	return func(*testing.T, *state.Entities) ev.Command {
		return ev.Command{ID: "asked", Ref: fsmtest.RefOf(name), Actor: ev.ActorAdmin, Time: fsmtest.Later, UID: "new-uid", Payload: a, Internal: fsmtest.OfMachinery(a)}
	}
}

// create and update ask with a body as a client would send it.
func create(name, body string) question { return send(name, ev.VerbCreate, body) }
func update(name, body string) question { return send(name, ev.VerbUpdate, body) }
func retry(name string) question        { return ask(name, ev.Retry{}) }
func settle(name string) question       { return ask(name, ev.Settle{}) }

func send(name, verb, body string) question {
	return func(t *testing.T, w *state.Entities) ev.Command {
		t.Helper()
		a, err := ev.DecodeAsk(fsmtest.RefOf(name).Kind, verb, []byte(body))
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
	return report(name, func(r *ev.Report) { r.Failure = fsmtest.Attempt(0, code) })
}

func report(name string, with func(*ev.Report)) question {
	return func(t *testing.T, w *state.Entities) ev.Command {
		t.Helper()
		e, _ := w.Get(fsmtest.RefOf(name))
		r := ev.Report{UID: e.UID, Digest: "none"}
		if owed := fsm.Machines[fsmtest.RefOf(name).Kind].Owed(e); owed != nil {
			r.Digest = fsm.DigestOf(owed)
		}
		with(&r)
		return ask(name, r)(t, w)
	}
}

// late reports for an effect as it was owed after some of the facts.
func late(name string, then []fsmtest.Fact, outcome ev.Event) question {
	return func(t *testing.T, _ *state.Entities) ev.Command {
		t.Helper()
		return done(name, outcome)(t, fsmtest.WorldOf(t, then))
	}
}

// expired says that the entity's present phase has lasted too long.
func expired(name string) question {
	return func(t *testing.T, w *state.Entities) ev.Command {
		e, _ := w.Get(fsmtest.RefOf(name))
		return ask(name, fsmtest.Expired(e))(t, w)
	}
}

// tried is the past failure of an attempt with this number.
func tried(n int) ev.Event { return *fsmtest.Attempt(n, ev.InternalReason) }

func givenUp(code ev.ReasonCode) ev.Event { return ev.Failed{Reason: fsmtest.Attempt(0, code).Reason} }

func live(t *testing.T, lives []life) {
	t.Helper()
	for _, l := range lives {
		t.Run(l.name, func(t *testing.T) { l.try(t) })
	}
}

func (l life) try(t *testing.T) {
	t.Helper()
	w := fsmtest.WorldOf(t, l.given)
	c := l.when(t, w)
	changes, err := fsmtest.DecideIn(w, c)
	checkRefusal(t, err, l.not)
	var got []string
	for _, ch := range changes {
		for _, e := range ch.Events {
			got = append(got, ch.Ref.String()+" "+e.Type())
		}
		if err := w.Apply(fsmtest.Recorded(w, ch.Ref, ch.Events)); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(l.then) {
		t.Errorf("got  %q\nwant %q", got, l.then)
	}
	l.checkAfter(t, w, c.Ref)
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

func (l life) checkAfter(t *testing.T, w *state.Entities, ref ev.Ref) {
	t.Helper()
	e, _ := w.Get(ref)
	if l.phase != "" && e.Phase() != l.phase {
		t.Errorf("it is %s, want %s", e.Phase(), l.phase)
	}
	if l.why == "" {
		return
	}
	got := "-"
	if why := w.Blocker(e); why != nil {
		got = string(why.Code) + ": " + why.Message
	}
	want := l.why
	for effect, words := range fsm.WorkWords {
		want = strings.ReplaceAll(want, effect, words)
	}
	if !strings.Contains(got, want) {
		t.Errorf("it is not at rest because %q, want %q", got, want)
	}
}

func TestReadyIsTheLastCondition(t *testing.T) {
	w := fsmtest.WorldOf(t, fsmtest.History(fsmtest.TenantHome(), fsmtest.AppIs()))
	for _, k := range ev.Kinds {
		w.Each(k, func(e fsm.Entity[fsm.Data]) {
			if n := len(e.Conditions); n == 0 || e.Conditions[n-1].Type != fsm.ConditionReady {
				t.Errorf("%s has conditions %+v", e.Ref, e.Conditions)
			}
		})
	}
}

// A cloud that asks for the same again is told once, and that it asks for a much longer pause is told again: so people know when
// the next try is.
func TestALongerPauseIsTold(t *testing.T) {
	const eu = "dataplane -/eu"
	told := func(every int64) *ev.AttemptFailed {
		f := fsmtest.Attempt(0, ev.RateLimited)
		f.EveryMS = every
		return f
	}
	later := func(every int64) question { return report(eu, func(r *ev.Report) { r.Failure = told(every) }) }
	given := fsmtest.History(fsmtest.AccountReady(), fsmtest.DataplaneIs("-/eu", fsmtest.AsIs, fsmtest.Built()[:1]...), fsmtest.Is(eu, *told(20_000)))
	live(t, []life{
		{name: "the same", given: given, when: later(20_000), phase: fsm.Networking},
		{name: "a little later", given: given, when: later(40_000), phase: fsm.Networking},
		{name: "sooner", given: given, when: later(1_000), phase: fsm.Networking},
		{name: "much later", given: given, when: later(60_000), then: []string{eu + " attempt_failed"}, phase: fsm.Networking},
	})
}
