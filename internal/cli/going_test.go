package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

const closing = "kind: customer\nname: acme\n"

// goingCustomer puts a customer that goes away with its tenant, until the server has been read so often.
func goingCustomer(s *standIn, reads int) {
	phases := map[events.Kind][2]string{events.Customer: {"Closing", "Closed"}, events.Tenant: {"Deleting", "Deleted"}}
	s.put(client.Entity{Kind: events.Customer, Owner: "acme", ID: "acme", UID: "u0", Phase: "Closing"})
	s.put(client.Entity{Kind: events.Tenant, Owner: "acme", ID: "prod", UID: "u0", Phase: "Deleting", Spec: []byte(`{"plan":"free"}`)})
	s.put(client.Entity{Kind: events.Plan, Owner: "-", ID: "free", Phase: "Released"})
	s.later = func(all map[events.Ref]client.Entity, read int) {
		for ref, e := range all {
			if going := phases[ref.Kind]; e.UID == "u0" && e.Phase == going[0] && read > reads {
				e.Phase = going[1]
				all[ref] = e
			}
		}
	}
}

// What goes away is not as wanted, whatever it looks like: all of it is refused in one answer, and nothing is sent.
func TestApplyOfWhatGoesAwayIsRefused(t *testing.T) {
	s := newStandIn(t)
	goingCustomer(s, 1000)
	docs := closing + "---\nkind: tenant\nname: prod\nowner: acme\nspec: {plan: free}\n"
	code, out, errs := s.run(docs, "apply", "-f", "-")
	want := "error: refused: manifests: faults: 2; nothing was sent\n" +
		"  -:document 1 (customer acme/acme): refused: is being deleted (Closing): apply it again when it is gone, or with --wait (line 1)\n" +
		"  -:document 2 (tenant acme/prod): refused: is being deleted (Deleting): apply it again when it is gone, or with --wait (line 4)\n"
	if code != 3 || out != "" || errs != want || len(s.commands()) > 0 {
		t.Errorf("exit %d, %s%s, sent %q", code, out, errs, s.commands())
	}
	if code, out, _ = s.run(closing, "apply", "-f", "-"); code != 3 || out != "" || len(s.commands()) > 0 {
		t.Errorf("one alone: exit %d, %s, sent %q", code, out, s.commands())
	}
	_, out, _ = s.run(closing, "diff", "-f", "-")
	if want := "create customer acme (with apply --wait, when the one that is Closing is gone)\n+ spec:\n+   displayName: \"\"\n+   hosting: provider\n"; out != want {
		t.Errorf("diff: %s", out)
	}
	code, out, _ = s.run(closing, "apply", "-f", "-", "--wait", "--dry-run")
	if want := "customer acme would be created when the one that is being deleted is gone\n"; code != 0 || out != want || len(s.commands()) > 0 {
		t.Errorf("dry run: exit %d, %s", code, out)
	}
}

// With --wait it is made anew when it is gone.
func TestApplyWaitMakesAnewWhatGoesAway(t *testing.T) {
	s := newStandIn(t)
	goingCustomer(s, 8)
	code, out, errs := s.run(closing+"---\nkind: tenant\nname: prod\nowner: acme\nspec: {plan: free}\n", "apply", "-f", "-", "--wait", "--timeout", "20s")
	if code != 0 || errs != "" || !strings.Contains(out, "customer acme: Closing\ncustomer acme: Closed\ncustomer acme created\n") || !strings.HasSuffix(out, "tenant acme/prod created\ncustomer acme: Active\ntenant acme/prod: Active\n") {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	if sent := s.commands(); !slices.Equal(sent, []string{"create customer acme/acme", "create tenant acme/prod"}) {
		t.Errorf("sent %q", sent)
	}
}

// A command that waits does not end well if somebody deletes what it made.
func TestWaitingForWhatIsDeletedFails(t *testing.T) {
	for phase, want := range map[string]int{"Closing": 3, "Closed": 4} {
		s := newStandIn(t)
		s.put(client.Entity{Kind: events.Customer, Owner: "acme", ID: "acme", UID: "u1", Phase: "Active"})
		s.later = func(all map[events.Ref]client.Entity, read int) {
			for ref, e := range all {
				if e.Phase = "Active"; read > 1 {
					e.Phase = phase
				}
				all[ref] = e
			}
		}
		if code, out, errs := s.run(closing, "apply", "-f", "-", "--wait", "--timeout", "20s"); code != want {
			t.Errorf("exit %d, %s%s", code, out, errs)
		}
	}
}
