package fsm

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	ev "github.com/aeriehq/aerie/events"
)

// moveTenant begins a move. What is under way of the tenant's applications waits for its end.
func moveTenant(e Entity[TenantData], ask ev.Move, refs *Refs) ([]ev.Change, error) {
	d, plan, err := planMove(e, ask, refs)
	if err != nil || d == nil {
		return nil, err
	}
	from := *e.Data.Placement
	if d.kind != ev.MoveCluster {
		from.Stay = d.to.Stay
	}
	started := ev.MoveStarted{ID: refs.command.ID, Kind: d.kind, From: from, To: d.to, Spec: d.spec, Zones: d.zones, Makes: d.makes(),
		Plan: plan.PlanID, Use: plan.Use, Terms: d.terms, Apps: d.apps, Jobs: d.jobs, Apart: d.apart}
	if len(d.jobs) > 0 {
		started.Quota = d.to.Quota
	}
	changes := append(append(d.births, changed(e.Base, started)...), d.given...)
	return holdApplications(e, changes, "move", refs)
}

// PlanMove is what a move would do now; nil if the tenant is where it is to go.
func PlanMove(e Entity[Data], c ev.Command, refs *Refs) (*ev.MovePlan, error) {
	refs.begin(c)
	_, plan, err := planMove(typed[TenantData](e), c.Payload.(ev.Move), refs)
	return plan, err
}

// SurveyOfMove is what must be looked at before a move can be decided: where a bound becomes lower, or pods go to other
// machines; false if nothing must.
func SurveyOfMove(e Entity[Data], c ev.Command, refs *Refs) (ev.TenantSurvey, bool) {
	refs.begin(c)
	t := typed[TenantData](e)
	if t.Phase() != Active && t.Phase() != Suspended {
		return ev.TenantSurvey{}, false
	}
	d, err := moveTo(t, c.Payload.(ev.Move), refs)
	if err != nil || d.same(*t.Data.Placement) || !d.mustLook(*t.Data.Placement) {
		return ev.TenantSurvey{}, false
	}
	s := ev.TenantSurvey{EnsureTenant: t.Data.ensure(t.Base), Suspended: t.Data.Sleeps}
	switch d.kind {
	case ev.MoveMachines:
		s.To, s.Zones = d.to.Nodes(), d.zones
	case ev.MoveCluster:
		s.To, s.Elsewhere, s.Shared, s.Snapshots = d.to.Nodes(), true, d.ends.toCell, d.course().snapshots()
		if dp, there := find[DataplaneData](refs, ready(ev.Dataplane, d.to.Dataplane).Ref); there {
			s.There, s.Into = refs.siteOn(dp), dp.Data.Cluster.Cluster
		}
	}
	return s, true
}

// mustLook tells whether only the cluster knows if the move is possible.
func (d destination) mustLook(from ev.Placement) bool {
	if from.Record != "" {
		return false // it has nothing of its own there
	}
	return d.kind == ev.MoveMachines || d.kind == ev.MoveCluster || d.kind == ev.MoveTerms && lower(from.Quota, d.to.Quota)
}

func planMove(e Entity[TenantData], ask ev.Move, refs *Refs) (*destination, *ev.MovePlan, error) {
	if err := refuseMoving("move", e); err != nil {
		return nil, nil, err
	}
	if e.Phase() != Active && e.Phase() != Suspended {
		return nil, nil, ev.Refuse(ev.Refused, "%s is %s: only what is %s or %s can move; wait until it is", e.Ref, e.Phase(), Active, Suspended)
	}
	d, err := moveTo(e, ask, refs)
	if err != nil || d.same(*e.Data.Placement) {
		return nil, nil, err
	}
	if e.Data.Sleeps && e.Data.Programs != nil && d.kind != ev.MoveTerms {
		return nil, nil, ev.Refuse(ev.Refused, "%s can't move: programs had operators stop what they run for it, and nobody would stop that elsewhere: resume it first", e.Ref)
	}
	if err := d.possible(e, ask.Leave, refs.command.Use); err != nil {
		return nil, nil, err
	}
	plan := d.plan(e, refs.command.Use)
	if ask.PlanID != "" && ask.PlanID != plan.PlanID {
		return nil, nil, ev.Refuse(ev.Conflict, "move %s: plan %s is out of date: make another dry run", e.Ref, ask.PlanID).With(difference(ask.PlanID, plan))
	}
	return &d, &plan, nil
}

// possible refuses a move into a quota that is too small, and one on which something would be lost.
func (d *destination) possible(e Entity[TenantData], leave bool, use *ev.TenantUse) error {
	from := e.Data.Placement
	if !d.mustLook(*from) {
		return nil
	}
	if use == nil {
		return ev.Refuse(ev.Unavailable, "move %s: its cluster has not said what the tenant uses, which must be known first: ask again", e.Ref)
	}
	return refuseChange(e.Ref, ev.VerbMove, d.unfit(*use, lower(from.Quota, d.to.Quota), leave))
}

