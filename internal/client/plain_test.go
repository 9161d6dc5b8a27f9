package client

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
)

// disguised is a text as nobody sees it on a terminal, and how it has to be written.
const (
	disguised   = "a\x1b[31mb\u202ec\u2066d\u0085e\U000e0041f \x7f"
	escapedText = `a\x1b[31mb\u202ec\u2066d\x85e\U000e0041f \x7f`
)

func TestPlain(t *testing.T) {
	for s, want := range map[string]string{disguised: escapedText, "Zoë 👨\u200d🔧\n\tx": "Zoë 👨\u200d🔧  x", "\xff\ufffd\r": `\xff` + "\ufffd" + `\x0d`, "": ""} {
		if got := Plain(s); got != want {
			t.Errorf("%q is escapedText as %q, want %q", s, got, want)
		}
	}
}

// Errors and progress show what a cloud or a person has hidden in a text.
func TestErrorsAndProgressArePlain(t *testing.T) {
	why := &Reason{Reason: events.Reason{Code: disguised, Message: disguised, Fault: disguised}}
	e := Entity{Kind: events.Customer, Owner: "acme", ID: "acme", Phase: disguised, Status: Status{Reason: why}}
	for name, show := range map[string]func(*bytes.Buffer){
		"an error": func(b *bytes.Buffer) {
			PrintError(b, &events.Refusal{Code: disguised, Message: disguised, Details: []events.FieldError{{Field: disguised, Message: disguised}}})
		},
		"a failure": func(b *bytes.Buffer) { PrintError(b, stuckError(e)) },
		"progress":  func(b *bytes.Buffer) { newProgress(b, 1, 1, time.Now()).saw(e, time.Now()) },
	} {
		var b bytes.Buffer
		show(&b)
		if strings.ContainsFunc(b.String(), func(r rune) bool { return r != '\n' && events.Disguises(r) }) || !strings.Contains(b.String(), escapedText) {
			t.Errorf("%s: %q", name, b.String())
		}
	}
}
