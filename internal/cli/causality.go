package cli

import (
	"encoding/json"
	"reflect"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/client"
)

// chain is how an entity came to be as it is: command by command, what each
// changed and what was done outside for it.
type chain struct {
	Kind     events.Kind   `json:"kind"`
	Owner    string        `json:"owner"`
	ID       string        `json:"id"`
	UID      string        `json:"uid"`
	Phase    string        `json:"phase"`
	Seq      uint64        `json:"seq"`
	Commands []link        `json:"commands"`
	AtRest   bool          `json:"at_rest"`
	Reason   *presentCause `json:"reason"` // null at rest

	waits []any // what it waits for now
}

// presentCause is why an entity is not at rest now.
type presentCause struct {
	events.Reason
	Since   time.Time `json:"since,omitzero"`
	Retried bool      `json:"retried"`
	NextAt  time.Time `json:"next_at,omitzero"`
}

// link is one command, or one report of the machinery, and what came of it.
type link struct {
	CommandID     string    `json:"command_id"`
	Verb          string    `json:"verb"`
	Actor         string    `json:"actor"`
	Time          time.Time `json:"time"`
	CorrelationID string    `json:"correlation_id"`
	CausationID   string    `json:"causation_id"`    // the command's own id if a person gave it
	Cause         *cause    `json:"cause,omitempty"` // the event of that id, if it was found
	Effect        string    `json:"effect,omitempty"`
	Attempt       int       `json:"attempt,omitempty"`
	Awaited       []string  `json:"awaited,omitempty"`
	Events        []outcome `json:"events"`
}

// cause is the event that brought a command about, of this entity or another.
type cause struct {
	Entity string `json:"entity"`
	Type   string `json:"type"`
	Seq    uint64 `json:"seq"`
}

// outcome is one event, the phase it led to, and the calls that it tells of.
type outcome struct {
	Seq     uint64         `json:"seq"`
	ID      string         `json:"id"`
	Type    string         `json:"type"`
	Time    time.Time      `json:"time"`
	Phase   string         `json:"phase"`
	Effect  string         `json:"effect,omitempty"`
	Attempt int            `json:"attempt,omitempty"`
	Reason  *events.Reason `json:"reason,omitempty"`
	NextAt  time.Time      `json:"next_at,omitzero"`
	Calls   []events.Call  `json:"calls,omitempty"`
	what    string         // the part of the event's body that says most
}

// The verbs of what no person asked for.
const (
	verbSettle  = "settle"  // what was awaited came
	verbReport  = "report"  // an executor did something, or failed to
	verbExpire  = "expire"  // a deadline passed
	verbAlong   = "along"   // a command on another entity changed this one too
	verbUnknown = "command" // a person asked for something that the events do not name
)

// verbOf has the verbs that are told by an event: no other command causes it.
var verbOf = map[string]string{
	"requested": events.VerbCreate, "created": events.VerbCreate,
	"update_requested": events.VerbUpdate, "updated": events.VerbUpdate, "labels_changed": events.VerbUpdate,
	"retry_requested": events.VerbRetry, "deletion_requested": "delete", "disowned": events.VerbDisown,
}

// chainOf folds an entity's events and groups them by what caused them.
func chainOf(e client.Entity, past []client.Event) (chain, error) {
	c := chain{Kind: e.Kind, Owner: e.Owner, ID: e.ID, UID: e.UID, Phase: e.Phase, Seq: e.Seq, AtRest: e.Status.Reason == nil}
	tell := newTelling("")
	if r := e.Status.Reason; r != nil {
		c.Reason = &presentCause{r.Reason, r.Since, r.Retried, r.NextAt}
		tell.reason = r.Message
	}
	c.waits, _ = e.Status.Owed["on"].([]any)
	own := map[string]*cause{}
	var now fsm.Entity[fsm.Data]
	for i, h := range past {
		if i == 0 || h.CommandID != past[i-1].CommandID {
			c.Commands = append(c.Commands, linkOf(h, own[h.Cause], now))
		}
		r, err := recorded(h)
		if err != nil {
			return c, err
		}
		if now, err = fsm.Machines[e.Kind].Apply(now, r); err != nil {
			return c, events.Refuse(events.Internal, "fold event %d of %s: %v", h.Seq, e.Ref(), err)
		}
		s := outcomeOf(h, now.Phase())
		if once, is := tell.once(h); is {
			s.what = once
		}
		c.Commands[len(c.Commands)-1].add(s)
		own[h.ID] = causeOf(h)
	}
	return c, nil
}

