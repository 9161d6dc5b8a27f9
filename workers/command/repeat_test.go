package command

import (
	"fmt"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// TestTheSameInOtherWords: a repeat in other white space or another order of keys is the same command; so is one of which the
// log has the digest that the release before made. Another value is another command.
func TestTheSameInOtherWords(t *testing.T) {
	r := newIntakeRig(t)
	r.customer("acme")
	ask := func(id, body string) (ev.Answer, error) {
		return r.intake.SubmitRequest(t.Context(), Request{ID: id, Owner: "acme", Kind: "customer", Name: "acme", Verb: ev.VerbUpdate, Body: []byte(body), Caller: ev.LocalAdmin()})
	}
	first, err := ask("01WORDS", `{"labels":{"a":"1","b":"2"},"spec":{"displayName":"Acme <1>"}}`)
	if err != nil || len(first.Events) == 0 {
		t.Fatal(first, err)
	}
	for _, body := range []string{
		"\n{ \"spec\" : {\"displayName\":\"Acme \\u003c1>\"}, \"labels\":{\"b\":\"2\",\t\"a\":\"1\"} }",
		`{"labels":{"a":"1","b":"2"},"spec":{"displayName":"Acme <1>"}}`,
	} {
		if a, err := ask("01WORDS", body); err != nil || fmt.Sprint(a) != fmt.Sprint(first) {
			t.Errorf("%s: %+v, %v; at first %+v", body, a, err, first)
		}
	}
	if _, err := ask("01WORDS", `{"labels":{"a":"1","b":"3"},"spec":{"displayName":"Acme <1>"}}`); !isRefused(err, ev.Conflict) {
		t.Errorf("another value: %v", err)
	}

	spaced := `{"labels": {"b": "2", "a": "9"}}`
	old, err := Request{ID: "01OLD", Owner: "acme", Kind: "customer", Name: "acme", Verb: ev.VerbUpdate, Body: []byte(spaced), Caller: ev.LocalAdmin()}.Command(ev.Builtin, time.Now().UTC())
	if err != nil {
		t.Fatal(err)
	}
	old.Digest = digestOf([]byte("acme.customer.acme"), []byte("update"), []byte(spaced)) // as the release before made it
	before, err := r.intake.SubmitCommand(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := ask("01OLD", spaced); err != nil || fmt.Sprint(a) != fmt.Sprint(before) {
		t.Errorf("given before this release: %+v, %v; then %+v", a, err, before)
	}
}
