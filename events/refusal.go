package events

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Code is the stable name of a refusal. It decides the HTTP status and the exit code.
type Code string

// The codes of refusals; docs/reference.md has their statuses and exit codes.
const (
	Invalid     Code = "invalid"      // the command cannot be understood, or names what is not there
	NotFound    Code = "not_found"    // there is no such entity
	Conflict    Code = "conflict"     // the entity is not as the command expects
	Refused     Code = "refused"      // understood, and not allowed in this phase
	Denied      Code = "denied"       // this caller may not
	Unavailable Code = "unavailable"  // not now: ask again
	TooMany     Code = "rate_limited" // this caller has asked too much lately: ask again
	Internal    Code = "internal"     // our fault
)

// Blame says who can do something about a problem.
type Blame string

// Who can do something about it.
const (
	ByUser   Blame = "user"
	BySystem Blame = "system"
	ByCloud  Blame = "cloud"
)

// FieldError is one thing that is wrong with an input: where, and what would be right.
type FieldError struct {
	Field   string `json:"field" doc:"Where, as a path such as spec.pools[1].max"`
	Message string `json:"message" doc:"What is wrong and what would be right"`
}

// Refusal is an answer that says no. It is an error, and it crosses the wire as it is.
type Refusal struct {
	Code      Code         `json:"code"`
	Message   string       `json:"message"`
	Fault     Blame        `json:"fault"`
	Retryable bool         `json:"retryable"`
	Details   []FieldError `json:"details,omitempty"`
}

// Error reads as "code: message (field: what would be right; ...)".
func (r *Refusal) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", r.Code, r.Message)
	for i, d := range r.Details {
		b.WriteString([]string{"; ", " ("}[b2i(i == 0)])
		fmt.Fprintf(&b, "%s: %s", d.Field, d.Message)
	}
	if len(r.Details) > 0 {
		b.WriteByte(')')
	}
	return b.String()
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Refuse makes a refusal of a code; whose fault it is and whether asking again
// can help follow from the code.
func Refuse(code Code, format string, args ...any) *Refusal {
	r := &Refusal{Code: code, Message: Cut(fmt.Sprintf(format, args...), maxMessage), Fault: ByUser}
	switch code {
	case Unavailable, Internal:
		r.Fault, r.Retryable = BySystem, code == Unavailable
	case TooMany:
		r.Retryable = true
	}
	return r
}

// RefuseFaults makes an invalid refusal of a list of faults; nil if there are none.
func RefuseFaults(what string, faults []FieldError) error {
	if len(faults) == 0 {
		return nil
	}
	r := Refuse(Invalid, "%s: %d fault", what, len(faults))
	if len(faults) > 1 {
		r.Message += "s"
	}
	return r.With(faults)
}

// JoinRefusals makes one refusal of several, with the faults of all; nil if none refuses. Its code is the first one's.
func JoinRefusals(errs ...error) error {
	var all []*Refusal
	var details []FieldError
	for _, err := range errs {
		var r *Refusal
		if errors.As(err, &r) {
			all, details = append(all, r), append(details, r.Details...)
		}
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	joined := *all[0]
	for _, r := range all[1:] {
		joined.Message = Cut(joined.Message+"; "+r.Message, maxMessage)
	}
	return joined.With(details)
}

// The bounds of a refusal, so that it fits into an answer and into an event, whatever was sent.
const (
	maxDetails   = 100
	maxRefusal   = 32 << 10 // bytes as JSON, all in all
	maxMessage   = 1 << 10
	maxField     = 500
	refusalFrame = 8 << 10 // bytes for all but the details: the message as JSON, names and numbers
)

// With gives a refusal details: as many of the faults as a refusal may have. Its message says how many more there are.
func (r *Refusal) With(faults []FieldError) *Refusal {
	left := maxRefusal - refusalFrame
	r.Details = nil
	for _, f := range faults {
		f = FieldError{Cut(f.Field, maxField), Cut(f.Message, maxMessage)}
		data, err := Encode(f)
		if left -= len(data) + 1; err != nil || left < 0 || len(r.Details) == maxDetails {
			break
		}
		r.Details = append(r.Details, f)
	}
	if more := len(faults) - len(r.Details); more > 0 {
		r.Message += fmt.Sprintf(": the first %d are listed, and %s more", len(r.Details), thousands(more))
	}
	return r
}

// thousands writes a number as people read it: 24,900.
func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// Cut shortens a text to some bytes, which stay valid UTF-8.
func Cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-3], "") + "..."
}

// Truncate shortens what somebody sent so that it can be quoted in a message: 60
// characters at most, valid UTF-8, without what is a secret by its form.
func Truncate(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	for _, k := range knownSecrets {
		if slices.ContainsFunc(k.signs, func(sign string) bool { return strings.Contains(s, sign) }) {
			s = k.form.ReplaceAllString(s, "("+k.what+")")
		}
	}
	if utf8.RuneCountInString(s) <= 60 {
		return s
	}
	return string([]rune(s)[:57]) + "..."
}

// Suggest proposes the known word closest to a misspelt one, as the end of a
// sentence: `; did you mean "tenant"?`, or the list of what is known.
func Suggest(word string, known []string) string {
	best, least := "", min(3, 1+(len(word)+1)/2) // more than half of a short word is another word
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	return "; known: " + strings.Join(known, ", ")
}

// distance is how many letters must be added, left out, replaced, or swapped with the next to make one word of the other,
// cut at 3.
func distance(a, b string) int {
	if len(a)-len(b) > 2 || len(b)-len(a) > 2 {
		return 3
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			next[j+1] = min(row[j+1]+1, next[j]+1, row[j]+1-b2i(a[i] == b[j]))
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

// CommandKind stands in the subject of an event where the kind of its entity
// stands, for what became of a command that changed no entity. Nothing of this kind
// can be commanded or read; its id is the command's.
const CommandKind Kind = "command"

// CommandRefused says that a command that waited in the queue was refused: nobody was
// there to be told.
type CommandRefused struct {
	Kind   Kind     `json:"kind"` // of the entity that was commanded; its owner is the event's
	ID     string   `json:"id"`
	Verb   string   `json:"verb"`
	Reason *Refusal `json:"error"`
}

// Type names the event on the wire.
func (CommandRefused) Type() string { return "refused" }

// NoteRefusal asks to write down that a command was refused.
type NoteRefusal struct{ Refused CommandRefused }

// IsPayload marks a payload.
func (NoteRefusal) IsPayload() {}

// EventKindOf finds a kind whose events the log may hold, by its name in the singular
// or the plural.
func (r *Registry) EventKindOf(s string) (Kind, bool) {
	if d, ok := r.Find(s); ok || s != string(CommandKind) && s != CommandKind.Plural() {
		return d.Kind, ok
	}
	return CommandKind, true
}