// recorded reads an event as the log keeps it.
func recorded(h client.Event) (events.Recorded, error) {
	r := events.Recorded{Ref: h.Ref(), Seq: h.Seq, Envelope: events.Envelope{EventID: h.ID, Time: h.Time, Actor: h.Actor,
		CommandID: h.CommandID, CausationID: h.Cause, CorrelationID: h.Thread, Index: 1, Count: 1}}
	m, known := fsm.Machines[h.Kind]
	if !known {
		return r, tooOld(h)
	}
	for _, e := range m.Vocabulary() {
		if e.Type() != h.Type {
			continue
		}
		v := reflect.New(reflect.TypeOf(e))
		if err := json.Unmarshal(h.Data, v.Interface()); err != nil {
			return r, events.Refuse(events.Internal, "read event %d, %s of %s: %v", h.Seq, h.Type, h.Ref(), err)
		}
		r.Event = v.Elem().Interface().(events.Event)
		return r, nil
	}
	return r, tooOld(h)
}

func tooOld(h client.Event) error {
	return events.Refuse(events.Internal, "event %d of %s is %q, which this program does not know: use the server's version of it", h.Seq, h.Ref(), events.Truncate(h.Type))
}

func causeOf(h client.Event) *cause { return &cause{h.Ref().String(), h.Type, h.Seq} }

// linkOf begins a command with its first event and the entity as it was before.
func linkOf(h client.Event, c *cause, before fsm.Entity[fsm.Data]) link {
	l := link{CommandID: h.CommandID, Actor: h.Actor, Time: h.Time, CorrelationID: h.Thread, CausationID: h.Cause, Cause: c}
	if verb := verbOf[h.Type]; verb != "" {
		l.Verb = verb
		return l
	}
	var owed events.Effect
	if before.Phase() != fsm.Unborn {
		owed = fsm.Machines[h.Kind].Owed(before)
	}
	l.answer(owed, before.Attempts()+1)
	return l
}

// answer says which part of the machinery answered to what was owed. A report
// is taken only for the effect that is owed at that moment, so the effect
// before the command is the one that was paid.
func (l *link) answer(owed events.Effect, attempt int) {
	awaited, waits := owed.(fsm.WaitFor)
	switch {
	case l.Actor != events.ActorAerie && l.Actor != events.ActorExecutor:
		l.Verb = verbUnknown
	case owed == nil:
		l.Verb = verbAlong
	case waits:
		l.Verb = verbSettle
		for _, n := range awaited.On {
			l.Awaited = append(l.Awaited, n.String())
		}
	case l.Actor == events.ActorExecutor:
		l.Verb, l.Effect, l.Attempt = verbReport, owed.Effect(), attempt
	default:
		l.Verb, l.Effect = verbExpire, owed.Effect()
	}
}

// add takes one more event of the command.
func (l *link) add(s outcome) {
	if s.Attempt > 0 {
		l.Effect, l.Attempt = s.Effect, s.Attempt
	}
	if verb := verbOf[s.Type]; verb != "" && l.Verb == verbUnknown {
		l.Verb = verb
	}
	l.Events = append(l.Events, s)
}

func outcomeOf(h client.Event, after fsm.Phase) outcome {
	var b struct {
		events.Reason
		Effect  string        `json:"effect"`
		Attempt int           `json:"attempt"`
		NextAt  time.Time     `json:"next_at"`
		Calls   []events.Call `json:"calls"`
	}
	_ = json.Unmarshal(h.Data, &b) // an event without these says nothing here
	s := outcome{Seq: h.Seq, ID: h.ID, Type: h.Type, Time: h.Time, Phase: string(after), Effect: b.Effect, Attempt: b.Attempt,
		NextAt: b.NextAt, Calls: b.Calls, what: what(h, true)}
	if b.Code != "" {
		s.Reason = &b.Reason
	}
	return s
}
