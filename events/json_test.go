package events_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/events"
)

// What is read without a fault is what encoding/json reads, and nothing was replaced in it.
func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"\ud83d\ude00",{"b":null}]}`, `{"a":1,"a":2}`, "\"\xff\"", `"\ud800"`, `"\ud800\ud800\udc00"`, `[1] [2]`, `{"\udc00":{"\u0000":"\\ud800"}}`, `1e999`, ` `, `"\`, `{"a":}`, `"\ufffd"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, size, faults := events.ParseJSON(data)
		for _, x := range faults {
			if x.Message == "" || x.Offset < 0 || x.Offset > len(data) {
				t.Fatalf("a fault that says nothing: %+v", x)
			}
		}
		if len(faults) > 0 {
			return
		}
		var want any
		d := json.NewDecoder(bytes.NewReader(data[:size]))
		d.UseNumber()
		if err := d.Decode(&want); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q reads as %#v, want %#v, %v", data[:size], got, want, err)
		}
		again, _ := json.Marshal(got)
		if strings.Contains(string(again), "\ufffd") && !bytes.Contains(data, []byte("\ufffd")) && !bytes.Contains(bytes.ToLower(data), []byte(`\ufffd`)) {
			t.Fatalf("%q: something was replaced: %s", data, again)
		}
	})
}

func TestParseJSONSaysWhere(t *testing.T) {
	for _, row := range []struct{ text, message, at string }{
		{`{"a": 1, "a": 2}`, "this key is there twice", `: 2}`},
		{"[{\"b\": \"x\xff\"}]", "has bytes that are not UTF-8", "\"x\xff\"}]"},
		{`{"a" 1}`, "invalid character '1' after object name (expecting ':')", `1}`},
		{`{"a": [`, "unexpected EOF", ``},
		{strings.Repeat("[", 102), "nested deeper than 100", `[`},
	} {
		_, _, faults := events.ParseJSON([]byte(row.text))
		if len(faults) != 1 || faults[0].Message != row.message || row.text[faults[0].Offset:] != row.at {
			t.Errorf("%q: %+v", row.text, faults)
		}
	}
}
