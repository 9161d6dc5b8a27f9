package events

import "time"

// PrincipalSpec is somebody who proves who he is by other means than a token: a machine by its key. Its id is opaque: the log
// is kept for ever, and names of people do not belong there.
type PrincipalSpec struct {
	Role    Role   `json:"role" required:"true" enum:"admin,operator,viewer,auditor,customer-admin,customer-viewer" doc:"What it may do; customer-admin and customer-viewer are of one customer, its owner, the others are the platform's"`
	Key     string `json:"key" required:"true" pattern:"^U[A-Z2-7]{55}$" doc:"The public NKey that it signs with, as nk -gen user makes one"`
	Expires string `json:"expires,omitempty" maxLength:"35" doc:"When it ends, RFC 3339; empty: when it is deleted"`
}

// Principal is the kind of who proves who he is.
const Principal Kind = "principal"

var principalKind = Descriptor{
	Kind: Principal, Plural: "principals", Doc: "a machine that is let in by its key",
	Spec: PrincipalSpec{}, Verbs: CommonVerbs(), Access: Access{Private: true},
}

// Kind is Principal.
func (PrincipalSpec) Kind() Kind { return Principal }

// Check asks for an end that can be read, if there is one.
func (s PrincipalSpec) Check() []FieldError { return checkEnd(s.Expires) }

// Ends is when it ends; zero: it does not.
func (s PrincipalSpec) Ends() time.Time {
	t, _ := time.Parse(time.RFC3339, s.Expires) // Check has seen it
	return t
}
