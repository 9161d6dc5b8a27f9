package events

// The verbs that dataplanes have beside those of every kind.
const (
	VerbAttach  = "attach"
	VerbDetach  = "detach"
	VerbUpgrade = "upgrade"
)

var (
	attachVerb  = Verb{VerbAttach, "Give a customer a place on {a kind}", Attach{}}
	detachVerb  = Verb{VerbDetach, "Take a customer's place on {a kind} away", Detach{}}
	upgradeVerb = Verb{VerbUpgrade, "Bring {a kind} to the next Kubernetes version: control plane, pools, add-ons", Upgrade{}}
)

// Attach asks that a customer has a place on a dataplane.
type Attach struct {
	Customer string `json:"customer" required:"true" ref:"customer" doc:"The customer, such as acme"`
}

// Detach asks that a customer has no place on a dataplane any more. Its tenants
// there are in the way.
type Detach struct {
	Customer string `json:"customer" required:"true" ref:"customer" doc:"The customer, such as acme"`
}

// Upgrade asks for a newer Kubernetes version of a dataplane: of its control plane,
// then of all node pools on it, then of its add-ons.
type Upgrade struct {
	Version string `json:"version" required:"true" pattern:"^1\\.[0-9]{2}$" doc:"The next minor version, such as 1.37"`
}

// IsPayload marks a payload.
func (Attach) IsPayload() {}

// IsPayload marks a payload.
func (Detach) IsPayload() {}

// IsPayload marks a payload.
func (Upgrade) IsPayload() {}
