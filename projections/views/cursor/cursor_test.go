package cursor

import (
	"testing"

	"github.com/aeriehq/aerie/events"
)

func FuzzCursor(f *testing.F) {
	prod := events.Ref{Kind: events.Tenant, Owner: "acme", ID: "prod"}
	f.Add(Cursor{Ref: prod, Seq: 7}.String())
	f.Add(Cursor{Ref: prod, Order: "-phase", Phase: "Active"}.String())
	f.Add("dGVuYW50IGFjbWUgcHJvZCA3")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		c, ok := Parse(s)
		if ok && (c.String() != s || len(c.Ref.Check()) > 0) {
			t.Errorf("%q is taken for %+v", s, c)
		}
	})
}
