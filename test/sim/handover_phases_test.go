package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/testbudget"
)

// A moment is an entity's phase, and what it is owed in it.
type moment struct {
	kind  ev.Kind
	phase fsm.Phase
	owed  string // the effect; empty: nothing, or it waits
}

func (m moment) String() string {
	return fmt.Sprintf("%s %s %s", m.kind, m.phase, cmp.Or(m.owed, "at rest"))
}

// momentOf is where an entity is in its life; false if it is not there.
func (l *life) momentOf(ref ev.Ref) (moment, bool) {
	e, _ := l.world.Get(ref)
	m := fsm.Machines[ref.Kind]
	if e.Phase() == fsm.Unborn || m.Ended(e.Phase()) {
		return moment{}, false
	}
	at := moment{kind: ref.Kind, phase: e.Phase()}
	if owed := m.Owed(e); owed != nil {
		if _, waits := owed.(fsm.WaitFor); !waits {
			at.owed = owed.Effect()
		}
	}
	return at, true
}

// elsewhere are the phases that the course does not come to, and why.
var elsewhere = map[string]string{
	"tenant Requested":    "it is placed by the same decision, or waits, which TestSimulatedHandovers meets",
	"tenant Placing":      "as Requested",
	"application Copying": "its tenant is on its way to another cluster: neither dataplane changes its mode then",
	"application Copied":  "as Copying",
}

var (
	ownInfra = ev.Ref{Kind: ev.TenantInfra, Owner: "acme", ID: "own_pg"}
	moreOwn  = ev.Ref{Kind: ev.TenantInfra, Owner: "acme", ID: "own_mq"}
	ownAddon = ev.Ref{Kind: ev.Addon, Owner: "acme", ID: "own_cm"}
	prod     = ev.Ref{Kind: ev.Tenant, Owner: "acme", ID: "prod"}
	shares   = ev.Ref{Kind: ev.Tenant, Owner: "acme", ID: "test"} // a cell, and its applications
	prodApp  = ev.Ref{Kind: ev.Application, Owner: "acme", ID: "prod_pg"}
	cellTwo  = ev.Ref{Kind: ev.Cell, Owner: "acme", ID: "own_pg_c2"}
	cellSix  = ev.Ref{Kind: ev.Cell, Owner: "acme", ID: "own_pg_c6"}
)

// A part of the course is what people ask at once.
type part struct {
	inTheWay []sim.Fault // until all has come to rest: somebody may fail
	ask      func(*life)
}