// plan says what the move does.
func (d destination) plan(e Entity[TenantData], use *ev.TenantUse) ev.MovePlan {
	from, to := *e.Data.Placement, d.unnamed()
	from.Why = ""
	p := ev.MovePlan{Kind: d.kind, From: from, To: to, Steps: stepsOf(d.kind, d.course(), e.Data.rest().Type()),
		Made: []string{}, Changed: d.changes(from, e.Data.Spec), Removed: []string{},
		Interrupted: "nothing: its pods stay and run on", PriceNow: d.now.Price, PriceThen: d.then.Price}
	if d.mustLook(from) {
		p.Use = use
	}
	if e.Data.shares() {
		sayShared(p.Steps)
	}
	d.sayMachines(&p, e, from)
	if d.kind == ev.MoveCluster {
		d.sayCluster(&p)
	}
	switch {
	case d.opens() && d.made != nil:
		p.Made = append(p.Made, "a cell on that tenant infra")
	case d.opens():
		p.Made = append(p.Made, "a cell on tenantinfra "+to.TenantInfra)
	}
	if d.to.Cell != from.Cell {
		switch {
		case d.opens():
			p.Made = append(p.Made, "a slot in that cell")
		case to.Cell != "":
			p.Made = append(p.Made, "a slot in cell "+to.Cell)
		}
		if from.Cell != "" {
			p.Removed = append(p.Removed, "its slot in cell "+from.Cell)
		}
	}
	p.PlanID = planID(p)
	return p
}

// MoveSteps are the names of the steps of a kind of move, in their order, without those that a plan adds.
func MoveSteps(kind string) []Phase { return namesOfSteps(stepsOf(kind, course{}, "")) }

// StepsOf are the names of the steps of a move, in their order.
func StepsOf(m ev.MoveStarted) []Phase {
	a := TenantData{}.evolveAway(m).Away
	return namesOfSteps(stepsOf(m.Kind, a.course(), ""))
}

func namesOfSteps(steps []ev.MovePlanStep) (names []Phase) {
	for _, s := range steps {
		names = append(names, Phase(s.Name))
	}
	return names
}

// stepsOf are those of a kind of move, in their order; at its end the tenant rests by an event.
func stepsOf(kind string, c course, rest string) []ev.MovePlanStep {
	switch kind {
	case ev.MoveCluster:
		return c.steps(rest)
	case ev.MoveMachines:
		return []ev.MovePlanStep{
			c.reserveMachines(),
			{Name: ev.StepPrepare, Does: "has its namespace say the new machines, so that new pods go there", Events: []string{ev.MovePrepared{}.Type()}},
			{Name: ev.StepEvict, Does: "has its pods leave, one of a workload at a time", Events: []string{ev.MoveEvicted{}.Type()}},
			{Name: ev.StepSwitch, Does: "puts the tenant on the new terms; until then it can be aborted", Events: []string{ev.Moved{}.Type()}},
			{Name: ev.StepRelease, Does: "makes its namespace as they say, and frees the place that it had", Events: []string{ev.MoveReleased{}.Type(), rest}},
		}
	}
	return []ev.MovePlanStep{
		{Name: ev.StepReserve, Does: "takes the place and waits until it is ready", Events: []string{ev.MoveStarted{}.Type(), ev.MoveReserved{}.Type()}},
		{Name: ev.StepSwitch, Does: "puts the tenant on the new terms; until then it can be aborted", Events: []string{ev.Moved{}.Type()}},
		{Name: ev.StepApply, Does: "makes quota, limits, labels and policies of its namespace as they say", Events: []string{}},
		{Name: ev.StepRelease, Does: "frees the place that it had", Events: []string{ev.MoveReleased{}.Type(), rest}},
	}
}

// sayShared says what is done at a step for a tenant that shares the applications of a cell.
func sayShared(steps []ev.MovePlanStep) {
	for i := range steps {
		if steps[i].Name == ev.StepApply {
			steps[i].Does = "makes its record in its cell say so"
		}
	}
}

// changes are the terms and the place that become others, in words.
func (d destination) changes(from ev.Placement, spec ev.TenantSpec) []string {
	all := []string{}
	say := func(what string, was, is any) {
		if a, b := fmt.Sprint(was), fmt.Sprint(is); a != b {
			all = append(all, fmt.Sprintf("%s: %s becomes %s", what, cmp.Or(a, "none"), cmp.Or(b, "none")))
		}
	}
	say("plan", fmt.Sprintf("%s@%d", from.Plan, from.PlanVersion), fmt.Sprintf("%s@%d", d.to.Plan, d.to.PlanVersion))
	say("region of its spec", spec.Region, d.spec.Region)
	say("tenantinfra", from.TenantInfra, d.machines())
	say("size", from.Size, d.to.Size)
	say("cpu", from.Quota.CPU, d.to.Quota.CPU)
	say("memory", from.Quota.Memory, d.to.Quota.Memory)
	say("storage", from.Quota.Storage, d.to.Quota.Storage)
	say("pods", from.Quota.Pods, d.to.Quota.Pods)
	say("default cpu of a container", from.Limits.CPU, d.to.Limits.CPU)
	say("default memory of a container", from.Limits.Memory, d.to.Limits.Memory)
	say("isolation", from.Isolation, d.to.Isolation)
	say("egress limited", from.Egress.Limited, d.to.Egress.Limited)
	say("egress ranges", strings.Join(from.Egress.Ranges, " "), strings.Join(d.to.Egress.Ranges, " "))
	say("priority", from.Priority, d.to.Priority)
	return all
}

