package sim

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/command"
	"github.com/aeriehq/aerie/workers/execute"
)

// moveSeen is a move that is under way: what was said of it before, and what has happened of it.
type moveSeen struct {
	from     ev.Placement
	spec     ev.TenantSpec
	promised []string
	happened []string
}

// move asks a tenant to move, or something of its move.
func (l *life) move() {
	ref := pick(&l.script, refs(ev.Tenant))
	e, _ := l.world.Get(ref)
	switch e.Phase() {
	case fsm.Active, fsm.Suspended:
		r := l.request(ref, ev.VerbMove, pick(&l.script, []string{`{}`, `{"plan":"free"}`, `{"plan":"business"}`, `{"plan":"free@1"}`, `{"plan":"business@2"}`}))
		switch cell := l.anyCell(); {
		case l.chance(2):
			r.Body = []byte(`{"dataplane":"` + pick(&l.script, l.living(ev.Dataplane)).Path() + `"}`)
		case l.chance(3) && cell != "":
			r.Body = []byte(`{"cell":"` + cell + `"}`)
		}
		l.ask(r)
	case fsm.Moving:
		l.ask(l.request(ref, pick(&l.script, []string{ev.VerbPause, ev.VerbContinue, ev.VerbAbort, ev.VerbMove}), ""))
	}
}

// changeMachines gives some tenants that are awake something that runs, and another size of machines on their dataplane, or machines of
// their own. From those some go back.
func (l *life) changeMachines() {
	larger := strings.ReplaceAll(planJSON("resource-shared", "spread", false), `"size":"small"`, `"size":"large"`)
	if own := l.chance(2); own {
		larger = ownJSON("resource-shared", "spread")
		defer l.backFromOwn()
	}
	l.ask(l.request(ev.Ref{Kind: ev.Plan, Owner: ev.Platform, ID: "business"}, ev.VerbUpdate, `{"spec":`+larger+`}`))
	var asked []ev.Ref
	for _, ref := range refs(ev.Tenant) {
		e, _ := l.world.Get(ref)
		d, is := e.Data.(fsm.TenantData)
		if !is || e.Phase() != fsm.Active || d.Placement == nil || l.chance(3) {
			continue
		}
		asked = append(asked, ref)
		for _, verb := range []string{ev.VerbCreate, ev.VerbUpdate} { // one of them does
			l.ask(l.request(ref.Child(ev.Application, "pg"), verb, `{"spec":`+runsJSON(`,"replicas":2`)+`}`))
		}
		dp, _ := ev.ParseRef(ev.Dataplane, d.Placement.Dataplane)
		large := strings.Replace(infraJSON("m8", 3, 1), `"size":"small"`, `"size":"large"`, 1)
		l.ask(l.request(dp.Child(ev.TenantInfra, "large"), ev.VerbCreate, `{"spec":`+large+`}`))
	}
	l.rest()
	for range 3 { // so that pods run
		l.stepPods()
	}
	for _, ref := range asked {
		l.ask(l.request(ref, ev.VerbMove, `{"plan":"business"}`))
	}
	l.rest()
}

// backFromOwn has tenants go back from machines of their own.
func (l *life) backFromOwn() {
	l.checkOwn()
	for _, ref := range refs(ev.Tenant) {
		if e, _ := l.world.Get(ref); l.isAlone(e) && l.chance(2) {
			l.ask(l.request(ref, ev.VerbMove, `{"plan":"free"}`))
		}
	}
	l.rest()
	l.checkOwn()
}

// isMade tells whether a dataplane was made for a plan, after something.
func (l *life) isMade(at ev.Placement, after uint64) bool {
	on, _ := ev.ParseRef(ev.Dataplane, at.Dataplane)
	dp, _ := l.world.Get(on)
	d, is := dp.Data.(fsm.DataplaneData)
	return is && d.Origin.Made != nil && dp.CreatedSeq > after
}

