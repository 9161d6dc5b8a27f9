package events

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// The subjects between an agent and the control plane. A place is a dataplane of the owner, an account as _<account>, or
// the agent itself as __<agent>: no name begins with _.
const (
	AgentPrefix = "aerie.agent."
	HintPrefix  = "aerie.hint."

	AskOwed = "owed" // of a place: what is owed there, answered with Owed
	AskSeen = "seen" // of an agent, once a minute: it takes or keeps the lease, answered with Lease
	AskJoin = "join" // of an agent that has a secret: its key, answered with JoinAnswer
)

// AgentSubject is where an agent asks about a place.
func AgentSubject(owner, place, what string) string {
	return AgentPrefix + owner + "." + place + "." + what
}

// HintSubject is where an agent hears that something may be new at a place. The hint has no content.
func HintSubject(owner, place string) string { return HintPrefix + owner + "." + place }

// AccountPlace is the place of an account, and AgentPlace that of an agent itself.
func AccountPlace(account string) string { return "_" + account }

// AgentPlace is the place of an agent itself.
func AgentPlace(agent string) string { return "__" + agent }

// AgentActor is who an agent is in the log.
func AgentActor(owner, agent string) string { return "agent:" + owner + "/" + agent }

type (
	// Owed is what is owed at a place, in the order of entities.
	Owed struct {
		Items []OwedItem `json:"items"`
		Next  string     `json:"next,omitempty"` // the After of the next page; empty: this was the last
		Error string     `json:"error,omitempty"`
	}
	// OwedQuestion asks for a page of it, or for one entity.
	OwedQuestion struct {
		After string `json:"after,omitempty"`
		Only  string `json:"only,omitempty"` // the tokens of an entity
	}
	// OwedItem is one work, and what the log knows that is needed to do it.
	OwedItem struct {
		Work      Work           `json:"work"`
		HalfAt    time.Time      `json:"half_at,omitzero"`    // when half of its phase's time is over
		Attempt   *AttemptFailed `json:"attempt,omitempty"`   // the last that failed, but for its calls
		Creations []CreateSum    `json:"creations,omitempty"` // what was made for it and not seen yet
	}
	// CreateSum is how often one thing was made.
	CreateSum struct {
		Part, What          string
		Started, Made, Lost int
		Open                bool
		IDs                 []string
	}
	// Lease is the answer to an agent that says it is there.
	Lease struct {
		HeldBy string    `json:"held_by,omitempty"` // another instance that works; empty: the one that asks
		Since  time.Time `json:"since,omitzero"`
		Places []string  `json:"places,omitempty"` // where it works
		Speed  float64   `json:"speed"`            // of the simulated cloud
		Error  string    `json:"error,omitempty"`
	}
	// SeenQuestion is what an agent says of itself once a minute.
	SeenQuestion struct {
		Instance string   `json:"instance"`
		Version  string   `json:"version"`
		Effects  []string `json:"effects"` // that it knows
	}
	// JoinQuestion is the key of an agent.
	JoinQuestion struct {
		Key string `json:"key"`
	}
	// JoinAnswer is empty if the key is good now.
	JoinAnswer struct {
		Error string `json:"error,omitempty"`
	}
)

// HashOf is what the log keeps of a secret: its SHA-256 in hex. The secret is random, so nobody guesses it.
func HashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
