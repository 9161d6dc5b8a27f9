package events

// PrincipalSpec is somebody who proves who he is by other means than a token: a machine by its key. Its id is opaque: the log
// is kept for ever, and names of people do not belong there.
type PrincipalSpec struct {
	Role Role   `json:"role" required:"true" enum:"admin,operator,viewer,auditor,customer-admin,customer-viewer" doc:"What it may do; customer-admin and customer-viewer are of one customer, its owner, the others are the platform's"`
	Key  string `json:"key" required:"true" pattern:"^U[A-Z2-7]{55}$" doc:"The public NKey that it signs with, as nk -gen user makes one"`
}

// Principal is the kind of who proves who he is.
const Principal Kind = "principal"

var principalKind = Descriptor{
	Kind: Principal, Plural: "principals", Doc: "a machine that is let in by its key",
	Spec: PrincipalSpec{}, Verbs: CommonVerbs(), Access: Access{Private: true},
}

// Kind is Principal.
func (PrincipalSpec) Kind() Kind { return Principal }

// Check finds no faults between the fields.
func (PrincipalSpec) Check() []FieldError { return nil }