// isAlone tells whether a tenant is on machines that it has alone.
func (l *life) isAlone(e fsm.Entity[fsm.Data]) bool {
	d, is := e.Data.(fsm.TenantData)
	if !is || d.Placement == nil || e.Phase() != fsm.Active {
		return false
	}
	on, _ := ev.ParseRef(ev.TenantInfra, d.Placement.TenantInfra)
	infra, _ := l.world.Get(on)
	machines, is := infra.Data.(fsm.TenantInfraData)
	return is && machines.Spec.For == e.Ref.Path()
}

// checkOwn: machines that somebody has alone are there for who lives on them, and for nobody else.
func (l *life) checkOwn() {
	for _, ref := range l.living(ev.TenantInfra) {
		e, _ := l.world.Get(ref)
		of, faults := ev.ParseRef(ev.Tenant, e.Data.(fsm.TenantInfraData).Spec.For)
		if len(faults) > 0 || e.Phase() == fsm.Deleting {
			continue // for all, or of a cell
		}
		l.seen["machines of one tenant"]++
		if t, _ := l.world.Get(of); !slices.Contains(fsm.PlacesOf(t), ref.Path()) {
			l.wrong("%s is %s for %s, which is not there", ref, e.Phase(), of)
		}
	}
}

// checkLanding: what runs for a tenant that is awake is on its machines, where a policy of the cluster brings it there.
func (l *life) checkLanding(e fsm.Entity[fsm.Data], objects []kube.Object) {
	d := e.Data.(fsm.TenantData)
	lands, infra := false, map[string]string{}
	for _, o := range objects {
		if o.Kind() == "Namespace" && o.Name() == kube.SystemNamespace {
			lands = o.Annotations()[kube.AnnotationLanding] != ""
		}
	}
	if !lands || e.Failure != nil || d.Placement == nil || e.Phase() != fsm.Active || l.baseless[d.Placement.Dataplane] {
		return
	}
	api, err := l.cloud.Kube(context.Background(), execute.ScopeOf(d.Site), d.Cluster)
	if err != nil {
		return // it is gone, which is seen elsewhere
	}
	nodes, err := api.List(context.Background(), kube.Selector{APIVersion: "v1", Kind: "Node"})
	l.must(err)
	for _, n := range nodes {
		infra[n.Name()] = n.Labels()[kube.LabelTenantInfra]
	}
	want, _ := ev.ParseRef(ev.TenantInfra, cmp.Or(d.Placement.Machines, d.Placement.TenantInfra))
	for _, o := range objects {
		kind, _ := o.Controller()
		on := kube.StringOf(kube.MapOf(o["spec"])["nodeName"])
		if o.Kind() != "Pod" || o.Namespace() != d.Placement.Namespace || kind != "Deployment" || on == "" {
			continue
		}
		l.seen["pods of tenants"]++
		if infra[on] != want.Local() {
			l.wrong("%s is on %s, and its pod %s runs on %s, of %q", e.Ref, want, o.Name(), on, infra[on])
		}
	}
}

// anyCell is a living cell; empty if there is none.
func (l *life) anyCell() (path string) {
	all := l.living(ev.Cell)
	if len(all) == 0 {
		return ""
	}
	return pick(&l.script, all).Path()
}

// continueMoves lets every move that is held go on.
func (l *life) continueMoves() {
	for _, ref := range refs(ev.Tenant) {
		e, _ := l.world.Get(ref)
		if d, ok := e.Data.(fsm.TenantData); ok && d.Move != nil && d.Move.Paused {
			l.ask(l.request(ref, ev.VerbContinue, ""))
		}
	}
}

// promise keeps what a dry run says of a move that is asked for next.
func (l *life) promise(c ev.Command) {
	if _, is := c.Payload.(ev.Move); !is {
		return
	}
	dry := c
	dry.DryRun, dry.ID = true, c.ID+"dry"
	v := command.Decide(l.world, dry)
	if v.Err != nil || v.Answer.Move == nil {
		return
	}
	e, _ := l.world.Get(c.Ref)
	d := e.Data.(fsm.TenantData)
	seen := &moveSeen{from: *d.Placement, spec: d.Spec}
	for _, s := range v.Answer.Move.Steps {
		seen.promised = append(seen.promised, s.Events...)
	}
	l.promises[c.Ref] = seen
}

