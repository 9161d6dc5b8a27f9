package process

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/internal/client"
)

// entity is one as get shows it.
func (p *process) entity(kind, name string) (e client.Entity) {
	p.t.Helper()
	s := p.cli("get", kind, name, "-o", "json")
	if err := json.Unmarshal([]byte(s.out), &e); err != nil {
		p.t.Fatalf("get %s %s: %+v\n%s", kind, name, s, p.log)
	}
	return e
}

// until waits until an entity is as it is to be.
func (p *process) until(kind, name string, is func(client.Entity) bool) (e client.Entity) {
	p.t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if e = p.entity(kind, name); is(e) {
			return e
		}
		if time.Now().After(end) {
			p.t.Fatalf("%s %s does not become as it is to be: %+v\n%s\n%s", kind, name, e.Status, p.cli("why", kind, name).out, p.log)
		}
	}
}

func in(phases ...string) func(client.Entity) bool {
	return func(e client.Entity) bool { return slices.Contains(phases, e.Phase) }
}

// theirRoles sets which roles the customer has.
func (a *emulatedAWS) theirRoles(roles []core.Role) {
	a.t.Helper()
	accounts, err := core.ReadAccounts(a.dir)
	if err == nil {
		accounts[1].Roles = roles
		err = core.WriteAccounts(a.dir, accounts)
	}
	if err != nil {
		a.t.Fatal(err)
	}
}

// TestRoleGoneAndPutBack takes the role away by which a customer's account is entered: the account is Failing, and says what
// is missing, because work in it fails, and another one because looks at what is there do. What is asked for meanwhile waits,
// what was under way is given up. When the role is back, everything goes on by itself: an account that fails is verified again
// now and then, and nobody has to ask for it.
func TestRoleGoneAndPutBack(t *testing.T) {
	t.Parallel()
	a, _ := emulateAWS(t, 0, nil)
	p := a.server("600")
	p.start()
	apply := func(text string, args ...string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "rights.yaml")
		overwrite(t, file, text)
		if s := p.cli(append([]string{"apply", "-f", file, "--timeout", "2m"}, args...)...); s.code != 0 {
			t.Fatalf("apply: %+v\n%s", s, p.log)
		}
	}
	first, err := os.ReadFile(a.life("1.34", false, "view", 3, "s2", "s4", "gold"))
	if err != nil {
		t.Fatal(err)
	}
	apply(string(first), "--wait")
	a.theirRoles(nil)
	verified := strings.Count(p.cli("history", "account", "main", "-o", "name").out, "verified")

	second := strings.NewReplacer("name: eu", "name: us", "eu-central-1", "us-east-1", "10.16", "10.32").Replace(string(first))
	apply(second)
	lost := p.until("account", "main", in("Failing"))
	if r := lost.Status.Reason; !strings.Contains(r.Message, "sts:AssumeRole") {
		t.Errorf("the account says %+v", r)
	}
	given := p.until("dataplane", "us", in("Failed", "Requested")) // a look may have found it before this was begun
	if r := given.Status.Reason; given.Phase == "Failed" && r.Code != "unauthorized" {
		t.Errorf("the dataplane says %+v", r)
	}
	if out := p.cli("describe", "dataplane", "us").out; !strings.Contains(out, "waits for account -/main") {
		t.Errorf("describe:\n%s", out)
	}
	apply(strings.NewReplacer("name: us", "name: west", "us-east-1", "us-west-2", "10.32", "10.48").Replace(second))
	p.until("dataplane", "west", in("Requested"))

	a.theirRoles(a.customer.Roles)
	for _, name := range []string{"us", "west"} {
		p.until("dataplane", name, in("Active"))
		p.until("tenantinfra", name+"_pg-small", in("Active"))
	}
	if now := strings.Count(p.cli("history", "account", "main", "-o", "name").out, "verified"); now == verified {
		t.Error("the account was not verified again")
	}

	// Nothing is asked for now: looks alone find that the role is gone.
	a.theirRoles(nil)
	p.until("account", "main", in("Failing"))
	a.theirRoles(a.customer.Roles)
	p.until("account", "main", in("Ready"))
	if s := p.cli("log", "verify"); s.code != 0 {
		t.Errorf("log verify: %+v", s)
	}
}
