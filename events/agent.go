package events

import (
	"fmt"
	"slices"
	"time"
)

// AgentSpec is the executor inside a customer's network: it dials out, and does there what is owed on some dataplanes.
type AgentSpec struct {
	Dataplanes []string `json:"dataplanes" required:"true" minItems:"1" maxItems:"20" pattern:"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" doc:"The names of the owner's dataplanes of mode pull that it works on, and with them their accounts"`
}

// Agent is the kind of executors inside customers' networks.
const Agent Kind = "agent"

var agentKind = Descriptor{
	Kind: Agent, Plural: "agents", Doc: "the executor inside a customer's network",
	Owner: ByCustomers, Spec: AgentSpec{}, Verbs: CommonVerbs(
		Verb{"invite", "Let whoever has a secret join once, as {a kind} with a key of its own; aerie agent invite makes the secret", Invite{}},
		Verb{"rotate", "The same for {a kind} that has joined: its key is good until another one joins", Rotate{}},
		Verb{"accept", "Let {a kind} work for a log that does not go on from the one it has worked for, as after a restore", AcceptLog{}},
		Verb{"revoke", "End {a kind}'s key, and its connection at once", RevokeAgent{}},
	), Access: Access{ForCustomers: true},
}

// Kind is Agent.
func (AgentSpec) Kind() Kind { return Agent }

// Check asks for each dataplane once.
func (s AgentSpec) Check() []FieldError {
	for i, name := range s.Dataplanes {
		if slices.Contains(s.Dataplanes[:i], name) {
			return []FieldError{{fmt.Sprintf("spec.dataplanes[%d]", i), fmt.Sprintf("%q is there twice", Truncate(name))}}
		}
	}
	return nil
}

type (
	// Invite asks to let who has a secret join once. The secret itself never comes here.
	Invite struct {
		Secret string `json:"secret" required:"true" pattern:"^[0-9a-f]{64}$" doc:"The SHA-256 of the secret, in hex"`
		Until  string `json:"until" required:"true" doc:"RFC 3339: until when it is good"`
	}
	// Rotate asks the same for an agent that has joined.
	Rotate Invite
	// RevokeAgent asks for the end of an agent's key.
	RevokeAgent struct{}
	// Join is told by the door: who has a secret has shown a key.
	Join struct {
		Secret string // its SHA-256, in hex
		Key    string
		At     time.Time
	}
	// NoteAgent is told by the door: how an agent stands.
	NoteAgent struct{ Seen Event } // AgentConnected, AgentLost, ReportRefused, RepairedAway or LogDiffers
)

// Invites marks what a secret is made for.
func (Invite) Invites() {}

// Invites marks what a secret is made for.
func (Rotate) Invites() {}

// IsPayload marks a payload.
func (Invite) IsPayload() {}

// IsPayload marks a payload.
func (Rotate) IsPayload() {}

// IsPayload marks a payload.
func (RevokeAgent) IsPayload() {}

// IsPayload marks a payload.
func (Join) IsPayload() {}

// IsPayload marks a payload.
func (NoteAgent) IsPayload() {}

type (
	// Invited says that who has a secret may join once.
	Invited struct {
		Secret string    `json:"secret"` // its SHA-256, in hex
		Until  time.Time `json:"until"`
	}
	// Joined says that an agent has a key, which is its own: it was made where it runs.
	Joined struct {
		Key string `json:"key"` // the public one, an NKey of a user
	}
	// JoinRefused says that a used token came again with another key.
	JoinRefused struct {
		Key string `json:"key"`
	}
	// AgentConnected says that an agent has been seen, for the first time or after it was Lost.
	AgentConnected struct {
		Instance string   `json:"instance"` // of the process, made at its start
		Version  string   `json:"version"`
		Lacks    []string `json:"lacks,omitempty"`     // the effects of this control plane that it does not know
		ClockOff string   `json:"clock_off,omitempty"` // by how much its clock is ahead, if that is more than five minutes
	}
	// AgentLost says that nothing has been heard of an agent for a while.
	AgentLost struct {
		Since time.Time `json:"since"` // when it was heard last
	}
	// ReportRefused says that somebody with an agent's key reported without its lease: another process of the same key.
	ReportRefused struct {
		Instance string `json:"instance,omitempty"` // that has the lease; empty: nobody has
	}
	// RepairedAway says what an agent has brought back by itself while it could not ask.
	RepairedAway struct {
		Repairs []Repair `json:"repairs"`
	}
	// AgentRevoked says that an agent's key is no longer good.
	AgentRevoked struct{}
)

// Type names the event on the wire.
func (Invited) Type() string { return "invited" }

// Type names the event on the wire.
func (Joined) Type() string { return "joined" }

// Type names the event on the wire.
func (JoinRefused) Type() string { return "join_refused" }

// Type names the event on the wire.
func (AgentConnected) Type() string { return "connected" }

// Type names the event on the wire.
func (AgentLost) Type() string { return "lost" }

// Type names the event on the wire.
func (ReportRefused) Type() string { return "report_refused" }

// Type names the event on the wire.
func (AgentRevoked) Type() string { return "revoked" }

// Type names the event on the wire.
func (RepairedAway) Type() string { return "repaired_away" }