// noteOwn counts what happens to machines that a tenant has alone.
func (l *life) noteOwn(r ev.Recorded) {
	e, _ := l.world.Get(r.Ref)
	d, is := e.Data.(fsm.TenantInfraData)
	if _, faults := ev.ParseRef(ev.Tenant, d.Spec.For); !is || len(faults) > 0 {
		return
	}
	switch r.Event.(type) {
	case ev.Requested[ev.TenantInfraSpec], ev.UpdateRequested[ev.TenantInfraSpec], ev.RetryRequested, ev.Drifted, ev.Failed, ev.Activated, ev.Deleted:
		l.seen["machines of one tenant: "+r.Event.Type()]++
	}
}

// noteMove checks that a move does what was said before, and that one that is aborted leaves all as it was.
func (l *life) noteMove(r ev.Recorded) {
	switch e := r.Event.(type) {
	case ev.MoveStarted:
		l.seen["moves by "+e.Kind]++
		if e.Makes {
			l.seen["moves to machines that are made"]++
		}
		if l.isMade(e.To, r.Seq-uint64(r.Index)) {
			l.seen["moves that make their dataplane"]++
		}
		l.moves[r.Ref] = l.promises[r.Ref]
		l.seen["moves"]++
	case ev.DeletionRequested:
		if l.moves[r.Ref] != nil {
			l.seen["moves deleted"]++
		}
		delete(l.moves, r.Ref)
	}
	seen := l.moves[r.Ref]
	if seen == nil || r.Ref.Kind != ev.Tenant {
		return
	}
	switch r.Event.(type) {
	case ev.MoveStarted, ev.MoveMade, ev.MoveReserved, ev.MovePrepared, ev.MoveReadied, ev.MoveEvicted, ev.Moved, ev.MoveReleased, ev.MoveAborted, ev.Activated, ev.Suspended,
		ev.MoveInstalled, ev.MoveConfirmed, ev.MoveWindowOpened, ev.MoveQuiesced, ev.MoveCopied, ev.MoveVerified, ev.MoveOpened, ev.MoveRedirected, ev.MoveHeld,
		ev.LeavingStarted, ev.TenantLeft:
		seen.happened = append(seen.happened, r.Event.Type())
	case ev.MovePaused:
		l.seen["moves paused"]++
	}
	switch e := r.Event.(type) {
	case ev.MoveEvicted:
		l.seen["moves that evicted"]++
	case ev.MoveConfirmed:
		l.seen["moves confirmed"]++
	case ev.MoveCopied:
		l.seen["moves that copied"]++
	case ev.MoveRedirected:
		l.seen["moves that redirected"]++
	case ev.MoveStopped:
		l.seen["moves whose programs were stopped"]++
	case ev.MoveAborting:
		if e.Forced {
			l.seen["moves aborted by force"]++
		}
	case ev.DriftEnded:
		l.seen["moves: made again what was changed by hand"]++
	case ev.MoveReopened:
		l.seen["moves reopened"]++
	case ev.AttemptFailed:
		l.seen["moves: "+string(e.Code)]++
	case ev.Activated, ev.Suspended:
		l.endMove(r.Ref, seen)
	}
	if wrong := l.world.WrongSlots(); len(wrong) > 0 {
		l.wrong("after %s of %s cells have other slots taken than tenants in them: %v", r.Event.Type(), r.Ref, wrong)
	}
}

