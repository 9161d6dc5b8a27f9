package events

// The verbs that plans have beside those of every kind.
const (
	VerbRelease = "release"
	VerbRetire  = "retire"
)

var (
	releaseVerb = Verb{VerbRelease, "Open {a kind} for tenants: a draft, or one that was retired", Release{}}
	retireVerb  = Verb{VerbRetire, "Close {a kind} for new tenants; those that are on it stay", Retire{}}
)

// Release asks that a plan that is a draft, or was retired, takes tenants.
type Release struct{}

// Retire asks that a plan takes no new tenants. Those that are on it stay, and are placed again where they must be.
type Retire struct{}

// IsPayload marks a payload.
func (Release) IsPayload() {}

// IsPayload marks a payload.
func (Retire) IsPayload() {}
