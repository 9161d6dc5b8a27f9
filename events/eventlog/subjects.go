package eventlog

import (
	"fmt"
	"strings"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
)

// The names of the streams, and of the subjects that are contract.
const (
	Stream = filestore.Stream // every event, for ever

	appended  = "aerie.append."    // aerie alone publishes here
	committed = events.EventPrefix // and here is what came of it
)

// IsToken tells whether s may be one token of a subject that is published to.
func IsToken(s string) bool {
	if s == "" {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || c == '.' || c == '*' || c == '>' {
			return false
		}
	}
	return true
}

// CheckTokens refuses a reference that would not be three tokens of a subject.
// Whether it is a good name is the intake's to ask.
func CheckTokens(r events.Ref) error {
	if !IsToken(r.Owner) || !IsToken(string(r.Kind)) || !IsToken(r.ID) {
		return fmt.Errorf("%q is not a subject's owner, kind and id", r.Tokens())
	}
	return nil
}

// splitSubject reads "aerie.evt.<owner>.<kind>.<id>.<type>".
func splitSubject(subject string) (r events.Ref, typ string, err error) {
	rest, ok := strings.CutPrefix(subject, committed)
	owner, rest, _ := strings.Cut(rest, ".")
	kind, rest, _ := strings.Cut(rest, ".")
	id, typ, full := strings.Cut(rest, ".")
	if !ok || !full || strings.Contains(typ, ".") {
		return r, "", fmt.Errorf("%q is not %s<owner>.<kind>.<id>.<type>", events.Truncate(subject), committed)
	}
	r = events.Ref{Owner: owner, Kind: events.Kind(kind), ID: id}
	if !IsToken(typ) {
		return r, "", fmt.Errorf("%q has no type", events.Truncate(subject))
	}
	return r, typ, CheckTokens(r)
}
