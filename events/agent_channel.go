package events

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// The subjects between an agent and the control plane. A place is a dataplane of the owner, an account as _<account>, or
// the agent itself as __<agent>: no name begins with _.
const (
	AgentPrefix = "aerie.agent."
	HintPrefix  = "aerie.hint."

	AskOwed   = "owed"   // of a place: what is owed there, answered with Owed
	AskStands = "stands" // of a place: what was made there and should be there, answered with Stands
	AskEnded  = "ended"  // of a place: whose marks are of ended incarnations, answered with Ended
	AskSeen   = "seen"   // of an agent, once a minute: it takes or keeps the lease, answered with Lease
	AskJoin   = "join"   // of an agent that has a secret: its key, answered with JoinAnswer

	AskSurveyed = "surveyed" // of a place: what a look has shown that a hint asked for, answered with SurveyTaken
)

// AgentSubject is where an agent asks about a place.
func AgentSubject(owner, place, what string) string {
	return AgentPrefix + owner + "." + place + "." + what
}

// HintSubject is where an agent hears that something may be new at a place. A hint without content says no more; one with content
// has it look what a tenant uses: SurveyWanted.
func HintSubject(owner, place string) string { return HintPrefix + owner + "." + place }

// AccountPlace is the place of an account, and AgentPlace that of an agent itself.
func AccountPlace(account string) string { return "_" + account }

// AgentPlace is the place of an agent itself.
func AgentPlace(agent string) string { return "__" + agent }

// AgentActorPrefix is what the name of an agent in the log begins with.
const AgentActorPrefix = "agent:"

// AgentActor is who an agent is in the log.
func AgentActor(owner, agent string) string { return AgentActorPrefix + owner + "/" + agent }

