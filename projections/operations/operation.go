package operations

import (
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// State is how an operation, or a step of it, is.
type State string

// The states. Only a step can be Pending.
const (
	Pending    State = "pending"
	Running    State = "running"
	Done       State = "done"
	Failed     State = "failed"     // it was given up; a person can try again
	Superseded State = "superseded" // something else was asked before it came about
)

// States are those that an operation can be in.
var States = []State{Running, Done, Failed, Superseded}

// Operation is something that was asked of an entity and takes its time, as it reads everywhere.
type Operation struct {
	ID       string     `json:"id" required:"true" doc:"The id of the event with which it began, which the answer to its command names too; of a move the id of its command"`
	Seq      uint64     `json:"seq" required:"true" doc:"The sequence of that event"`
	Entity   EntityName `json:"entity" required:"true" doc:"What it is done to"`
	Verb     string     `json:"verb" required:"true" doc:"What was asked, such as create; repair is what aerie begins by itself"`
	Actor    string     `json:"actor" required:"true" doc:"Who asked"`
	State    State      `json:"state" required:"true" enum:"running,done,failed,superseded" doc:"How it is; superseded: something else was asked of the entity before this was done"`
	Since    time.Time  `json:"since" required:"true" doc:"When it began"`
	Ended    *time.Time `json:"ended" required:"true" doc:"When it ended; null while it is under way"`
	TookMS   int64      `json:"took_ms" required:"true" doc:"How long it took, or has taken so far"`
	Steps    []Step     `json:"steps" required:"true" nullable:"false" doc:"The phases that it goes through, those to come too, as far as they are known; of a move its steps"`
	WaitsFor []string   `json:"waits_for" required:"true" nullable:"false" doc:"The other entities that it waits for, such as 'dataplane -/eu'"`
	Reason   *Reason    `json:"reason" required:"true" doc:"Why it is not done yet, or why it failed; null if nothing is to be said"`
	Done     int        `json:"done" required:"true" doc:"How many steps are done"`
	Total    int        `json:"total" required:"true" doc:"How many steps there are, as far as they are known"`
	Can      []string   `json:"can" required:"true" nullable:"false" doc:"The verbs that would change something about it now"`
}

// EntityName names what an operation is done to.
type EntityName struct {
	Owner string  `json:"owner" required:"true"`
	Kind  ev.Kind `json:"kind" required:"true"`
	ID    string  `json:"id" required:"true"`
	UID   string  `json:"uid" required:"true" doc:"Which incarnation of the name it is"`
}

// TransformSchema writes down what tags can't say: the reason may be null.
func (Operation) TransformSchema(_ huma.Registry, schema *huma.Schema) *huma.Schema {
	reason := schema.Properties["reason"]
	schema.Properties["reason"] = &huma.Schema{AnyOf: []*huma.Schema{{Ref: reason.Ref}, {Type: "null"}}, Description: reason.Description}
	return schema
}

// Step is one part of an operation.
type Step struct {
	Name   string     `json:"name" required:"true" doc:"The phase of the entity"`
	State  State      `json:"state" required:"true" enum:"pending,running,done,failed,superseded"`
	Since  *time.Time `json:"since" required:"true" doc:"When it began; null if it has not"`
	TookMS int64      `json:"took_ms" required:"true" doc:"How long it took, or has taken so far"`
}

// Reason is the one reason for which an entity is not where it should be.
type Reason struct {
	Code    ev.ReasonCode `json:"code" required:"true" doc:"A stable word"`
	Message string        `json:"message" required:"true" doc:"The same as a sentence"`
	Fault   ev.Blame      `json:"fault" required:"true" enum:"user,system,cloud" doc:"Who can do something about it"`
	Since   time.Time     `json:"since" required:"true" doc:"Since when it is so: since the work is owed, or since the trouble was first met"`
	Retried bool          `json:"retried" required:"true" doc:"Whether it goes on by itself"`
	NextAt  *time.Time    `json:"next_at" required:"true" doc:"When it is tried again; null if that is not known"`
}

// ReasonOf says of a failed attempt when the next one is, but of one whose time has come: that is being made.
func ReasonOf(why *fsm.Blocker, now time.Time) *Reason {
	if why == nil {
		return nil
	}
	r := &Reason{Code: why.Code, Message: why.Message, Fault: why.Fault, Since: why.Since, Retried: why.Retried}
	if next := why.NextTry(now); !next.IsZero() {
		r.NextAt = &next
	}
	return r
}

// read writes an operation down the way it is read at a time.
func (o *operation) read(w *state.Entities, kinds *ev.Registry, now time.Time) Operation {
	ref := w.Named(o.Number)
	out := Operation{ID: o.ID, Seq: o.Seq, Entity: EntityName{ref.Owner, ref.Kind, ref.ID, o.UID}, Verb: o.Verb, Actor: o.Actor,
		State: o.State, Since: o.Steps[0].Since, WaitsFor: []string{}, Can: []string{}}
	end := now
	if o.State != Running {
		end, out.Ended = o.Ended, &o.Ended
	}
	out.TookMS = took(out.Since, end)
	out.steps(o, ref.Kind, end)
	if o.Reason != nil {
		out.Reason = ReasonOf(&fsm.Blocker{Reason: *o.Reason}, now)
	}
	if o.State == Running {
		e, _ := w.Get(ref)
		out.Reason, out.WaitsFor, out.Can = ReasonOf(w.Blocker(e), now), waitsFor(e), can(e, w, kinds)
	}
	return out
}

// took is a time in milliseconds; clocks that were set back make none that is negative.
func took(from, to time.Time) int64 { return max(0, to.Sub(from).Milliseconds()) }

func (out *Operation) steps(o *operation, k ev.Kind, end time.Time) {
	for i, s := range o.Steps {
		step := Step{Name: string(s.Phase), State: Done, Since: &o.Steps[i].Since, TookMS: took(s.Since, end)}
		if i+1 < len(o.Steps) {
			step.TookMS = took(s.Since, o.Steps[i+1].Since)
		} else {
			step.State = o.State
		}
		if step.State == Done {
			out.Done++
		}
		out.Steps = append(out.Steps, step)
	}
	if o.State != Done {
		for _, p := range o.ahead(k) {
			out.Steps = append(out.Steps, Step{Name: string(p), State: Pending})
		}
	}
	out.Total = len(out.Steps)
}

// ahead are the steps to come, as far as they are known.
func (o *operation) ahead(k ev.Kind) []fsm.Phase {
	last := o.Steps[len(o.Steps)-1].Phase
	if o.Move == "" {
		return ways()[k].ahead[last]
	}
	if last == ev.StepAbort {
		return nil
	}
	steps := o.Course
	if steps == nil {
		steps = fsm.MoveSteps(o.Move)
	}
	return steps[slices.Index(steps, last)+1:]
}

func waitsFor(e fsm.Entity[fsm.Data]) []string {
	all := []string{}
	if a, ok := fsm.Machines[e.Ref.Kind].Owed(e).(fsm.WaitFor); ok {
		for _, n := range a.On {
			all = append(all, n.String())
		}
	}
	return all
}

// can are the verbs without a body that would change something now. What uses an entity may be deleted with it, so deleting
// is not tried: it is possible until it has begun.
func can(e fsm.Entity[fsm.Data], w *state.Entities, kinds *ev.Registry) []string {
	all := []string{}
	machine := fsm.Machines[e.Ref.Kind]
	d, _ := kinds.Of(e.Ref.Kind)
	for _, v := range d.Verbs {
		payload, plain := v.Body.(ev.Payload)
		switch {
		case v.Name == ev.VerbDelete:
			if !machine.Terminating(e.Phase()) {
				all = append(all, v.Name)
			}
			continue
		case !plain || slices.ContainsFunc(v.Fields(e.Ref.Kind), ev.Field.Required):
			continue
		}
		if changes, err := machine.Decide(e, ev.Command{Ref: e.Ref, Payload: payload}, w.Refs()); err == nil && len(changes) > 0 {
			all = append(all, v.Name)
		}
	}
	return all
}
