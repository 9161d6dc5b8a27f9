package events

import (
	"fmt"
	"strings"
	"time"
)

// TokenSpec is an API token: what its bearer may do, and until when. The secret is made by whoever asks for the token, and
// only its hash is ever sent: the log can not give it away.
type TokenSpec struct {
	Role    Role   `json:"role" required:"true" enum:"admin,operator,viewer,auditor,customer-admin,customer-viewer" doc:"What its bearer may do; customer-admin and customer-viewer are of one customer, the token's owner, the others are the platform's"`
	Hash    string `json:"hash" required:"true" pattern:"^[0-9a-f]{64}$" doc:"SHA-256 of the secret's text, in hex; the secret is 32 random bytes, and is never sent here"`
	Expires string `json:"expires" required:"true" maxLength:"35" doc:"When it ends, RFC 3339, such as 2027-01-31T12:00:00Z"`
}

// Token is the kind of what programs show to be let in.
const Token Kind = "token"

// VerbRevoke ends a token before its time.
const VerbRevoke = "revoke"

var tokenKind = Descriptor{
	Kind: Token, Plural: "tokens", Doc: "what a program shows to be let in: a role, an end, and the hash of a secret",
	Spec: TokenSpec{}, Verbs: CommonVerbs(Verb{VerbRevoke, "End {a kind} now, on every connection", Revoke{}}),
	Access: Access{ForCustomers: true, Private: true},
}

// Kind is Token.
func (TokenSpec) Kind() Kind { return Token }

// Check asks for an end that can be read.
func (s TokenSpec) Check() []FieldError { return checkEnd(s.Expires) }

func checkEnd(expires string) []FieldError {
	if _, err := time.Parse(time.RFC3339, expires); err != nil && expires != "" {
		return []FieldError{{"spec.expires", fmt.Sprintf("%q is not a time as RFC 3339 writes it, such as 2027-01-31T12:00:00Z", Truncate(expires))}}
	}
	return nil
}

// Ends is when the token ends.
func (s TokenSpec) Ends() time.Time {
	t, _ := time.Parse(time.RFC3339, s.Expires) // Check has seen it
	return t
}

// Revoke asks that a token ends now.
type Revoke struct{}

// IsPayload marks a payload.
func (Revoke) IsPayload() {}

// Revoked says that a token lets nobody in any more.
type Revoked struct{}

// Type names the event on the wire.
func (Revoked) Type() string { return "revoked" }

// tokenPrefix begins every token.
const tokenPrefix = "aerie_"

// WriteToken writes a token down as its bearer shows it.
func WriteToken(id, secret string) string { return tokenPrefix + id + "_" + secret }

// SplitToken reads the id and the secret of a token; false for what is none.
func SplitToken(token string) (id, secret string, ok bool) {
	rest, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok {
		return "", "", false
	}
	id, secret, ok = strings.Cut(rest, "_")
	return id, secret, ok && id != "" && secret != ""
}

// TokenActor is how events name who shows a token.
func TokenActor(id string) string { return "token:" + id }

// UserActor is how events name a principal.
func UserActor(id string) string { return "user:" + id }
