package events

import (
	"reflect"
	"time"
)

// ModePush is the mode of a dataplane on which the control plane works.
const ModePush = "push"

type (
	// HandoverStarted says that somebody else is to work on a dataplane: until they do nobody begins anything there, so that
	// what was begun can come to its end.
	HandoverStarted struct {
		From  string    `json:"from"` // the mode until now
		To    string    `json:"to"`
		Since time.Time `json:"since"`
	}
	// HandedOver says that whoever worked on a dataplane before has ended, and who works on it from now on.
	HandedOver struct {
		Mode  string `json:"mode"`
		After uint64 `json:"after"` // the dataplane's last sequence before
	}
)

// Type names the event on the wire.
func (HandoverStarted) Type() string { return "handover_started" }

// Type names the event on the wire.
func (HandedOver) Type() string { return "handed_over" }

// ForAgent is an effect as an agent is told of it: whatever role the control plane assumes in the account, the agent assumes none.
func ForAgent(e Effect) Effect {
	v := reflect.New(reflect.TypeOf(e)).Elem()
	v.Set(reflect.ValueOf(e))
	account := v.FieldByName("Account") // its own, or that of the Target that it embeds
	if a, is := account.Interface().(CloudAccount); is {
		account.Set(reflect.ValueOf(a.ForAgent()))
	}
	return v.Interface().(Effect)
}

// ForAgent is the account as an agent enters it: by its own credentials.
func (a CloudAccount) ForAgent() CloudAccount {
	return CloudAccount{Cloud: a.Cloud, Number: a.Number, Agent: true}
}
