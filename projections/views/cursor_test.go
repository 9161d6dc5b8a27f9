package views

import (
	"testing"

	"github.com/aeriehq/aerie/events"
)

func FuzzCursor(f *testing.F) {
	prod := events.Ref{Kind: events.Tenant, Owner: "acme", ID: "prod"}
	f.Add(cursor{ref: prod, seq: 7}.String())
	f.Add(cursor{ref: prod, order: "-phase", phase: "Active"}.String())
	f.Add("dGVuYW50IGFjbWUgcHJvZCA3")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		c, ok := parseCursor(s)
		if ok && (c.String() != s || len(c.ref.Check()) > 0) {
			t.Errorf("%q is taken for %+v", s, c)
		}
	})
}