// planParts are what a plan says, each with its name. A plan's id has a digest of each, so that one sees later which differs.
// What the tenant uses is no part: as long as it fits the move is the same.
func planParts(p ev.MovePlan) []struct {
	name string
	is   any
} {
	return []struct {
		name string
		is   any
	}{
		{"from", p.From}, {"to", p.To}, {"steps", p.Steps}, {"made", [][]string{p.Made, p.Removed}},
		{"interrupted", []any{p.Interrupted, p.InterruptedMS}}, {"price", []ev.PlanPrice{p.PriceNow, p.PriceThen}},
	}
}

// digits is how many of a plan's id a part has.
const digits = 8

// planID is the digest of what a plan says: of each part of it, in their order.
func planID(p ev.MovePlan) string {
	var all []string
	for _, part := range planParts(p) {
		data, err := json.Marshal(part.is)
		if err != nil {
			panic(fmt.Sprintf("the %s of a plan can't be written: %v", part.name, err)) // a wrong type, found by every test
		}
		sum := sha256.Sum256(data)
		all = append(all, hex.EncodeToString(sum[:digits/2]))
	}
	return strings.Join(all, "-")
}

// difference names the parts of a plan that are not as its id says, and how they are now.
func difference(id string, now ev.MovePlan) (faults []ev.FieldError) {
	was, is := strings.Split(id, "-"), strings.Split(now.PlanID, "-")
	if len(was) != len(is) {
		return []ev.FieldError{{Field: "plan_id", Message: "is not a plan id of this release: get one with a dry run"}}
	}
	for i, part := range planParts(now) {
		if was[i] != is[i] {
			faults = append(faults, ev.FieldError{Field: "plan_id", Message: fmt.Sprintf("%s has changed, and is now %s", part.name, inJSON(part.is))})
		}
	}
	return faults
}

func inJSON(v any) string {
	data, _ := json.Marshal(v) // it was written before
	return string(data)
}

// lower tells whether a bound of one quota is below that of another.
func lower(now, then ev.PlanQuota) bool {
	a, b := boundsOf(now), boundsOf(then)
	for i := range a {
		if b[i].most < a[i].most {
			return true
		}
	}
	return false
}

// bound is the most that a quota allows of something.
type bound struct {
	name string
	said string
	most int64
}

func boundsOf(q ev.PlanQuota) []bound {
	return []bound{{"cpu", q.CPU, milli(q.CPU)}, {"memory", q.Memory, bytes(q.Memory)}, {"storage", q.Storage, bytes(q.Storage)},
		{"pods", strconv.Itoa(q.Pods), int64(q.Pods)}}
}

// tooMuch says what of a tenant does not fit a quota, in numbers.
func tooMuch(use ev.TenantUse, to ev.Placement) (faults []ev.FieldError) {
	for i, uses := range []int64{use.CPU, use.Memory, use.Storage, use.Pods} {
		b := boundsOf(to.Quota)[i]
		if uses <= b.most {
			continue
		}
		said := strconv.FormatInt(uses, 10)
		switch b.name {
		case "cpu":
			said += "m"
		case "memory", "storage":
			said = strconv.FormatInt((uses+1<<20-1)>>20, 10) + "Mi"
		}
		faults = append(faults, ev.FieldError{Field: "plan", Message: fmt.Sprintf("the tenant uses %s of %s, version %d of plan %s allows %s: make it smaller first", said, b.name, to.PlanVersion, to.Plan, b.said)})
	}
	return faults
}

// milli is a number of cores in thousandths; a plan's pattern is checked.
func milli(s string) int64 {
	n, _ := strconv.ParseInt(strings.TrimSuffix(s, "m"), 10, 64)
	if strings.HasSuffix(s, "m") {
		return n
	}
	return 1000 * n
}

// bytes is a size in bytes; a plan's pattern is checked.
func bytes(s string) int64 {
	for i, unit := range []string{"Ki", "Mi", "Gi", "Ti"} {
		if n, ok := strings.CutSuffix(s, unit); ok {
			size, _ := strconv.ParseInt(n, 10, 64)
			return size << (10 * (i + 1))
		}
	}
	return 0
}