func (l *life) endMove(ref ev.Ref, seen *moveSeen) {
	delete(l.moves, ref)
	l.checkSecret(ref, seen)
	e, _ := l.world.Get(ref)
	d := e.Data.(fsm.TenantData)
	switch {
	case d.Move != nil:
		l.wrong("%s is %s and moves still: %+v", ref, e.Phase(), d.Move)
	case slices.Contains(seen.happened, ev.MoveAborted{}.Type()):
		l.seen["moves aborted"]++
		if !reflect.DeepEqual(*d.Placement, seen.from) || !reflect.DeepEqual(d.Spec, seen.spec) {
			l.wrong("%s has come back to %+v, it was at %+v", ref, d.Placement, seen.from)
		}
	default:
		l.seen["moves done"]++
		if l.isAlone(e) {
			l.seen["moves done to machines of their own"]++
		}
		if l.isMade(*d.Placement, 0) && d.Placement.Dataplane != seen.from.Dataplane {
			l.seen["moves done to a dataplane that was made"]++
		}
		switch from, to := seen.from, d.Placement; {
		case from.Record != "" && to.Record == "":
			l.seen["moves to applications of its own"]++
		case from.Record == "" && to.Record != "":
			l.seen["moves to shared applications"]++
		case to.Record != "" && to.Plan != from.Plan:
			l.seen["moves between multi-tenant plans"]++
		}
		if d.Placement.Record != "" && seen.from.Record != "" && d.Placement.Cell != seen.from.Cell {
			l.seen["moves from cell to cell"]++
			if d.Placement.Dataplane == seen.from.Dataplane {
				l.seen["moves from cell to cell on one dataplane"]++
			}
		}
		if slices.Contains(seen.happened, ev.MoveOpened{}.Type()) {
			l.seen["moves to another cluster done"]++
		}
		if e.Phase() == fsm.Suspended {
			l.seen["moves of one that sleeps"]++
		}
		if !slices.Equal(seen.happened, seen.promised) {
			l.wrong("the move of %s was to be %q and was %q", ref, seen.promised, seen.happened)
		}
	}
}

// roams is a life of tenants that go from one cluster to another and back, under faults, crashes, calls that come late, pauses,
// aborts and deletions.
func (l *life) roams(steps int) {
	l.settleIn()
	l.wander(steps)
}

// wander is what happens to them.
func (l *life) wander(steps int) {
	for range steps {
		l.turn()
		switch n := l.rnd.IntN(100); {
		case n < 12:
			l.goElsewhere()
		case n < 15:
			l.fault()
		case n < 17:
			l.restartOne(l.rnd.IntN(len(l.servers)))
		case n < 19:
			l.openCloud()
		case n < 23 && len(l.slow) > 0:
			l.arrive()
		case n < 25 && len(l.mail) > 0:
			m := l.mail[0]
			l.mail = l.mail[1:]
			l.deliver(m)
		case n < 26:
			l.byHand()
		case n < 28:
			l.sleepOrWake()
		case n < 29:
			l.ask(l.request(pick(&l.script, refs(ev.Application)), pick(&l.script, []string{ev.VerbDelete, ev.VerbRetry}), ""))
		case n < 30 && l.chance(3):
			l.ask(l.request(pick(&l.script, refs(ev.Tenant)), ev.VerbDelete, `{"cascade":true}`))
		case n < 31:
			l.spoilOnTheWay()
		case n < 34:
			l.keepsSecret()
		case n < 38:
			l.elapse(time.Duration(l.rnd.Int64N(int64(4 * time.Minute))))
		default:
			l.work()
		}
	}
	l.endMoves()
}

// spoilOnTheWay takes what bounds a tenant away by hand, where it waits on its way, and looks.
func (l *life) spoilOnTheWay() {
	for _, ref := range refs(ev.Tenant) {
		e, _ := l.world.Get(ref)
		if e.Phase() == fsm.Moving && len(fsm.Machines[ev.Tenant].ExpectedEffects(e, l.world.Refs())) > 0 {
			at := e.Data.(fsm.TenantData).Placement.Namespace
			kind := "ResourceQuota "
			if e.Data.(fsm.TenantData).Placement.Record != "" {
				kind = "ConfigMap "
			}
			n, err := l.cloud.ByHand(sim.ManualChange{Delete: "object", Match: kind + at + "/"})
			l.must(err)
			l.seen["moves: "+kind+"deleted by hand"] += n
		}
	}
	for _, ref := range refs(ev.Application) {
		e, _ := l.world.Get(ref)
		d, is := e.Data.(fsm.ApplicationData)
		if !is || !l.movesFor(ref) || len(fsm.Machines[ev.Application].ExpectedEffects(e, l.world.Refs())) == 0 || l.chance(2) {
			continue
		}
		for _, o := range d.Objects { // those of its copy too, which are made again when it has followed
			kind, name, _ := strings.Cut(o, "/")
			n, err := l.cloud.ByHand(sim.ManualChange{Delete: "object", Match: kind + " " + d.Namespace + "/" + name})
			l.must(err)
			l.seen["moves: objects of applications deleted by hand"] += n
		}
	}
	l.inspect()
}

