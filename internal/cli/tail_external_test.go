package cli

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/oklog/ulid/v2"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/callout"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/internal/server"
)

// TestTailOnNATSServersOfOthers follows the log there, where nobody but aerie has JetStream: as a customer, who sees his own alone,
// and as staff; what was before, and what comes.
func TestTailOnNATSServersOfOthers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "callout.key")
	key, err := callout.MakeKey(file)
	if err != nil {
		t.Fatal(err)
	}
	config, err := key.Configuration()
	if err != nil {
		t.Fatal(err)
	}
	x := natstest.StartExternal(t, 1, func(o *natsserver.Options) {
		if err := o.ProcessConfigString(strings.Replace(config, "timeout: 10", "timeout: 60", 1)); err != nil { // a machine may be busy
			t.Fatal(err)
		}
	})
	c, err := server.Start(server.Settings{DataDir: t.TempDir(), HTTP: "127.0.0.1:0", NATSURL: x.URL(), CalloutKey: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	do := func(kind events.Kind, owner, id, verb, body string) (a events.Answer) {
		t.Helper()
		m := client.Command{Ref: events.Ref{Kind: kind, Owner: owner, ID: id}, Verb: verb, Body: []byte(body)}.Message(ulid.Make().String())
		answer, err := c.Conn.RequestMsg(m, natstest.Patience)
		if err != nil || answer.Header.Get("Nats-Service-Error-Code") != "" || json.Unmarshal(answer.Data, &a) != nil {
			t.Fatalf("%s: %v %+v", m.Subject, err, answer)
		}
		if err := c.Views.Await(t.Context(), a.Seq); err != nil { // until reads know of it
			t.Fatal(err)
		}
		return a
	}
	do(events.Customer, "acme", "acme", "create", `{}`)
	do(events.Customer, "birch", "birch", "create", `{}`)
	token := func(owner string, role events.Role) string {
		secret := fmt.Sprintf("%x", sha256.Sum256([]byte(role)))
		a := do(events.Token, owner, "reader", "create", fmt.Sprintf(`{"spec":{"role":%q,"hash":"%x","expires":"2040-01-01T00:00:00Z"}}`, role, sha256.Sum256([]byte(secret))))
		return events.WriteToken(a.Entity.UID, secret)
	}
	theirs, staff := token("acme", events.RoleCustomerViewer), token(events.Platform, events.RoleViewer)
	t.Setenv("AERIE_API_URL", c.APIURL())
	t.Setenv("AERIE_NATS_URL", x.URL())
	label := func(owner, value string) {
		t.Helper()
		do(events.Customer, owner, owner, "update", `{"labels":{"n":"`+value+`"}}`)
	}
	label("birch", "theirs")
	label("acme", "before")
	for _, row := range []struct {
		token, want string
		code        int
		args        []string
	}{
		{theirs, "customer acme labels_changed", 0, []string{"--once", "--type", "labels_changed"}},
		{theirs, "customer acme created", 0, []string{"--once", "--kind", "customer", "--type", "created", "--owner", "acme"}},
		{theirs, "", 0, []string{"--once", "--kind", "plan"}},
		{theirs, "denied", client.ExitRefused, []string{"--owner", "birch"}},
		{staff, "customer birch labels_changed\ncustomer acme labels_changed", 0, []string{"--once", "--type", "labels_changed"}},
	} {
		code, out, errs := runCLI(t.Context(), "", append(append([]string{"tail", "-o", "name"}, row.args...), "--token", row.token)...)
		if said := strings.TrimSpace(out); code != row.code || code == 0 && said != row.want || code != 0 && !strings.Contains(errs, row.want) {
			t.Errorf("%v: exit %d, %q, want %q; %s", row.args, code, said, row.want, errs)
		}
	}
	live := startTail(t, "tail", "--after", "0", "--type", "labels_changed", "-o", "json", "--token", theirs)
	live.expect(`"before"`)
	label("birch", "theirs-again")
	label("acme", "live")
	live.expect(`"live"`)
	label("acme", "more")
	live.expect(`"more"`)
}
