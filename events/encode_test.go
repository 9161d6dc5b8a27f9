package events_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/aeriehq/aerie/events"
)

// TestWhatIsWrittenDoesNotGrow: only what JSON itself wants escaped is.
func TestWhatIsWrittenDoesNotGrow(t *testing.T) {
	for in, want := range map[string]string{
		"<a href='x'>&amp;</a>": `"<a href='x'>&amp;</a>"`,
		"\u2028 and \u2029":     "\"\u2028 and \u2029\"",
		`\u2028`:                `"\\u2028"`,
		`\` + "\u2028":          `"\\` + "\u2028\"",
		"\"\x01\n":              `"\"\u0001\n"`,
	} {
		if got, err := events.Encode(in); err != nil || string(got) != want {
			t.Errorf("%q: got %s, want %s: %v", in, got, want, err)
		}
	}
	page := json.RawMessage(`{"a":"<\u2028>"}`)
	if got, err := events.Encode(map[string]any{"page": page}); err != nil || string(got) != "{\"page\":{\"a\":\"<\u2028>\"}}" {
		t.Errorf("what was written before: %s, %v", got, err)
	}
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.String().Draw(t, "text")
		data, err := events.Encode(in)
		var back string
		if err != nil || json.Unmarshal(data, &back) != nil || back != strings.ToValidUTF8(in, "\uFFFD") {
			t.Errorf("%q is written as %s and read as %q: %v", in, data, back, err)
		}
	})
}

// TestBodiesThatSayTheSame have one form.
func TestBodiesThatSayTheSame(t *testing.T) {
	rows := map[string]string{
		`{"spec": {"b": 1, "a": [1.50, "<"]}}`:              `{"spec":{"a":[1.50,"<"],"b":1}}`,
		"{\n\"spec\":{\"a\":[1.50,\"\\u003c\"],\"b\":1}\t}": `{"spec":{"a":[1.50,"<"],"b":1}}`,
		``: `{}`,
	}
	for in, want := range rows {
		raw, err := events.ParseBody(events.Customer, events.VerbCreate, []byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := events.Encode(raw); err != nil || string(got) != want {
			t.Errorf("%s: got %s, want %s: %v", in, got, want, err)
		}
	}
	if _, err := events.ParseBody(events.Customer, events.VerbCreate, []byte(`{"a":1,"a":2}`)); err == nil {
		t.Error("a key that is there twice has a form")
	}
}

// TestARefusalIsBounded whatever it is about: a hundred details, 32 KB in all, and the number of the others.
func TestARefusalIsBounded(t *testing.T) {
	var fields strings.Builder
	for n := range 20000 {
		fmt.Fprintf(&fields, `,"f%d":1`, n)
	}
	deep := strings.Repeat(`{"`+strings.Repeat(`\u0001`, 60)+`":`, 90)
	var long strings.Builder
	for n := range 400 {
		fmt.Fprintf(&long, `,"%d\u0001%s":1e99`, n, strings.Repeat("\u0801", 50))
	}
	rows := []struct{ name, body, says string }{
		{"20,000 faults", `{"spec":{` + fields.String()[1:] + `}}`, "and 19,900 more"},
		{"deep paths", `{"spec":{"chart":{},"values":` + deep + `{` + long.String()[1:] + `}` + strings.Repeat("}", 90) + `}}`, " more"},
		{"long keys", `{"spec":{"values":{` + long.String()[1:] + `}}}`, " more"},
	}
	for _, row := range rows {
		_, err := events.DecodeAsk(events.Application, events.VerbCreate, []byte(row.body))
		r, ok := err.(*events.Refusal)
		if !ok {
			t.Fatalf("%s: %v", row.name, err)
		}
		data, _ := json.Marshal(r)
		if len(r.Details) == 0 || len(r.Details) > 100 || len(data) > 32<<10 || !strings.Contains(r.Message, row.says) || r.Retryable {
			t.Errorf("%s: %d details, %d bytes: %s", row.name, len(r.Details), len(data), r.Message)
		}
	}
	loud := events.Refuse(events.Refused, "%s", strings.Repeat("\x01", 1<<20))
	if data, _ := json.Marshal(loud); len(data) > 32<<10 {
		t.Errorf("a message of a megabyte is %d bytes", len(data))
	}
}