// course is what people ask, one part after the other when all has come to rest, so that whatever can be on a dataplane goes through
// its phases.
var course = []part{
	{[]sim.Fault{{Op: "EnsureNetwork"}}, func(l *life) {
		for _, one := range onOwn {
			l.create(one.ref, strings.Replace(one.spec, `"type":"shared"`, `"type":"shared","mode":"`+l.mode+`"`, 1))
		}
		l.respec(func(s *ev.DataplaneSpec) { s.Bootstrap = []string{"cm"} })
	}},
	{ask: func(l *life) { l.asks(own, ev.VerbRetry, "") }},
	{ask: func(l *life) { // what is there becomes another
		l.respec(func(s *ev.DataplaneSpec) { s.SystemPool.Machine = "m4" })
		l.asks(ownInfra, ev.VerbUpdate, `{"spec":`+strings.Replace(cellsJSON(1, 4, 0), "m4", "s4", 1)+`}`)
		l.asks(ownAddon, ev.VerbUpdate, `{"spec":`+appJSON("one", "two")+`}`)
		l.asks(prodApp, ev.VerbUpdate, `{"spec":`+appJSON("one", "two")+`}`)
		l.asks(prod, ev.VerbUpdate, `{"spec":{"plan":"-/free","allowNamespaces":["ops"]}}`)
		l.asks(many, ev.VerbUpdate, `{"spec":`+manyJSON("2")+`}`)
	}},
	{ask: func(l *life) { // and back
		l.asks(prodApp, ev.VerbRollback, "")
		l.asks(ownAddon, ev.VerbRollback, "")
		l.asks(cellTwo, ev.VerbUpgrade, `{"plan":"many@2"}`)
	}},
	{ask: func(l *life) {
		l.asks(cellTwo.Child(ev.CellApplication, "web"), ev.VerbRollback, "")
		l.asks(prod, ev.VerbSuspend, "")
	}},
	{ask: func(l *life) {
		l.asks(prod, ev.VerbResume, "")
		l.asks(shares, ev.VerbMove, `{"cell":"acme/own_pg_c2"}`)
	}},
	{ask: func(l *life) {
		l.asks(cellTwo, ev.VerbDrain, `{}`)
		l.asks(cellTwo, ev.VerbUpgrade, `{"plan":"many@1"}`)
	}},
	{ask: func(l *life) { // what drains is lost
		n, err := l.cloud.ByHand(sim.ManualChange{Delete: "object", Match: "Namespace cell---pg-c2"})
		if l.must(err); n != 1 {
			l.wrong("%d namespaces were deleted by hand", n)
		}
		l.inspect()
	}},
	{ask: (*life).inspect}, // with what stood in it
	{[]sim.Fault{{Op: "Apply", Times: 100}, {Op: "EnsurePool", Times: 20}}, func(l *life) {
		l.create(moreOwn, specs[ev.TenantInfra][4])
		l.create(cellSix, `{"tenants":2,"plan":"-/many","planVersion":2}`)
		l.asks(ownInfra, ev.VerbUpdate, `{"spec":`+strings.Replace(cellsJSON(1, 4, 0), "m4", "m8", 1)+`}`)
		l.asks(ownAddon, ev.VerbUpdate, `{"spec":`+appJSON("three")+`}`)
		l.asks(prodApp, ev.VerbUpdate, `{"spec":`+appJSON("three")+`}`)
		l.asks(prod, ev.VerbUpdate, `{"spec":{"plan":"-/free","allowNamespaces":["dev"]}}`)
		l.asks(cellTwo.Child(ev.CellApplication, "web"), ev.VerbRetry, "")
		l.asks(cellTwo.Child(ev.CellApplication, "web"), ev.VerbRollback, "")
	}},
	{ask: func(l *life) { l.retryAll(); l.asks(cellTwo, ev.VerbDrain, `{"end":true}`) }},
	{[]sim.Fault{{Op: "EnsureCluster", Times: 20}}, func(l *life) {
		n, err := l.cloud.ByHand(sim.ManualChange{Delete: string(cloud.KindCluster), Match: "acme/dataplane/own/"})
		if l.must(err); n != 1 {
			l.wrong("%d clusters were deleted by hand", n)
		}
		l.inspect()
	}},
	{ask: (*life).retryAll},
	{ask: func(l *life) { l.asks(shares, ev.VerbDelete, `{"cascade":true}`) }},
	{ask: func(l *life) { l.asks(prod, ev.VerbDelete, `{"cascade":true}`) }},
	{ask: func(l *life) {
		l.respec(func(s *ev.DataplaneSpec) { s.Bootstrap = nil })
		l.asks(ownAddon, ev.VerbDelete, "")
		for _, cell := range l.living(ev.Cell) {
			l.asks(cell, ev.VerbDelete, "")
		}
	}},
	{ask: func(l *life) { l.asks(ownInfra, ev.VerbDelete, ""); l.asks(moreOwn, ev.VerbDelete, "") }},
	{ask: func(l *life) { l.asks(own, ev.VerbDelete, "") }},
}

// asks gives a command.
func (l *life) asks(ref ev.Ref, verb, body string) { l.ask(l.request(ref, verb, body)) }

// respec asks for something else of the dataplane, and leaves the rest.
func (l *life) respec(change func(*ev.DataplaneSpec)) {
	e, _ := l.world.Get(own)
	d, is := e.Data.(fsm.DataplaneData)
	if !is {
		return
	}
	change(&d.Spec)
	l.asks(own, ev.VerbUpdate, `{"spec":`+string(l.json(d.Spec))+`}`)
}

// runCourse lives the course to its end; at is called after anything that happens.
func (l *life) runCourse(at func()) {
	l.chaos = false
	for _, p := range course {
		failed := l.failures()
		for _, f := range p.inTheWay {
			f.Class, f.Code, f.Message = cloud.Invalid, "Injected", "by the course"
			l.must(l.cloud.Inject(f))
		}
		p.ask(l)
		at()
		for n := 0; l.work(); n++ {
			if at(); n > mostSteps {
				l.wrong("it never comes to rest")
				return
			}
		}
		l.checkStill()
		if n := l.failures(); len(p.inTheWay) == 0 && n > failed {
			l.wrong("%d have failed, and nothing was in their way", n-failed)
		}
		l.openCloud() // its faults end
	}
	l.checkAll()
	l.deleteAll()
	l.checkGone()
}

