package command

import (
	"errors"
	"strings"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// FuzzParseSubject feeds the parser of command subjects, and what reads the rest
// of a command, anything: the answer is a command or a refusal that names a field.
func FuzzParseSubject(f *testing.F) {
	for _, s := range []string{"aerie.cmd.acme.tenant.prod.create", "aerie.cmd.-.plan.free.update", "aerie.cmd....", "aerie.cmd.a>b.tenant.*.create",
		"aerie.cmd", "", "aerie.cmd.acme.tenants.prod.create", "aerie.cmd.acme.tenant.pr od.delete"} {
		f.Add(s, `{"spec":{"plan":"free"}}`, "01J")
	}
	f.Fuzz(func(t *testing.T, subject, body, id string) {
		r, err := parseSubject(subject)
		if err == nil {
			r.Body, r.ID, r.Caller = []byte(body), id, ev.LocalAdmin()
			var c ev.Command
			if c, err = r.Command(ev.Builtin, time.Unix(0, 0)); err == nil {
				if got := CommandPrefix + c.Ref.Tokens(); !strings.HasPrefix(subject, got+".") {
					t.Errorf("%q became %q", subject, got)
				}
				return
			}
		}
		var refusal *ev.Refusal
		if !errors.As(err, &refusal) || refusal.Code != ev.Invalid || len(refusal.Details) == 0 {
			t.Errorf("%q: %v", subject, err)
		}
	})
}
