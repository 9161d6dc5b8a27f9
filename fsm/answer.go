package fsm

import (
	ev "github.com/aeriehq/aerie/events"
)

// Answer is what answers say of an entity.
func (b Base) Answer() ev.AnswerEntity {
	return ev.AnswerEntity{Owner: b.Ref.Owner, Kind: b.Ref.Kind, ID: b.Ref.ID, UID: b.UID, Phase: string(b.Phase()), Seq: b.Seq}
}

// AnswerOf makes the answer of a command from its entity after it and its events.
func AnswerOf(commandID string, e ev.AnswerEntity, decision []ev.Recorded) ev.Answer {
	a := ev.Answer{CommandID: commandID, Seq: e.Seq, Events: []ev.AnswerEvent{}, Entity: e}
	for _, r := range decision {
		a.Seq = max(a.Seq, r.Seq)
		a.Events = append(a.Events, ev.AnswerEvent{Type: r.Event.Type(), Seq: r.Seq, ID: r.EventID})
	}
	return a
}
