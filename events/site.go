package events

// Target is where in which cloud an effect is to happen, and whose it is.
type Target struct {
	Account   CloudAccount `json:"account"`
	Region    string       `json:"region"`
	Owner     string       `json:"owner"`     // the mark that everything made carries: owner/kind/id/uid
	Dataplane string       `json:"dataplane"` // on whose executor it is done, such as -/eu
}

// Where returns the site: every effect that happens in a dataplane has one.
func (s Target) Where() Target { return s }

// RemoveOwned owes the end of everything in the cloud that carries the owner's mark.
type RemoveOwned struct {
	Target
	Existing string `json:"existing,omitempty"` // a cluster that stays: what was put into it first goes
}

// Effect names the work on the wire.
func (RemoveOwned) Effect() string { return "remove_owned" }
