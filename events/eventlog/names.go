package eventlog

import (
	"fmt"
	"strings"

	"github.com/aeriehq/aerie/events"
)

// The names of the streams, and of the subjects that are contract.
const (
	Stream       = "AERIE_EVENTS" // every event, for ever
	WorkStream   = "AERIE_WORK"   // what the world is owed now
	TimersStream = "AERIE_TIMERS" // when something of an entity is due
	QueueStream  = "AERIE_QUEUE"  // commands that wait

	appended  = "aerie.append." // aerie alone publishes here
	committed = "aerie.evt."    // and here is what came of it
	owed      = "aerie.work."
	timed     = "aerie.timer."
	due       = "aerie.due."
	queued    = "aerie.queue."  // who may wait publishes here
	parted    = "aerie.queued." // and here it stands, with its partition
)

// isToken tells whether s may be one token of a subject that is published to.
func isToken(s string) bool {
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

// checkTokens refuses a reference that would not be three tokens of a subject.
// Whether it is a good name is the intake's to ask.
func checkTokens(r events.Ref) error {
	if !isToken(r.Owner) || !isToken(string(r.Kind)) || !isToken(r.ID) {
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
		return r, "", fmt.Errorf("%q is not %s<owner>.<kind>.<id>.<type>", events.Clip(subject), committed)
	}
	r = events.Ref{Owner: owner, Kind: events.Kind(kind), ID: id}
	if !isToken(typ) {
		return r, "", fmt.Errorf("%q has no type", events.Clip(subject))
	}
	return r, typ, checkTokens(r)
}
