package events

import (
	"strings"
	"time"
)

// The verbs of what is found in a cloud or a cluster with the mark of an incarnation that the log does not know: one of
// a log that was lost, or of another installation.
const (
	VerbAdopt  = "adopt"
	VerbDisown = "disown"
)

var (
	adoptVerb  = Verb{VerbAdopt, "Make {a kind} of what carries a mark that the log does not know", adoptBody{}}
	disownVerb = Verb{VerbDisown, "Remove what carries a mark of this {kind} that the log does not know", Disown{}}
)

// Adopt asks for an entity as Create does, but under the uid that things already carry: they are found and become its own.
type Adopt struct {
	UID       string
	Dataplane string // of a tenant, where its namespace is; as a path
	Create
}

// Disown says that an incarnation that the log does not know has ended: what carries its mark is removed.
type Disown struct {
	UID     string `json:"uid" required:"true" pattern:"^[0-9A-HJKMNP-TV-Z]{26}$" doc:"a ULID, the last part of the mark"`
	Account string `json:"account,omitempty" ref:"account" doc:"Of a dataplane: the account to look in, where no dataplane of this log is there"`
	Region  string `json:"region,omitempty" pattern:"^[a-z][a-z0-9-]{0,39}$" doc:"Of a dataplane: the region of that account"`
}

// IsPayload marks a payload.
func (Disown) IsPayload() {}

// Disowned says that an incarnation that the log knew nothing of has ended. The sweeper removes what carries its mark.
type Disowned struct {
	UID  string `json:"uid"`
	Site Target `json:"site,omitzero"` // of a dataplane, where to look for it
}

// Type names the event on the wire.
func (Disowned) Type() string { return "disowned" }

type adoptBody struct {
	UID       string            `json:"uid" required:"true" pattern:"^[0-9A-HJKMNP-TV-Z]{26}$" doc:"a ULID, the last part of the mark"`
	Dataplane string            `json:"dataplane" ref:"dataplane" only:"tenant" doc:"where its namespace is, such as -/eu"`
	Labels    map[string]string `json:"labels"`
	Spec      rawSpec           `json:"spec"`
}

func (b adoptBody) given() rawSpec         { return b.Spec }
func (adoptBody) born() bool               { return true }
func (b adoptBody) payload(s Spec) Payload { return Adopt{b.UID, b.Dataplane, Create{b.Labels, s}} }

// Mark is the owner mark of an incarnation, as everything that is made for it carries it in a cloud.
func (r Ref) Mark(uid string) string { return r.Owner + "/" + string(r.Kind) + "/" + r.ID + "/" + uid }

// ParseMark reads a mark; false for what aerie does not write.
func ParseMark(mark string) (r Ref, uid string, ok bool) {
	parts := strings.Split(mark, "/")
	if len(parts) != 4 || parts[3] == "" {
		return r, "", false
	}
	r = Ref{Kind: Kind(parts[1]), Owner: parts[0], ID: parts[2]}
	return r, parts[3], len(r.Check()) == 0
}

// Orphan is what was found of one incarnation that the log does not know, in one region or one cluster.
type Orphan struct {
	Mark      string    `json:"mark" doc:"Owner, kind, id and uid, as everything that was made for it says"`
	Kind      Kind      `json:"kind"`
	Owner     string    `json:"owner"`
	ID        string    `json:"id"`
	UID       string    `json:"uid"`
	Born      time.Time `json:"born" doc:"When it was created, as its uid says"`
	Cloud     string    `json:"cloud"`
	Account   string    `json:"account" doc:"The cloud's own name of the account"`
	Region    string    `json:"region"`
	Cluster   string    `json:"cluster" doc:"The cluster that it is in; empty of what is in the cloud itself"`
	Dataplane string    `json:"dataplane" doc:"Whose cluster that is, such as -/eu"`
	Resources []string  `json:"resources" doc:"What was found, in the order in which it can be removed; of what an agent told at most 50, long names shortened"`
	Told      time.Time `json:"told,omitzero" doc:"When the agent that works there told of it; absent of what was seen now"`
}

// Unread is a place that could not be looked into.
type Unread struct {
	Cloud   string `json:"cloud"`
	Account string `json:"account"`
	Region  string `json:"region"`
	Cluster string `json:"cluster"`
	Reason  string `json:"reason"`
}

// Orphans is what a look at the clouds and clusters has found.
type Orphans struct {
	Items  []Orphan `json:"items" doc:"By account, region and cluster"`
	Unread []Unread `json:"unread" doc:"Where nobody could look: there may be more"`
}

// OrphanQuery says where to look; empty: everywhere.
type OrphanQuery struct {
	Account string // as a path, such as -/main
	Region  string // of that account
}
