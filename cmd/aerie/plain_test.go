package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/aeriehq/aerie/events"
)

// hidden is a text as nobody sees it on a terminal, and how it has to be escapedText.
const (
	hidden      = "a\x1b[31mb\u202ec\u2066d\u0085e\U000e0041f \x7f"
	escapedText = `a\x1b[31mb\u202ec\u2066d\x85e\U000e0041f \x7f`
)

func TestPlain(t *testing.T) {
	for s, want := range map[string]string{hidden: escapedText, "Zoë 👨\u200d🔧\n\tx": "Zoë 👨\u200d🔧  x", "\xff\ufffd\r": `\xff` + "\ufffd" + `\x0d`, "": ""} {
		if got := plain(s); got != want {
			t.Errorf("%q is escapedText as %q, want %q", s, got, want)
		}
	}
}

// Logs of before may hold anything. Nothing of it reaches the terminal as it is, in any table, list of events, answer or
// error, and what programs read means the same.
func TestNothingHidesOnATerminal(t *testing.T) {
	spec, _ := json.Marshal(map[string]any{"displayName": hidden, "hosting": hidden, "more": "x\n" + hidden + "\ny", hidden: 1})
	data, _ := json.Marshal(map[string]string{"message": hidden, "code": hidden})
	why := &reason{Reason: events.Reason{Code: hidden, Message: hidden, Fault: hidden}}
	e := entity{Kind: events.Customer, Owner: "acme", ID: "acme", Phase: hidden, UID: hidden, Labels: map[string]string{hidden: hidden}, Spec: spec,
		Status: status{Reason: why, Conditions: []condition{{Type: hidden, Status: hidden, Reason: hidden, Message: hidden}}, Placement: &events.Placement{Why: hidden, Plan: hidden}, Observed: map[string]any{hidden: hidden}}}
	raw, _ := json.Marshal(e)
	happening := happened{Type: hidden, Actor: hidden, Kind: events.Customer, Owner: "acme", Entity: hidden, Data: data, CommandID: hidden, Cause: hidden}
	past, _ := json.Marshal([]happened{happening})
	all := list{Items: []json.RawMessage{raw}}
	history := list{Items: []json.RawMessage{past[1 : len(past)-1]}}
	for name, show := range map[string]func(*bytes.Buffer) error{
		"a table":      func(b *bytes.Buffer) error { return printListAt(b, events.Customer, asTable, all, time.Now()) },
		"a wide table": func(b *bytes.Buffer) error { return printListAt(b, events.Customer, asWide, all, time.Now()) },
		"a description": func(b *bytes.Buffer) error {
			return write(b, (&description{e: e, past: []happened{happening}}).text())
		},
		"history":         func(b *bytes.Buffer) error { return printHistory(b, asWide, history) },
		"history in YAML": func(b *bytes.Buffer) error { return printHistory(b, asYAML, history) },
		"tail":            func(b *bytes.Buffer) error { return (&eventWriter{w: b, format: asWide}).write(happening) },
		"tail by name":    func(b *bytes.Buffer) error { return (&eventWriter{w: b, format: asName}).write(happening) },
		"tail as JSON":    func(b *bytes.Buffer) error { return (&eventWriter{w: b, format: asJSON}).write(happening) },
		"tail as YAML":    func(b *bytes.Buffer) error { return (&eventWriter{w: b, format: asYAML}).write(happening) },
		"a diff": func(b *bytes.Buffer) error {
			return writeDiff(b, []step{{manifest: manifest{ref: e.ref(), labels: e.Labels, spec: events.CustomerSpec{DisplayName: hidden}}, verb: "update", present: &e}})
		},
		"an answer": func(b *bytes.Buffer) error {
			return printAnswer(b, asTable, events.Answer{Entity: events.AnswerEntity{Kind: events.Customer, ID: "acme", Phase: hidden}}, false)
		},
		"an answer in YAML": func(b *bytes.Buffer) error {
			return printAnswer(b, asYAML, events.Answer{Entity: events.AnswerEntity{Kind: events.Customer, ID: "acme", Phase: hidden}}, false)
		},
		"an error": func(b *bytes.Buffer) error {
			printError(b, &events.Refusal{Code: hidden, Message: hidden, Details: []events.Fault{{Field: hidden, Message: hidden}}})
			return nil
		},
		"a failure": func(b *bytes.Buffer) error { printError(b, stuckError(e)); return nil },
		"progress":  func(b *bytes.Buffer) error { newProgress(b, 1).saw(e); return nil },
		"why": func(b *bytes.Buffer) error {
			return write(b, chain{Kind: events.Customer, Owner: "acme", ID: "acme", UID: hidden, Phase: hidden, Reason: &presentCause{Reason: why.Reason},
				Commands: []link{{Verb: hidden, Actor: hidden, CommandID: hidden, CorrelationID: hidden, CausationID: hidden, Effect: hidden, Awaited: []string{hidden},
					Events: []outcome{{Type: hidden, Phase: hidden, what: hidden, Calls: []events.Call{{API: hidden, Code: hidden, RequestID: hidden}}}}}}}.text())
		},
	} {
		var b bytes.Buffer
		if err := show(&b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if hides(b.Bytes()) || !strings.Contains(b.String(), "202e") {
			t.Errorf("%s: %q", name, b.String())
		}
	}
	for _, format := range []string{asJSON, asYAML} {
		var b bytes.Buffer
		if err := writeRaw(&b, format, raw); err != nil {
			t.Fatal(err)
		}
		again, err := yaml.YAMLToJSON(b.Bytes())
		if format == asJSON {
			again, err = b.Bytes(), nil
		}
		if err != nil || hides(b.Bytes()) || !bytes.Equal(canonical(json.RawMessage(again)), canonical(json.RawMessage(raw))) {
			t.Errorf("%s: %v, %s\nwant %s", format, err, again, raw)
		}
	}
}