// movesByJobs are ways on which programs bring the data along.
var movesByJobs = []string{
	`{"data":"jobs","quiesce":{"image":"quiesce:1"},"copy":{"image":"copy:1"},"verify":{"image":"verify:1"},"unquiesce":{"image":"unquiesce:1"},"switch":{"image":"switch:1"}}`,
	`{"data":"jobs","quiesce":{"image":"quiesce:1"},"copy":{"image":"copy:1"},"confirm":true,"window":{"from":"00:00","to":"12:00"},"egress":["10.0.0.0/8"],"ingress":["10.1.0.0/16"]}`,
	`{"data":"none","confirm":true,"confirmWithin":"2h","switch":{"image":"switch:1"}}`,
}

// settleIn makes two places, with two tenants and what runs for them, in peace.
func (l *life) settleIn() {
	l.chaos = false
	make := func(k ev.Kind, i int, spec string) {
		l.ask(l.request(refs(k)[i], ev.VerbCreate, `{"spec":`+spec+`}`))
	}
	make(ev.Customer, 0, specs[ev.Customer][0])
	make(ev.Account, 0, specs[ev.Account][0])
	make(ev.Plan, 0, specs[ev.Plan][0])
	way := pick(&l.script, append(movesByJobs, bySnapshots))
	business := strings.Replace(specs[ev.Plan][1], `"move":{"data":"none"}`, `"move":`+way, 1)
	if way != bySnapshots && l.chance(2) {
		business = strings.TrimSuffix(business, "}") + `,"machines":"own"}`
	}
	if way != bySnapshots && l.chance(3) { // there is no place for who goes there
		business = strings.Replace(strings.TrimSuffix(business, "}"), `"deployment":"resource-shared"`, `"deployment":"dedicated"`, 1) + "," + templatesJSON("m4", 0) + "}"
	}
	make(ev.Plan, 1, business)
	for i := range 2 {
		dataplane := specs[ev.Dataplane][i]
		if way == bySnapshots { // they stay within a region
			dataplane = specs[ev.Dataplane][0]
		}
		make(ev.Dataplane, i, dataplane)
		make(ev.TenantInfra, i, pick(&l.script, []string{specs[ev.TenantInfra][0], cellsJSON(2, 2, 0)}))
		on := specs[ev.Tenant][0]
		if way == bySnapshots {
			on = specs[ev.Tenant][2]
		}
		make(ev.Tenant, i, on)
	}
	for i := range 3 {
		make(ev.Application, i, pick(&l.script, []string{appJSON("one", "two"), runsJSON(""), appJSON("three")}))
	}
	l.rest()
	if way == bySnapshots {
		l.fillVolumes()
	}
	l.chaos = true
}

// goElsewhere asks a tenant to go to a dataplane, or something of its move.
func (l *life) goElsewhere() {
	ref := refs(ev.Tenant)[l.rnd.IntN(2)]
	e, _ := l.world.Get(ref)
	switch {
	case e.Phase() == fsm.Active, e.Phase() == fsm.Suspended:
		at := e.Data.(fsm.TenantData).Placement.Dataplane
		to := map[bool]string{true: "-/us", false: "-/eu"}[at == "-/eu"]
		to = `{"dataplane":"` + to + `"}`
		l.ask(l.request(ref, ev.VerbMove, pick(&l.script, l.goals(to))))
	case e.Phase() == fsm.Moving && e.Data.(fsm.TenantData).Move.Step == ev.StepConfirm && l.chance(2):
		l.ask(l.request(ref, ev.VerbConfirm, ""))
	case e.Phase() == fsm.Moving && e.Data.(fsm.TenantData).Move.Step == ev.StepAbort && l.chance(4):
		l.ask(l.request(ref, ev.VerbAbort, `{"force":true}`))
	case e.Phase() == fsm.Moving && l.chance(4):
		l.ask(l.request(ref, pick(&l.script, []string{ev.VerbPause, ev.VerbContinue, ev.VerbAbort, ev.VerbMove}), ""))
	}
}

