package views

import (
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// AgentObserved is what an agent has said of itself, and until when who has its token may join.
type AgentObserved struct {
	Instance     string             `json:"instance,omitempty" doc:"The process that works, by an id of its own"`
	Version      string             `json:"version,omitempty" doc:"The version of its program"`
	Lacks        []string           `json:"lacks,omitempty" doc:"The effects of this control plane that this agent is too old to know"`
	ClockOff     string             `json:"clockOff,omitempty" doc:"By how much its clock is ahead of the control plane's; absent: less than five minutes"`
	Key          string             `json:"key,omitempty" doc:"Its public key"`
	Differs      *events.LogDiffers `json:"differs,omitempty" doc:"What it has met: a log that does not go on from the one it has worked for, as after a restore, and what stands there otherwise; accept lets it work"`
	InvitedUntil *time.Time         `json:"invitedUntil,omitempty" doc:"Until when an agent may join with the token; absent: none may"`
}

var agentView = kindView{
	kind: events.Agent,
	observe: func(e entity) any {
		d := e.Data.(fsm.AgentData)
		o := AgentObserved{Instance: d.Seen.Instance, Version: d.Seen.Version, Lacks: d.Seen.Lacks, ClockOff: d.Seen.ClockOff, Key: d.Key}
		if d.Differs.Now != (events.LogPoint{}) {
			o.Differs = &d.Differs
		}
		if d.Secret != "" {
			o.InvitedUntil = &d.Until
		}
		return &o
	},
}
