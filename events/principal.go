package events

import (
	"regexp"
	"time"
)

// PrincipalSpec is somebody who proves who he is by other means than a token: a machine by its key, a person by an issuer. Its
// id is opaque: the log is kept for ever, and names of people do not belong there.
type PrincipalSpec struct {
	Role    Role   `json:"role" required:"true" enum:"admin,operator,viewer,auditor,customer-admin,customer-viewer" doc:"What it may do; customer-admin and customer-viewer are of one customer, its owner, the others are the platform's"`
	Key     string `json:"key,omitempty" maxLength:"56" doc:"The public NKey that it signs with, as nk -gen user makes one"`
	Issuer  string `json:"issuer,omitempty" maxLength:"40" doc:"Instead of a key: the issuer in the server's --oidc file that vouches for this principal, which the server makes itself; or local, for the token in the data directory"`
	Expires string `json:"expires,omitempty" maxLength:"35" doc:"When it ends, RFC 3339; empty: when it is deleted"`
}

// Principal is the kind of who proves who he is.
const Principal Kind = "principal"

// IssuerLocal is said of the local admin, who shows the token in the data directory.
const IssuerLocal = "local"

// LocalPrincipal is the local admin as an entity. It need not be there: then the token is good as the file has it.
var LocalPrincipal = Ref{Kind: Principal, Owner: Platform, ID: "local"}

var principalKind = Descriptor{
	Kind: Principal, Plural: "principals", Doc: "who is let in by a key, or by an issuer of people's names",
	Spec: PrincipalSpec{}, Verbs: CommonVerbs(
		Verb{"disable", "Keep {a kind} out, and end at once what it has open", DisablePrincipal{}},
		Verb{"enable", "Let {a kind} in again", EnablePrincipal{}},
		Verb{"rotate", "Have every server draw a new local token; only for local", RotateLocal{}},
	), Access: Access{Private: true},
}

// Kind is Principal.
func (PrincipalSpec) Kind() Kind { return Principal }

var userKey = regexp.MustCompile(`^U[A-Z2-7]{55}$`)

// Check asks for one way to prove who it is, and for an end that can be read, if there is one.
func (s PrincipalSpec) Check() []FieldError {
	faults := checkEnd(s.Expires)
	switch {
	case s.Key == "" && s.Issuer == "":
		faults = append(faults, FieldError{"spec.key", "is missing: want the public NKey of a user"})
	case s.Key != "" && s.Issuer != "":
		faults = append(faults, FieldError{"spec.issuer", "there is a key too: want one of them"})
	case s.Key != "" && !userKey.MatchString(s.Key):
		faults = append(faults, FieldError{"spec.key", "want the public NKey of a user, U and 55 letters and digits, as nk -gen user makes one"})
	case s.Issuer == IssuerLocal && (s.Role != RoleAdmin || s.Expires != ""):
		faults = append(faults, FieldError{"spec.role", "the local token is the admin's, without an end: want admin, and no expires"})
	}
	return faults
}

// Ends is when it ends; zero: it does not.
func (s PrincipalSpec) Ends() time.Time {
	t, _ := time.Parse(time.RFC3339, s.Expires) // Check has seen it
	return t
}

type (
	// DisablePrincipal asks that somebody is no longer let in.
	DisablePrincipal struct{}
	// EnablePrincipal asks that he is let in again.
	EnablePrincipal struct{}
	// RotateLocal asks that servers draw another local token.
	RotateLocal struct{}
)

// IsPayload marks a payload.
func (DisablePrincipal) IsPayload() {}

// IsPayload marks a payload.
func (EnablePrincipal) IsPayload() {}

// IsPayload marks a payload.
func (RotateLocal) IsPayload() {}

type (
	// PrincipalDisabled says that somebody is no longer let in.
	PrincipalDisabled struct{}
	// PrincipalEnabled says that somebody is let in again.
	PrincipalEnabled struct{}
	// LocalRotated says that the local token is another one from now on. Each server draws its own and writes it into its
	// data directory: none is ever here.
	LocalRotated struct{}
)

// Type names the event on the wire.
func (PrincipalDisabled) Type() string { return "disabled" }

// Type names the event on the wire.
func (PrincipalEnabled) Type() string { return "enabled" }

// Type names the event on the wire.
func (LocalRotated) Type() string { return "rotated" }
