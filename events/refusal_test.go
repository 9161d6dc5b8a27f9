package events_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/aeriehq/aerie/events"
)

func TestNearest(t *testing.T) {
	known := []string{"tenant", "tenantinfra", "plan"}
	rows := []struct{ name, word, want string }{
		{"one letter away", "tenent", `; did you mean "tenant"?`},
		{"two letters away", "tenn", `; did you mean "tenant"?`},
		{"the closer of two", "plam", `; did you mean "plan"?`},
		{"too far from all", "cat", "; known: tenant, tenantinfra, plan"},
		{"two letters swapped", "lpan", `; did you mean "plan"?`},
		{"a short word is not half another", "pn", "; known: tenant, tenantinfra, plan"},
		{"nothing at all", "", "; known: tenant, tenantinfra, plan"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if got := events.Suggest(row.word, known); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestARefusalReadsAsOneSentence(t *testing.T) {
	one := events.RefuseFaults("create tenant", []events.FieldError{{Field: "spec.plan", Message: "is missing"}})
	if got, want := one.Error(), "invalid: create tenant: 1 fault (spec.plan: is missing)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	two := events.RefuseFaults("create", []events.FieldError{{Field: "a", Message: "b"}, {Field: "c", Message: "d"}})
	if got, want := two.Error(), "invalid: create: 2 faults (a: b; c: d)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := events.RefuseFaults("create", nil); err != nil {
		t.Errorf("no faults are no refusal, got %v", err)
	}
}

func TestWhoseFaultARefusalIs(t *testing.T) {
	rows := []struct {
		code      events.Code
		fault     events.Blame
		retryable bool
	}{
		{events.Invalid, events.ByUser, false},
		{events.NotFound, events.ByUser, false},
		{events.Conflict, events.ByUser, false},
		{events.Refused, events.ByUser, false},
		{events.Denied, events.ByUser, false},
		{events.Unavailable, events.BySystem, true},
		{events.TooMany, events.ByUser, true},
		{events.Internal, events.BySystem, false},
	}
	for _, row := range rows {
		if r := events.Refuse(row.code, "no"); r.Fault != row.fault || r.Retryable != row.retryable {
			t.Errorf("%s: got %s, %t", row.code, r.Fault, r.Retryable)
		}
	}
}

func TestARefusalOnTheWire(t *testing.T) {
	data, err := json.Marshal(events.Refuse(events.Conflict, "moved on"))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"code":"conflict","message":"moved on","fault":"user","retryable":false}`; string(data) != want {
		t.Errorf("got %s, want %s", data, want)
	}
}

func TestClip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "sent"))
		got := events.Truncate(s)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > 60 {
			t.Fatalf("%q was clipped to %q", s, got)
		}
	})
	if got := events.Truncate(strings.Repeat("ä", 61)); got != strings.Repeat("ä", 57)+"..." {
		t.Errorf("got %q", got)
	}
}

func TestWhichFailuresCount(t *testing.T) {
	rows := []struct {
		code           events.ReasonCode
		counted, final bool
	}{
		{events.Unauthenticated, true, false},
		{events.Unauthorized, true, false},
		{events.QuotaExceeded, false, false},
		{events.RateLimited, false, false},
		{events.CapacityUnavailable, false, false},
		{events.Dependency, false, false},
		{events.ConfigProblem, true, true},
		{events.ConflictReason, false, false},
		{events.Timeout, true, false},
		{events.Unreachable, false, false},
		{events.Queued, false, false},
		{events.NotSeen, false, false},
		{events.InternalReason, true, false},
	}
	for _, row := range rows {
		r := events.Reason{Code: row.code}
		if r.Counted() != row.counted || r.Final() != row.final {
			t.Errorf("%s: counted %t, final %t", row.code, r.Counted(), r.Final())
		}
	}
}

// What is quoted of what somebody sent gets into answers and the program's log: a secret in it does not.
func TestNoSecretIsQuoted(t *testing.T) {
	for sent, quoted := range map[string]string{
		"oci://robot:hunter2@registry.example.com/acme": "(a URL with a password)registry.example.com/acme",
		"oci://registry.example.com/acme":               "oci://registry.example.com/acme",
		"ghp_0123456789abcdefghijABCDEFGHIJ012345":      "(a token of GitHub)",
	} {
		if got := events.Truncate(sent); got != quoted {
			t.Errorf("%s is quoted as %s, want %s", sent, got, quoted)
		}
	}
	_, err := events.DecodeAsk(events.Repository, events.VerbCreate, []byte(`{"spec":{"url":"oci://robot:hunter2@registry.example.com/acme","password":{"secretRef":{"store":"vault","name":"r","key":"k"}}}}`))
	if err == nil || strings.Contains(fmt.Sprint(err), "hunter2") {
		t.Error(err)
	}
}
