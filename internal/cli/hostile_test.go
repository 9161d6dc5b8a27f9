package cli

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestAHostileCustomerOverNATS has a customer's admin, with valid credentials, try what is not his to do: each attempt is refused, and
// after each the streams and the views say of others what they said before. Nothing is told to another.
func TestAHostileCustomerOverNATS(t *testing.T) {
	m := newMatrix(t)
	id, _, _ := events.SplitToken(m.tokens[events.RoleCustomerAdmin])
	inbox := "_INBOX." + id
	refused := make(chan string, 1000)
	evil, err := nats.Connect(os.Getenv("AERIE_NATS_URL"), nats.Token(m.tokens[events.RoleCustomerAdmin]), nats.CustomInboxPrefix(inbox),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err.Error() }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(evil.Close)
	admin, err := nats.Connect(os.Getenv("AERIE_NATS_URL"), nats.Token(os.Getenv("AERIE_TOKEN")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(admin.Close)
	others, err := admin.SubscribeSync("_INBOX.victim.>")
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(admin)
	if err != nil {
		t.Fatal(err)
	}
	state := func() (all string) {
		for _, name := range []string{"AERIE_EVENTS", "AERIE_QUEUE", "AERIE_WORK", "AERIE_TIMERS"} {
			s, err := js.Stream(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			i := s.CachedInfo()
			all += name + " " + string(mustJSON(t, []any{i.Config, i.State.Consumers})) + "\n"
		}
		for _, owner := range []string{"birch", events.Platform} { // what is acme's may go on
			read, err := admin.Request("aerie.read."+owner+".events", nil, 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			var page struct{ Items []json.RawMessage }
			if err := json.Unmarshal(read.Data, &page); err != nil || len(page.Items) == 0 {
				t.Fatal(err, string(read.Data))
			}
			all += owner + " " + string(mustJSON(t, page.Items)) + "\n"
		}
		for _, d := range events.Builtin.All() {
			said, err := m.client(events.RoleAdmin).Get(t.Context(), "/v1/"+d.Plural, nil)
			if err != nil {
				t.Fatal(err)
			}
			var list struct{ Items []map[string]any }
			if err := json.Unmarshal(said, &list); err != nil {
				t.Fatal(err, string(said))
			}
			list.Items = slices.DeleteFunc(list.Items, func(item map[string]any) bool { return item["owner"] == "acme" })
			all += d.Plural + " " + string(mustJSON(t, list.Items)) + "\n"
		}
		return all
	}
	before, attempts := state(), 0
	unchanged := func(what string) {
		t.Helper()
		attempts++
		if after := state(); after != before {
			t.Fatalf("%s: the streams and views were\n%sand are\n%s", what, before, after)
		}
	}
	expect := func(what string) {
		t.Helper()
		select {
		case got := <-refused:
			if !strings.Contains(strings.ToLower(got), "permissions violation") {
				t.Errorf("%s: %s", what, got)
			}
		case <-time.After(natstest.Patience):
			t.Errorf("%s is not refused", what)
		}
		unchanged(what)
	}
	publishes := []string{"aerie.evt.acme.tenant.prod.activated", "aerie.evt.birch.tenant.prod.activated", "aerie.append.acme.tenant.prod.activated",
		"aerie.cmd.birch.tenant.prod.delete", "aerie.cmd.-.plan.free.delete", "aerie.queue.birch.tenant.prod.delete", "aerie.queue.-.plan.free.retire",
		"aerie.read.birch.events", "aerie.read.-.events", "aerie.read.>", "aerie.relay.aerie.queue.acme.tenant.prod.delete", "aerie.gate.$JS.API.CONSUMER.CREATE.AERIE_EVENTS",
		"aerie.work.-.-.tenant.acme.prod", "aerie.report.-.-.tenant.acme.prod", "aerie.timer.x", "aerie.due.x", "aerie.log.acme.tenant.prod", "_INBOX.victim.x", "_R_.x",
		"$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO", "$SRV.PING", "$SRV.INFO", "$KV.x.y", "$JS.ACK.AERIE_EVENTS.x.1.1.1.1.1", "anything",
		"aerie.cmd.birch.token.ci.revoke", "aerie.queue.birch.token.ci.revoke", "aerie.cmd.-.token.mine.create", "aerie.cmd.*.tenant.prod.delete", "aerie.cmd.>",
		"aerie.agent.birch.eu.owed", "aerie.hint.birch.eu", "aerie.from.x.cmd.birch.tenant.prod.delete", "aerie.shown.birch.tenant.prod.activated", "aerie.answer.victim.x",
		"_INBOX.x", "$KV.AERIE_PEOPLE.x", "$KV.AERIE_KEYS.ca", "$SYS.REQ.USER.AUTH", "$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.SERVER.X.KICK"}
	for _, api := range []string{"INFO", "STREAM.NAMES", "STREAM.LIST", "STREAM.INFO.AERIE_EVENTS", "STREAM.CREATE.X", "STREAM.UPDATE.AERIE_EVENTS", "STREAM.DELETE.AERIE_EVENTS",
		"STREAM.PURGE.AERIE_EVENTS", "STREAM.MSG.GET.AERIE_EVENTS", "STREAM.MSG.DELETE.AERIE_EVENTS", "STREAM.SNAPSHOT.AERIE_EVENTS", "DIRECT.GET.AERIE_EVENTS", "DIRECT.GET.AERIE_EVENTS.1",
		"CONSUMER.CREATE.AERIE_EVENTS", "CONSUMER.CREATE.AERIE_EVENTS.c.aerie.evt.acme.>", "CONSUMER.DURABLE.CREATE.AERIE_EVENTS.c", "CONSUMER.NAMES.AERIE_EVENTS", "CONSUMER.LIST.AERIE_EVENTS",
		"CONSUMER.INFO.AERIE_EVENTS.c", "CONSUMER.DELETE.AERIE_EVENTS.c", "CONSUMER.MSG.NEXT.AERIE_EVENTS.c", "META.LEADER.STEPDOWN", "ACCOUNT.PURGE.AERIE",
		"STREAM.RESTORE.AERIE_EVENTS", "STREAM.PEER.REMOVE.AERIE_EVENTS", "STREAM.LEADER.STEPDOWN.AERIE_EVENTS", "CONSUMER.PAUSE.AERIE_EVENTS.c", "CONSUMER.UNPIN.AERIE_EVENTS.c"} {
		publishes = append(publishes, "$JS.API."+api)
	}
	for _, subject := range publishes {
		if err := evil.PublishRequest(subject, inbox+".mine", []byte("{}")); err != nil {
			t.Fatal(err)
		}
		expect("publish " + subject)
	}
	for _, subject := range []string{">", "*", "aerie.>", "aerie.evt.>", "aerie.evt.birch.>", "aerie.evt.*.tenant.>", "aerie.cmd.>", "aerie.cmd.acme.>", "aerie.read.>", "aerie.queue.>",
		"aerie.report.>", "aerie.relay.>", "_INBOX.>", "_INBOX.*.*", "_INBOX.victim.>", "_R_.>", "$SYS.>", "$JS.>", "$SRV.>"} {
		if _, err := evil.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		expect("subscribe " + subject)
	}
	mine, err := evil.SubscribeSync(inbox + ".own")
	if err != nil {
		t.Fatal(err)
	}
	if err := evil.Publish(inbox+".own", []byte("to myself")); err != nil {
		t.Fatal(err)
	}
	if m, err := mine.NextMsg(10 * time.Second); err != nil || string(m.Data) != "to myself" {
		t.Errorf("the own inbox does not hear: %v", err)
	}
	// What he may ask, with an answer that is to go elsewhere: it goes to nobody.
	for _, reply := range []string{"aerie.append.acme.tenant.prod.activated", "aerie.evt.birch.tenant.prod.activated", "_INBOX.victim.x", "aerie.cmd.birch.tenant.prod.delete", "$JS.API.STREAM.DELETE.AERIE_EVENTS"} {
		for _, subject := range []string{"aerie.read.acme.events", "aerie.cmd.acme.tenant.prod.nosuch", "aerie.queue.acme.tenant.prod.nosuch.too.many"} {
			if err := evil.PublishRequest(subject, reply, []byte("{}")); err != nil {
				t.Fatal(err)
			}
			if err := evil.Flush(); err != nil {
				t.Fatal(err)
			}
			unchanged(subject + " with an answer to " + reply)
		}
	}
	past, err := evil.Request("aerie.read.acme.events", []byte(`{"after":0,"limit":200}`), 10*time.Second)
	if err != nil || !strings.Contains(string(past.Data), `"owner":"acme"`) || strings.Contains(string(past.Data), "birch") {
		t.Errorf("%v %s", err, past.Data)
	}
	if attempts < 100 {
		t.Errorf("only %d attempts", attempts)
	}
	if n, _, _ := others.Pending(); n > 0 {
		t.Error(n, "messages for another")
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
