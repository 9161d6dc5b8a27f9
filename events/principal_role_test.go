package events_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
)

var (
	acmeAdmin  = events.Caller{Actor: "token:a", Role: events.RoleCustomerAdmin, Owner: "acme", Until: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	acmeViewer = events.Caller{Actor: "token:v", Role: events.RoleCustomerViewer, Owner: "acme"}
	operator   = events.Caller{Actor: "token:o", Role: events.RoleOperator, Owner: "-"}
	auditor    = events.Caller{Actor: "token:u", Role: events.RoleAuditor, Owner: "-"}
	viewer     = events.Caller{Actor: "token:w", Role: events.RoleViewer, Owner: "-"}
)

// What somebody may ask follows from the address alone.
func TestWhoMayCommandWhat(t *testing.T) {
	for _, row := range []struct {
		who         events.Caller
		owner, kind string
		verb        string
		may         bool
	}{
		{events.LocalAdmin(), "-", "plan", "create", true},
		{events.LocalAdmin(), "-", "token", "revoke", true},
		{operator, "-", "plan", "create", true},
		{operator, "acme", "tenant", "delete", true},
		{operator, "acme", "token", "create", true},
		{operator, "-", "token", "create", false},
		{operator, "-", "principal", "create", false},
		{auditor, "acme", "tenant", "update", false},
		{viewer, "acme", "tenant", "update", false},
		{acmeAdmin, "acme", "tenant", "create", true},
		{acmeAdmin, "acme", "application", "rollback", true},
		{acmeAdmin, "acme", "account", "delete", true},
		{acmeAdmin, "acme", "dataplane", "upgrade", true},
		{acmeAdmin, "acme", "tenantinfra", "update", true},
		{acmeAdmin, "acme", "token", "revoke", true},
		{acmeAdmin, "acme", "dataplane", "attach", false},
		{acmeAdmin, "acme", "tenant", "adopt", false},
		{acmeAdmin, "acme", "tenant", "disown", false},
		{acmeAdmin, "acme", "customer", "update", false},
		{acmeAdmin, "acme", "principal", "create", false},
		{acmeAdmin, "-", "plan", "update", false},
		{acmeAdmin, "-", "dataplane", "delete", false},
		{acmeAdmin, "other", "tenant", "update", false},
		{acmeAdmin, "other", "nosuch", "nosuch", false}, // of another owner nothing is told, not even that
		{acmeAdmin, "acme", "nosuch", "create", true},   // the decoder says what is wrong
		{acmeViewer, "acme", "tenant", "update", false},
		{events.Caller{}, "acme", "tenant", "update", false},
		{events.Caller{Role: "customer-admin", Owner: "-"}, "-", "plan", "update", false},
		{events.Caller{Role: "nosuch", Owner: "-"}, "-", "plan", "update", false},
	} {
		err := row.who.Deny(events.Builtin, row.owner, events.Kind(row.kind), row.verb)
		var r *events.Refusal
		if (err == nil) != row.may || err != nil && (!errors.As(err, &r) || r.Code != events.Denied) {
			t.Errorf("%s of %s: %s %s of %s: %v", row.who.Role, row.who.Owner, row.verb, row.kind, row.owner, err)
		}
	}
}

// What is said in a command is bound too: roles, ends, and whose things it names.
func TestWhatMayBeSaid(t *testing.T) {
	token := func(role, expires string) events.Create {
		return events.Create{Spec: events.TokenSpec{Role: events.Role(role), Expires: expires}}
	}
	for _, row := range []struct {
		who   events.Caller
		ref   string
		says  events.Payload
		field string // "": it may be said
	}{
		{events.LocalAdmin(), "token -/ci", token("admin", "2040-01-01T00:00:00Z"), ""},
		{events.LocalAdmin(), "token -/ci", token("customer-admin", "2040-01-01T00:00:00Z"), "spec.role"},
		{events.LocalAdmin(), "token acme/ci", token("operator", "2040-01-01T00:00:00Z"), "spec.role"},
		{operator, "token acme/ci", token("customer-admin", "2040-01-01T00:00:00Z"), ""},
		{operator, "token acme/ci", token("admin", "2040-01-01T00:00:00Z"), "spec.role"},
		{acmeAdmin, "token acme/ci", token("customer-admin", "2026-12-31T00:00:00Z"), ""},
		{acmeAdmin, "token acme/ci", token("customer-viewer", "2027-01-01T00:00:01Z"), "spec.expires"},
		{acmeAdmin, "token acme/ci", token("operator", "2026-12-31T00:00:00Z"), "spec.role"},
		{acmeAdmin, "tenant acme/prod", events.Create{Spec: events.TenantSpec{Plan: "-/free"}}, ""},
		{acmeAdmin, "tenant acme/prod", events.Move{Plan: "-/free"}, ""},
		{acmeAdmin, "tenant acme/prod", events.Move{Dataplane: "acme/eu"}, ""},
		{acmeAdmin, "tenant acme/prod", events.Move{Dataplane: "-/eu"}, "dataplane"},
		{acmeAdmin, "tenant acme/prod", events.Move{Dataplane: "eu"}, "dataplane"},
		{acmeAdmin, "tenant acme/prod", events.Move{Dataplane: "other/eu"}, "dataplane"},
		{acmeAdmin, "tenant acme/prod", events.Move{Cell: "-/eu_pg_c0"}, "cell"},
		{operator, "tenant acme/prod", events.Move{Dataplane: "-/eu", Cell: "-/eu_pg_c0"}, ""},
		{acmeAdmin, "account acme/own", events.Create{Spec: events.AccountSpec{Hosting: "customer"}}, ""},
		{acmeAdmin, "account acme/own", events.Create{Spec: events.AccountSpec{Hosting: "provider"}}, "spec.hosting"},
		{acmeAdmin, "account acme/own", events.Update{Spec: events.AccountSpec{Hosting: "platform"}}, "spec.hosting"},
		{acmeAdmin, "dataplane acme/eu", events.Create{Spec: events.DataplaneSpec{Account: "acme/own"}}, ""},
		{acmeAdmin, "dataplane acme/eu", events.Create{Spec: events.DataplaneSpec{Account: "-/main"}}, "spec.account"},
		{acmeAdmin, "dataplane acme/eu", events.Update{Spec: events.DataplaneSpec{Account: "other/own"}}, "spec.account"},
		{operator, "dataplane acme/eu", events.Create{Spec: events.DataplaneSpec{Account: "-/main"}}, ""},
	} {
		kind, path, _ := strings.Cut(row.ref, " ")
		ref, _ := events.ParseRef(events.Kind(kind), path)
		err := row.who.DenyPayload(events.Builtin, ref, row.says)
		var r *events.Refusal
		switch {
		case row.field == "" && err != nil:
			t.Errorf("%s: %s %+v: %v", row.who.Role, row.ref, row.says, err)
		case row.field != "" && (!errors.As(err, &r) || r.Code != events.Denied || r.Details[0].Field != row.field):
			t.Errorf("%s: %s %+v: %v, want %s", row.who.Role, row.ref, row.says, err, row.field)
		}
	}
}

func TestATokenIsReadAsItIsWritten(t *testing.T) {
	id, secret, ok := events.SplitToken(events.WriteToken("01ID", "a_b"))
	if id != "01ID" || secret != "a_b" || !ok {
		t.Error(id, secret, ok)
	}
	for _, none := range []string{"", "aerie_", "aerie_x", "aerie__y", "aerie_x_", "other_x_y"} {
		if _, _, ok := events.SplitToken(none); ok {
			t.Errorf("%q is a token", none)
		}
	}
}
