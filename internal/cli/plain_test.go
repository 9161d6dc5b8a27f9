package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"sigs.k8s.io/yaml"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/manifest"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

// hidden is a text as nobody sees it on a terminal.
const hidden = "a\x1b[31mb\u202ec\u2066d\u0085e\U000e0041f \x7f"

// Logs of before may hold anything. Nothing of it reaches the terminal as it is, in any table, list of events, answer or
// error, and what programs read means the same.
func TestNothingHidesOnATerminal(t *testing.T) {
	spec, _ := json.Marshal(map[string]any{"displayName": hidden, "hosting": hidden, "more": "x\n" + hidden + "\ny", hidden: 1})
	data, _ := json.Marshal(map[string]string{"message": hidden, "code": hidden})
	why := &client.Reason{Reason: events.Reason{Code: hidden, Message: hidden, Fault: hidden}}
	e := client.Entity{Kind: events.Customer, Owner: "acme", ID: "acme", Phase: hidden, UID: hidden, Labels: map[string]string{hidden: hidden}, Spec: spec,
		Status: client.Status{Reason: why, Conditions: []client.Condition{{Type: hidden, Status: hidden, Reason: hidden, Message: hidden}}, Placement: &events.Placement{Why: hidden, Plan: hidden}, Observed: map[string]any{hidden: hidden}}}
	raw, _ := json.Marshal(e)
	happening := client.Event{Type: hidden, Actor: hidden, Kind: events.Customer, Owner: "acme", Entity: hidden, Data: data, CommandID: hidden, Cause: hidden}
	past, _ := json.Marshal([]client.Event{happening})
	history := client.List{Items: []json.RawMessage{past[1 : len(past)-1]}}
	for name, show := range map[string]func(*bytes.Buffer) error{
		"a table": func(b *bytes.Buffer) error {
			return (&print.Listing{Kind: events.Customer, Format: print.Table}).Entities(b, []client.Entity{e})
		},
		"a wide table": func(b *bytes.Buffer) error {
			return (&print.Listing{Kind: events.Customer, Format: print.Wide}).Entities(b, []client.Entity{e})
		},
		"a description": func(b *bytes.Buffer) error {
			return print.Write(b, (&description{e: e, past: []client.Event{happening}}).text())
		},
		"history":         func(b *bytes.Buffer) error { return printHistory(b, print.Wide, history) },
		"history in YAML": func(b *bytes.Buffer) error { return printHistory(b, print.YAML, history) },
		"tail":            func(b *bytes.Buffer) error { return (&eventWriter{w: b, format: print.Wide}).write(happening) },
		"tail by name":    func(b *bytes.Buffer) error { return (&eventWriter{w: b, format: print.Name}).write(happening) },
		"tail as JSON":    func(b *bytes.Buffer) error { return (&eventWriter{w: b, format: print.JSON}).write(happening) },
		"tail as YAML":    func(b *bytes.Buffer) error { return (&eventWriter{w: b, format: print.YAML}).write(happening) },
		"a diff": func(b *bytes.Buffer) error {
			m := manifest.Of(events.Builtin, e.Ref())
			m.Labels, m.Spec = e.Labels, events.CustomerSpec{DisplayName: hidden}
			return writeDiff(b, []manifest.Step{{Manifest: m, Verb: "update", Present: &e}})
		},
		"an answer": func(b *bytes.Buffer) error {
			return printAnswer(b, print.Table, events.Answer{Entity: events.AnswerEntity{Kind: events.Customer, ID: "acme", Phase: hidden}}, false)
		},
		"an answer in YAML": func(b *bytes.Buffer) error {
			return printAnswer(b, print.YAML, events.Answer{Entity: events.AnswerEntity{Kind: events.Customer, ID: "acme", Phase: hidden}}, false)
		},
		"why": func(b *bytes.Buffer) error {
			return print.Write(b, chain{Kind: events.Customer, Owner: "acme", ID: "acme", UID: hidden, Phase: hidden, Reason: &presentCause{Reason: why.Reason},
				Commands: []link{{Verb: hidden, Actor: hidden, CommandID: hidden, CorrelationID: hidden, CausationID: hidden, Effect: hidden, Awaited: []string{hidden},
					Events: []outcome{{Type: hidden, Phase: hidden, what: hidden, Calls: []events.Call{{API: hidden, Code: hidden, RequestID: hidden}}}}}}}.text())
		},
	} {
		var b bytes.Buffer
		if err := show(&b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if hidesText(b.Bytes()) || !strings.Contains(b.String(), "202e") {
			t.Errorf("%s: %q", name, b.String())
		}
	}
	for _, format := range []string{print.JSON, print.YAML} {
		var b bytes.Buffer
		if err := print.Raw(&b, format, raw); err != nil {
			t.Fatal(err)
		}
		again, err := yaml.YAMLToJSON(b.Bytes())
		if format == print.JSON {
			again, err = b.Bytes(), nil
		}
		if err != nil || hidesText(b.Bytes()) || !bytes.Equal(manifest.Canonical(json.RawMessage(again)), manifest.Canonical(json.RawMessage(raw))) {
			t.Errorf("%s: %v, %s\nwant %s", format, err, again, raw)
		}
	}
}

// hidesText tells whether anything in a text of lines hides itself.
func hidesText(text []byte) bool {
	return bytes.ContainsFunc(text, func(r rune) bool { return r != '\n' && r != utf8.RuneError && events.Disguises(r) })
}