type (
	// Owed is what is owed at a place, in the order of entities.
	Owed struct {
		Items []OwedItem `json:"items"`
		Log   LogPoint   `json:"log,omitzero"`   // how far the log was
		Next  string     `json:"next,omitempty"` // the After of the next page; empty: this was the last
		Error string     `json:"error,omitempty"`
	}
	// OwedQuestion asks for a page of it, or for one entity.
	OwedQuestion struct {
		After string `json:"after,omitempty"`
		Only  string `json:"only,omitempty"` // the tokens of an entity
		Idle  bool   `json:"idle,omitempty"` // nothing goes on at the place, and nothing is begun before the answer
	}
	// OwedItem is one work, and what the log knows that is needed to do it.
	OwedItem struct {
		Work      Work           `json:"work"`
		Spec      int            `json:"spec,omitempty"`      // the revision of the entity's spec, from 1
		HalfAt    time.Time      `json:"half_at,omitzero"`    // when half of its phase's time is over
		Attempt   *AttemptFailed `json:"attempt,omitempty"`   // the last that failed, but for its calls
		Creations []CreateSum    `json:"creations,omitempty"` // what was made for it and not seen yet

		Login *RepositorySpec `json:"login,omitempty"` // by which the chart's repository is entered, if there is one; it has no secret
	}
	// CreateSum is how often one thing was made.
	CreateSum struct {
		Part, What          string
		Started, Made, Lost int
		Open                bool
		IDs                 []string
	}
	// Stands is what was made at a place and should be there, in the order in which it stands on each other.
	Stands struct {
		Items   []StandsItem   `json:"items"`
		Log     LogPoint       `json:"log,omitzero"`      // how far the log was
		Sites   []Target       `json:"sites,omitempty"`   // of an account: where something is or was made in it
		Places  []CatalogPlace `json:"places,omitempty"`  // of an account: the regions in which something is to be made
		Cluster string         `json:"cluster,omitempty"` // of a dataplane that is ready: its cluster's name in the cloud
		Site    Target         `json:"site,omitzero"`     // and where that is
		UID     string         `json:"uid,omitempty"`     // and the dataplane's incarnation; of an account that of the account
		Next    string         `json:"next,omitempty"`    // the After of the next page; empty: this was the last
		Error   string         `json:"error,omitempty"`
	}
	// StandsQuestion asks for a page of it.
	StandsQuestion struct {
		After string `json:"after,omitempty"`
	}
	// StandsItem is an entity at rest, and the effects that made what it has.
	StandsItem struct {
		Ref      Ref          `json:"ref"`
		UID      string       `json:"uid"`
		Revision uint64       `json:"seq"`              // that of its last event: a report names it
		Failed   bool         `json:"failed,omitempty"` // something was found that is not repaired: that it is, is news too
		Seen     string       `json:"seen,omitempty"`   // the digest of what is known to be seen of it besides; who sees the same tells nothing
		Made     []MadeEffect `json:"made"`
	}
	// MadeEffect is an effect that made something.
	MadeEffect struct {
		Effect string          `json:"effect"`
		Args   json.RawMessage `json:"args"`
	}
	// CatalogPlace is a region in which something is to be made, and the incarnation of its account.
	CatalogPlace struct {
		UID     string       `json:"uid"`
		Account CloudAccount `json:"account"`
		Region  string       `json:"region"`
		Known   string       `json:"known,omitempty"` // the digest of the catalogue that is known; who sees the same tells nothing
	}
	// EndedQuestion asks which owner marks are of ended incarnations, and tells which were found that the log does not know.
	EndedQuestion struct {
		Marks []string `json:"marks"`
		Stays []Stay   `json:"stays,omitempty"` // of a dataplane: what was made for tenants that live
		Found *Finding `json:"found,omitempty"` // what is there that the log does not know, when that is another than was told
	}
	// Finding is what a look has found that the log does not know, in a region of an account or in the cluster of a dataplane.
	Finding struct {
		Region string      `json:"region,omitempty"` // of an account
		Marks  []FoundMark `json:"marks"`
		More   int         `json:"more,omitempty"` // how many marks more there are
	}
	// FoundMark is a mark, and what carries it.
	FoundMark struct {
		Mark      string   `json:"mark"`
		Resources []string `json:"resources"`
	}
	// Stay is a namespace of a tenant's incarnation on a dataplane, and which of its stays it is of.
	Stay struct {
		Mark      string `json:"mark"`
		Namespace string `json:"namespace"`
		Stay      string `json:"stay"`
	}
	// Ended answers that. What is in no list is alive.
	Ended struct {
		Log     LogPoint `json:"log,omitzero"`   // how far the log was
		Left    []Stay   `json:"left,omitempty"` // stays that their tenants no longer have
		Ended   []string `json:"ended"`
		Unknown []string `json:"unknown"` // to the log: a person decides
		Error   string   `json:"error,omitempty"`
	}
	// Lease is the answer to an agent that says it is there.
	Lease struct {
		HeldBy string    `json:"held_by,omitempty"` // another instance that works; empty: the one that asks
		Since  time.Time `json:"since,omitzero"`
		Places []string  `json:"places,omitempty"` // where it works
		Speed  float64   `json:"speed"`            // of the simulated cloud
		Now    time.Time `json:"now,omitzero"`     // of the control plane
		Log    LogPoint  `json:"log,omitzero"`     // how far it was
		// Changed is the revision of the last event that may have changed anything that is told at its places. What is answered
		// of a log that is as far as that is still so. 0: it is not said.
		Changed uint64 `json:"changed,omitempty"`

		// Charts are the digests of the server's own charts, packed, by their names. None: the agent installs those of its own program.
		Charts map[string]string `json:"charts,omitempty"`

		Agreed LogPoint `json:"agreed,omitzero"` // what somebody has accepted of what the agent has met: the Now of that
		Error  string   `json:"error,omitempty"`
	}
	// SeenQuestion is what an agent says of itself once a minute.
	SeenQuestion struct {
		Instance string    `json:"instance"`
		Version  string    `json:"version"`
		Effects  []string  `json:"effects"` // that it knows
		Now      time.Time `json:"now,omitzero"`
		Repaired []Repair  `json:"repaired,omitempty"` // while the control plane was away, in the control plane's time

		Differs *Difference `json:"differs,omitempty"` // once, by each process
	}
	// Repair is that an agent has brought back something by itself, or has tried.
	Repair struct {
		Ref    Ref       `json:"ref"`
		At     time.Time `json:"at"`
		Found  []Drift   `json:"found"`
		Failed string    `json:"failed,omitempty"` // why it did not
	}
	// SurveyWanted has an agent look what a tenant uses of its quota, and what is in the way of a move.
	SurveyWanted struct {
		ID     string       `json:"id"`
		Ref    Ref          `json:"ref"`
		UID    string       `json:"uid"`
		Survey TenantSurvey `json:"survey"`
	}
	// Surveyed is what that look has shown.
	Surveyed struct {
		ID    string     `json:"id"`
		Use   *TenantUse `json:"use,omitempty"`
		Error string     `json:"error,omitempty"` // why nothing was seen
	}
	// SurveyTaken is the answer to what a look has shown.
	SurveyTaken struct {
		Error string `json:"error,omitempty"` // nobody waits for it any more
	}
	// JoinQuestion is the key of an agent.
	JoinQuestion struct {
		Key string `json:"key"`
	}
	// JoinAnswer is empty if the key is good now.
	JoinAnswer struct {
		Error string `json:"error,omitempty"`
		Again bool   `json:"again,omitempty"` // asking again may help
	}
)

// At is how far the log was.
func (o *Owed) At() LogPoint { return o.Log }

// At is how far the log was.
func (s *Stands) At() LogPoint { return s.Log }

// At is how far the log was.
func (e *Ended) At() LogPoint { return e.Log }

// MostMarks is how many marks, and how many stays, an agent may ask about at once, and how many it may have found.
const MostMarks = 1000

// MostResources is how many things of one mark a Finding names.
const MostResources = 50

// MostRepairs is how many repairs an agent tells of at once.
const MostRepairs = 100

// digest is the SHA-256 of a value's encoding; empty if it can't be encoded.
func digest(v any) string {
	data, err := Encode(v)
	if err != nil {
		return ""
	}
	return HashOf(string(data))
}

// HashOf is what the log keeps of a secret: its SHA-256 in hex. The secret is random, so nobody guesses it.
func HashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