// failures is how often somebody has failed.
func (l *life) failures() (n int) {
	for k, times := range l.seen {
		if strings.HasSuffix(k, " "+string(fsm.Failed)) || strings.HasSuffix(k, " "+string(fsm.Degraded)) {
			n += times
		}
	}
	return n
}

// handedIn lives the course. When somebody is first at a moment what is owed then is begun by the control plane, which is killed, and
// the dataplane is handed to an agent; that is killed too, and all is handed back.
func (l *life) handedIn(m moment) {
	l.mode = ev.ModePush
	var who ev.Ref
	back := false
	l.runCourse(func() {
		switch at, there := l.momentOf(who); {
		case who == (ev.Ref{}):
			if who = l.firstAt(m); who != (ev.Ref{}) {
				l.kills = map[string]int{}
				l.begin(who)
				l.setMode(ev.ModePull)
			}
		case back || l.handedOver() != nil:
		case !there, at != m, m.owed == "", l.kills[killOf(who, fsm.ByAgent, m.owed)] > 0:
			back = true
			l.setMode(ev.ModePush)
		}
	})
	if !back {
		l.wrong("%s: it was not handed over and back", m)
	}
}

// firstAt is who is at a moment; nobody if none is.
func (l *life) firstAt(m moment) ev.Ref {
	for _, ref := range l.onOwn() {
		if at, _ := l.momentOf(ref); at == m {
			return ref
		}
	}
	return ev.Ref{}
}

// begin has whoever works there do what somebody is owed.
func (l *life) begin(who ev.Ref) {
	for _, s := range l.servers {
		if _, dirty := s.dirty[who]; dirty {
			l.server = s
			l.tend(who)
		}
	}
	for _, subject := range l.ready() {
		if l.queue[subject].work.Ref == who {
			l.take(subject)
			return
		}
	}
}

func (l *life) handedOver() *ev.HandoverStarted {
	e, _ := l.world.Get(own)
	return fsm.HandoverOf(e)
}

// setMode asks for who is to work on the dataplane.
func (l *life) setMode(mode string) {
	l.respec(func(s *ev.DataplaneSpec) { s.Mode = mode })
}

// TestAHandoverInEachPhase hands a dataplane to an agent in each phase of each kind that stands on it, whatever is owed there, and
// back to the control plane before that phase is over. Whoever does something from then on is killed after it and before it is
// told, each second time, with all servers. All ends as it does where nothing is handed over.
func TestAHandoverInEachPhase(t *testing.T) {
	every := testbudget.Of(t, testbudget.HandoverPhases, 0)
	moments := slices.DeleteFunc(momentsOf(t, ev.ModePush), func(m moment) bool {
		return m.kind == own.Kind && m.phase == fsm.Deleting // a dataplane that goes is handed to nobody
	})
	for i, m := range moments {
		if i%every == 0 {
			t.Run(m.String(), func(t *testing.T) {
				t.Parallel()
				judge(t, 1, simulate(t.TempDir(), 1, func(l *life) { l.handedIn(m) }))
			})
		}
	}
}

// momentsOf are the moments of the course, by who works on the dataplane at first. All phases of all kinds are among them that there
// are on a dataplane.
func momentsOf(t *testing.T, mode string) (moments []moment) {
	t.Helper()
	met := map[string]bool{}
	judge(t, 1, simulate(t.TempDir(), 1, func(l *life) {
		l.mode = mode
		l.runCourse(func() {
			for _, ref := range l.onOwn() {
				if m, there := l.momentOf(ref); there && !slices.Contains(moments, m) {
					moments = append(moments, m)
					met[string(m.kind)+" "+string(m.phase)] = true
				}
			}
		})
	}))
	for _, k := range []ev.Kind{ev.Dataplane, ev.TenantInfra, ev.Addon, ev.Tenant, ev.Application, ev.Cell, ev.CellApplication} {
		for _, p := range fsm.Machines[k].Phases() {
			if at := string(k) + " " + string(p); !met[at] && p != fsm.Unborn && !fsm.Machines[k].Ended(p) && elsewhere[at] == "" {
				t.Errorf("no %s was %s", k, p)
			}
		}
	}
	return moments
}

// onOwn is the dataplane and all that lives on it, in order.
func (l *life) onOwn() []ev.Ref {
	e, _ := l.world.Get(own)
	if e.Phase() == fsm.Unborn || fsm.Machines[own.Kind].Ended(e.Phase()) {
		return nil
	}
	return slices.SortedFunc(slices.Values(l.world.On(own)), func(a, b ev.Ref) int { return strings.Compare(a.String(), b.String()) })
}
