package fsm

import ev "github.com/aeriehq/aerie/events"

// remembered is how many commands are remembered: about an hour of 30 a second.
const remembered = 1 << 17

// Remembered is the answer of a command that caused events, and the digest of
// what it asked: the same id with another question is no repeat.
type Remembered struct {
	Answer ev.Answer
	Digest string
}

// answers remembers what people were answered, the newest ones.
type answers struct {
	byID  map[string]Remembered
	order []string // a ring of ids, oldest at next
	next  int
}

func newAnswers() answers { return answers{byID: map[string]Remembered{}} }

func (a *answers) find(id string) (Remembered, bool) {
	r, ok := a.byID[id]
	return r, ok
}

// remember keeps the answer of a decision if somebody outside asked for it.
func (a *answers) remember(decision []ev.Recorded, w *World) {
	if len(decision) == 0 || decision[0].Actor == ev.ActorAerie || decision[0].Actor == ev.ActorExecutor {
		return
	}
	first := decision[0]
	if _, known := a.byID[first.CommandID]; known {
		return
	}
	e, _ := w.Get(first.Ref)
	a.add(first.CommandID, Remembered{AnswerOf(first.CommandID, e, decision), first.Digest})
}

func (a *answers) add(id string, r Remembered) {
	if len(a.order) < remembered {
		a.order = append(a.order, id)
	} else {
		delete(a.byID, a.order[a.next])
		a.order[a.next] = id
		a.next = (a.next + 1) % remembered
	}
	a.byID[id] = r
}

// AnswerOf makes the answer of a command from the entity after it and its events.
func AnswerOf(commandID string, e Entity[Data], decision []ev.Recorded) ev.Answer {
	a := ev.Answer{CommandID: commandID, Seq: e.Seq, Events: []ev.AnswerEvent{}, Entity: ev.AnswerEntity{
		Owner: e.Ref.Owner, Kind: e.Ref.Kind, ID: e.Ref.ID, UID: e.UID, Phase: string(e.Phase()), Seq: e.Seq}}
	for _, r := range decision {
		a.Seq = max(a.Seq, r.Seq)
		a.Events = append(a.Events, ev.AnswerEvent{Type: r.Event.Type(), Seq: r.Seq, ID: r.EventID})
	}
	return a
}