// endMoves brings all to an end, and looks at what is left.
func (l *life) endMoves() {
	l.calm()
	l.rest()
	l.checkStill()
	for range 3 {
		l.bringBack()
		l.retryAll()
		l.rest()
	}
	l.bringBack()
	l.checkAll()
	l.checkVolumes()
	l.deleteAll()
	l.checkAll()
	l.checkGone()
}

// checkServing looks after every call into a cluster whether a tenant that goes to another one is open where it may be: never at
// both places, before the quiesce where it was, and after it has opened where it is. What was deleted by hand before its switch program ran is made closed
// again, and opened.
func (l *life) checkServing() {
	var ledger *sim.Ledger
	for _, ref := range refs(ev.Tenant) {
		e, _ := l.world.Get(ref)
		d, ok := e.Data.(fsm.TenantData)
		if !ok || d.Away == nil || d.Move == nil || e.Phase() != fsm.Moving || d.Away.Cluster == "" {
			continue
		}
		if ledger == nil {
			read, err := l.ledger.Read()
			l.must(err)
			ledger = &read
		}
		other := d.Move.To
		if d.Placement.Stay == d.Move.To.Stay {
			other = d.Move.From
		}
		here, closed := serving(ledger.Objects(d.Cluster), e.UID, *d.Placement)
		there, _ := serving(ledger.Objects(d.Away.Cluster), e.UID, other)
		l.seen["looks at who serves"]++
		resting := programIn(ledger.Objects(d.Cluster), e.UID, *d.Placement, ev.StepQuiesce)
		copying := programIn(ledger.Objects(d.Away.Cluster), e.UID, other, ev.StepCopy)
		if resting != "" || copying != "" {
			l.seen["looks at programs of moves"]++
		}
		switch {
		case here && resting != "" && !d.Away.Forced:
			l.wrong("%s is open in step %s, and %s may have its data rest", ref, d.Move.Step, resting)
		case here && copying != "" && !d.Away.Forced:
			l.wrong("%s is open in step %s, and %s copies its data still", ref, d.Move.Step, copying)
		case here && there:
			l.wrong("%s is open at both places in step %s", ref, d.Move.Step)
		case closed && slices.Contains([]string{ev.StepReserve, ev.StepPrepare, ev.StepInstall, ev.StepReady, ev.StepConfirm, ev.StepWindow, ev.StepHold, ev.StepRelease}, d.Move.Step) &&
			(d.Move.Closed.IsZero() || d.Move.Step != ev.StepInstall):
			l.wrong("%s is closed in step %s", ref, d.Move.Step)
		case there && d.Move.Step != ev.StepAbort:
			l.wrong("%s is open where it does not live in step %s", ref, d.Move.Step)
		}
	}
}

// programIn names the Job of a step of a move that is at a place; empty if there is none.
func programIn(objects []kube.Object, uid string, at ev.Placement, step string) string {
	in := tenant.ProgramsNamespace(at.Namespace)
	if at.Record != "" {
		in = at.Namespace
	}
	for _, o := range objects {
		if o.Kind() == "Job" && o.Namespace() == in && o.Labels()[kube.LabelOwner] == uid && strings.HasPrefix(o.Name(), "move-"+step+"-") {
			return o.Name()
		}
	}
	return ""
}

// serving tells whether the namespace of a stay is open, or there and closed; in a cell, what its record says.
func serving(objects []kube.Object, uid string, at ev.Placement) (open, closed bool) {
	for _, o := range objects {
		if at.Record != "" && o.Kind() == "ConfigMap" && o.Namespace() == at.Namespace && o.Name() == at.Record && o.Labels()[kube.LabelOwner] == uid {
			state := kube.MapOf(o["data"])["state"]
			return state == ev.StateActive, state == ev.StateClosed
		}
		if o.Kind() == "Namespace" && o.Name() == at.Namespace && o.Labels()[kube.LabelOwner] == uid && o.Labels()[kube.LabelStay] == at.Stay {
			return o.Labels()[kube.LabelServing] != "false", o.Labels()[kube.LabelServing] == "false"
		}
	}
	return false, false
}
