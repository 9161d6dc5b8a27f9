package server

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/callout"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/natstest"
)

// calloutRig is a control plane on NATS servers of somebody else's, which ask it who comes in.
type calloutRig struct {
	*testing.T
	c     *Control
	other *Control // nil: there is one replica
	x     *natstest.External
	key   string        // the file
	admin *nats.Conn    // aerie's own
	over  []nats.Option // how callers reach the servers
}

func newCalloutRig(t *testing.T, change func(configuration string) string) (*calloutRig, error) {
	t.Helper()
	file, config := calloutKey(t, change)
	x := natstest.StartExternal(t, 1, func(o *server.Options) {
		if err := o.ProcessConfigString(config); err != nil {
			t.Fatal(err)
		}
	})
	c, err := Start(Settings{DataDir: t.TempDir(), HTTP: "127.0.0.1:0", NATSURL: x.URL(), CalloutKey: file})
	if err != nil {
		return nil, err
	}
	r := &calloutRig{T: t, c: c, x: x, key: file, admin: c.Conn}
	t.Cleanup(func() {
		if err := r.c.Close(); err != nil {
			t.Error(err)
		}
	})
	return r, nil
}

// calloutKey makes a key, and the configuration that goes with it.
func calloutKey(t *testing.T, change func(configuration string) string) (file, config string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "callout.key")
	key, err := callout.MakeKey(file)
	if err != nil {
		t.Fatal(err)
	}
	config, err = key.Configuration()
	if err != nil {
		t.Fatal(err)
	}
	config = strings.Replace(config, "timeout: 10", "timeout: 60", 1) // a machine may be busy
	if change != nil {
		config = change(config)
	}
	return file, config
}

// token makes a token of a customer's, and returns it with its id.
func (r *calloutRig) token(owner, name, role string) (token, id string) {
	r.Helper()
	secret := fmt.Sprintf("%x", sha256.Sum256([]byte(owner+name)))
	made := ask(r.T, r.admin, "aerie.cmd."+owner+".token."+name+".create", "", fmt.Sprintf(`{"spec":{"role":%q,"hash":"%x","expires":"2040-01-01T00:00:00Z"}}`, role, sha256.Sum256([]byte(secret))))
	entity, ok := made["entity"].(map[string]any)
	if !ok {
		r.Fatal(made)
	}
	id = entity["uid"].(string)
	return ev.WriteToken(id, secret), id
}

// machine makes a principal of a customer's that comes in by a key of its own, and returns its id, that key, and how it comes in.
func (r *calloutRig) machine(owner, name, role string) (id, public string, enter nats.Option) {
	r.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		r.Fatal(err)
	}
	if public, err = pair.PublicKey(); err != nil {
		r.Fatal(err)
	}
	made := ask(r.T, r.admin, "aerie.cmd."+owner+".principal."+name+".create", "", fmt.Sprintf(`{"spec":{"role":%q,"key":%q}}`, role, public))
	entity, ok := made["entity"].(map[string]any)
	if !ok {
		r.Fatal(made)
	}
	return entity["uid"].(string), public, nats.Nkey(public, pair.Sign)
}

// caller is somebody who has come in.
type caller struct {
	*nats.Conn
	id      string
	refused chan string
}

func (r *calloutRig) enter(id string, how nats.Option) *caller {
	r.Helper()
	return r.enterAt(r.x.URL(), id, how, nats.NoReconnect())
}

// enterAt enters at some of the servers.
func (r *calloutRig) enterAt(urls, id string, how ...nats.Option) *caller {
	r.Helper()
	p := &caller{id: id, refused: make(chan string, 1000)}
	var err error
	p.Conn, err = nats.Connect(urls, slices.Concat(r.over, how, []nats.Option{nats.CustomInboxPrefix("_INBOX." + id), nats.Timeout(natstest.Patience),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { p.refused <- err.Error() })})...)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(p.Close)
	return p
}

// TestCallersOnNATSServersOfOthers lives a customer's day there: people come in by a token and by a key, command, queue, read, hear
// their events, and are thrown out when their token is revoked.
func TestCallersOnNATSServersOfOthers(t *testing.T) {
	t.Parallel()
	r, err := newCalloutRig(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	ask(t, r.admin, "aerie.cmd.acme.customer.acme.create", "", `{}`)
	token, id := r.token("acme", "ci", "customer-admin")
	people := r.enter(id, nats.Token(token))
	from := "aerie.from." + id + "."
	live, err := people.SubscribeSync("aerie.evt.acme.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := people.Flush(); err != nil {
		t.Fatal(err)
	}

	made := ask(t, people.Conn, from+"cmd.acme.account.main.create", "", `{"spec":{"cloud":"sim","number":"4711","hosting":"customer","roleARN":"arn:aws:iam::123456789012:role/x","externalId":"acme-external"}}`)
	if code := errorCode(made); code == "denied" || code == "internal" {
		t.Fatal(made)
	}
	ask(t, people.Conn, from+"cmd.acme.agent.edge.create", "", `{"spec":{"nosuch":1}}`)
	bolt := ask(t, people.Conn, from+"cmd.acme.tenant.prod.create", "", `{"spec":{"plan":"free"}}`)
	if code := errorCode(bolt); code != "invalid" {
		t.Error("a tenant on a plan that is not there:", bolt)
	}
	second, secondID := r.token("acme", "second", "customer-viewer")
	heard := map[string]bool{}
	for !heard["aerie.evt.acme.token.second.created"] {
		m, err := live.NextMsg(natstest.Patience)
		if err != nil {
			t.Fatal(err, heard)
		}
		if m.Header.Get("Nats-Sequence") == "" || m.Header.Get("ce-actor") == "" {
			t.Error(m.Header)
		}
		heard[m.Subject] = true
	}

	ack, err := people.Request(from+"queue.acme.application.prod_web.create", []byte(`{"spec":{}}`), natstest.Patience)
	if err != nil || !strings.Contains(string(ack.Data), `"stream":"AERIE_QUEUE"`) {
		t.Fatal(err, ack)
	}
	for {
		m, err := live.NextMsg(natstest.Patience)
		if err != nil {
			t.Fatal("the refusal of what was queued is not told: ", err)
		}
		if strings.HasPrefix(m.Subject, "aerie.evt.acme.command.") {
			if got := m.Header.Get("ce-actor"); got != "token:"+id {
				t.Error("what was queued is", got, "'s")
			}
			break
		}
	}

	if astray := ask(t, people.Conn, from+"queue.acme.too.many.tokens.here", "", `{}`); errorCode(astray) != "invalid" {
		t.Error("what nothing would keep is answered", astray)
	}

	viewer := r.enter(secondID, nats.Token(second))
	past, err := viewer.Request("aerie.from."+secondID+".read.acme.events", []byte(`{"after":0,"limit":100}`), natstest.Patience)
	if err != nil || !strings.Contains(string(past.Data), `"owner":"acme"`) {
		t.Fatal(err, past)
	}
	if err := viewer.Publish("aerie.from."+secondID+".cmd.acme.tenant.prod.delete", nil); err != nil {
		t.Fatal(err)
	}
	r.violates(viewer, "a viewer's command")

	robotID, public, signed := r.machine("acme", "robot", "customer-viewer")
	robot := r.enter(robotID, signed)
	if past, err := robot.Request("aerie.from."+robotID+".read.acme.events", nil, natstest.Patience); err != nil || !strings.Contains(string(past.Data), `"owner":"acme"`) {
		t.Error(err, past)
	}
	if _, err := nats.Connect(r.x.URL(), nats.Nkey(public, func([]byte) ([]byte, error) { return make([]byte, 64), nil })); err == nil {
		t.Error("another signature lets in")
	}

	cl, err := client.New(r.c.APIURL(), r.x.URL(), token)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	says := func(owner string) string {
		_, err := cl.Ask(t.Context(), client.Command{Ref: ev.Ref{Kind: ev.Tenant, Owner: owner, ID: "prod"}, Verb: ev.VerbCreate, Body: []byte(`{"spec":{"plan":"free"}}`)}.Message("by-client-"+owner))
		var refusal *ev.Refusal
		if !errors.As(err, &refusal) {
			return fmt.Sprint(err)
		}
		return string(refusal.Code)
	}
	if own, others := says("acme"), says("birch"); own != "invalid" || others != "denied" {
		t.Errorf("the client is answered %q about its own and %q about another's", own, others)
	}

	ended := viewer.StatusChanged(nats.CLOSED)
	ask(t, r.admin, "aerie.cmd.acme.token.second.revoke", "", `{}`)
	select {
	case <-ended:
	case <-time.After(natstest.Patience):
		t.Error("a revoked token's connection goes on")
	}
	if nc, err := nats.Connect(r.x.URL(), nats.Token(second)); err == nil {
		nc.Close()
		t.Error("a revoked token lets in")
	}
	another, err := Start(Settings{DataDir: t.TempDir(), HTTP: "127.0.0.1:0", NATSURL: r.x.URL(), CalloutKey: r.key})
	if err != nil {
		t.Fatal(err)
	}
	if err := another.StopTaking(); err != nil { // whom it has let in, and who was there, goes on with the first
		t.Fatal(err)
	}
	if again := ask(t, people.Conn, from+"cmd.acme.tenant.prod.create", "", `{"spec":{"plan":"free"}}`); errorCode(again) != "invalid" {
		t.Error(again)
	}
	if err := another.Close(); err != nil {
		t.Error(err)
	}
	answer, err := http.Get(r.c.APIURL() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var ready struct{ Log string }
	if err := json.NewDecoder(answer.Body).Decode(&ready); err != nil || !strings.Contains(ready.Log, "agents do not come in") {
		t.Errorf("/readyz does not say what is weaker: %v %+v", err, ready)
	}
}

// violates waits until the server says that somebody may not.
func (r *calloutRig) violates(p *caller, what string) {
	r.Helper()
	select {
	case got := <-p.refused:
		if !strings.Contains(strings.ToLower(got), "permissions violation") {
			r.Errorf("%s: %s", what, got)
		}
	case <-time.After(natstest.Patience):
		r.Errorf("%s is not refused", what)
	}
}

// TestAHostileCustomerOnNATSServersOfOthers has a customer's admin, with valid credentials, try there what is not his to do.
func TestAHostileCustomerOnNATSServersOfOthers(t *testing.T) {
	t.Parallel()
	r, err := newCalloutRig(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, customer := range []string{"acme", "birch"} {
		ask(t, r.admin, "aerie.cmd."+customer+".customer."+customer+".create", "", `{}`)
	}
	r.hostileList(r.x.URL(), r.x.URL())
}

// hostileList has a customer's admin who has entered at one server try what is not his to do, with another's at another server.
func (r *calloutRig) hostileList(evilAt, victimAt string) {
	t := r.T
	t.Helper()
	token, id := r.token("acme", "evil", "customer-admin")
	victimToken, victimID := r.token("birch", "victim", "customer-admin")
	evil, victim := r.enterAt(evilAt, id, nats.Token(token)), r.enterAt(victimAt, victimID, nats.Token(victimToken))
	heard, err := victim.SubscribeSync("aerie.evt.birch.>")
	if err != nil {
		t.Fatal(err)
	}
	inbox, err := victim.SubscribeSync("_INBOX." + victimID + ".>")
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Flush(); err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(r.admin)
	if err != nil {
		t.Fatal(err)
	}
	state := func() (all string) {
		for _, name := range []string{"AERIE_EVENTS", "AERIE_QUEUE", "AERIE_WORK", "AERIE_TIMERS"} {
			s, err := js.Stream(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			all += name + " " + text([]any{s.CachedInfo().Config, s.CachedInfo().State.Consumers}) + "\n"
		}
		for seq, end := uint64(1), r.last(js); seq <= end; seq++ {
			e, err := r.c.Log.Read(t.Context(), seq)
			if err != nil {
				t.Fatal(err)
			}
			if e.Ref.Owner != "acme" {
				all += fmt.Sprintln(seq, e.Ref, e.Event.Type())
			}
		}
		for _, d := range ev.Builtin.All() {
			var list struct{ Items []map[string]any }
			if err := json.Unmarshal([]byte(fetch(t, r.c, r.c.Token, "/v1/"+d.Plural)), &list); err != nil {
				t.Fatal(err)
			}
			list.Items = slices.DeleteFunc(list.Items, func(item map[string]any) bool { return item["owner"] == "acme" })
			all += d.Plural + " " + text(list.Items) + "\n"
		}
		return all
	}
	before := state()
	unchanged := func(after string) {
		t.Helper()
		if now := state(); now != before {
			t.Fatalf("after %s the streams are\n%sand were\n%s", after, now, before)
		}
	}

	own, of := "aerie.from."+id+".", "aerie.from."+victimID+"."
	publishes := []string{own + "cmd.birch.tenant.prod.delete", own + "cmd.-.plan.free.delete", own + "queue.birch.tenant.prod.delete", own + "read.birch.events", own + "read.-.events",
		own + "read.>", own + "probe", own + "append.x", own + "agent.acme.eu.owed", "aerie.from.x.cmd.acme.tenant.prod.delete", "aerie.from.*.cmd.acme.tenant.prod.delete",
		of + "cmd.birch.tenant.prod.delete", of + "cmd.acme.tenant.prod.delete", of + "queue.birch.tenant.prod.delete", of + "read.birch.events", of + "read.acme.events", of + "probe",
		"aerie.cmd.acme.tenant.prod.delete", "aerie.cmd.birch.tenant.prod.delete", "aerie.queue.acme.tenant.prod.delete", "aerie.read.birch.events",
		"aerie.evt.acme.tenant.prod.activated", "aerie.evt.birch.tenant.prod.activated", "aerie.shown.birch.tenant.prod.activated", "aerie.answer." + victimID + ".x", "aerie.append.acme.tenant.prod.activated",
		"aerie.work.-.-.tenant.acme.prod", "aerie.report.-.-.tenant.acme.prod", "aerie.timer.x", "aerie.due.x", "aerie.log.acme.tenant.prod", "aerie.hint.birch.eu", "aerie.relay.x", "aerie.gate.x",
		"_INBOX." + victimID + ".x", "_INBOX.x", "_R_.x", "$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO", "$SYS.REQ.USER.AUTH", "$SYS.REQ.ACCOUNT.AERIE_CLIENTS.CONNZ", "$SYS.REQ.ACCOUNT.PING.CONNZ",
		"$SYS.REQ.SERVER.X.KICK", "$SRV.PING", "$SRV.INFO", "$KV.AERIE_PEOPLE.x", "$KV.AERIE_KEYS.ca", "$JS.ACK.AERIE_EVENTS.x.1.1.1.1.1", "anything"}
	for _, api := range []string{"INFO", "STREAM.NAMES", "STREAM.LIST", "STREAM.INFO.AERIE_EVENTS", "STREAM.CREATE.X", "STREAM.UPDATE.AERIE_EVENTS", "STREAM.DELETE.AERIE_EVENTS",
		"STREAM.PURGE.AERIE_EVENTS", "STREAM.MSG.GET.AERIE_EVENTS", "STREAM.MSG.DELETE.AERIE_EVENTS", "STREAM.SNAPSHOT.AERIE_EVENTS", "DIRECT.GET.AERIE_EVENTS", "DIRECT.GET.AERIE_EVENTS.1",
		"CONSUMER.CREATE.AERIE_EVENTS", "CONSUMER.CREATE.AERIE_EVENTS.c.aerie.evt.acme.>", "CONSUMER.DURABLE.CREATE.AERIE_EVENTS.c", "CONSUMER.NAMES.AERIE_EVENTS", "CONSUMER.LIST.AERIE_EVENTS",
		"CONSUMER.INFO.AERIE_EVENTS.c", "CONSUMER.DELETE.AERIE_EVENTS.c", "CONSUMER.MSG.NEXT.AERIE_EVENTS.c", "META.LEADER.STEPDOWN", "ACCOUNT.PURGE.AERIE"} {
		publishes = append(publishes, "$JS.API."+api)
	}
	for _, subject := range publishes {
		if err := evil.PublishRequest(subject, "_INBOX."+id+".mine", []byte("{}")); err != nil {
			t.Fatal(err)
		}
		r.violates(evil, "publish "+subject)
		unchanged("publish " + subject)
	}
	for _, trace := range []string{"aerie.evt.birch.tenant.prod.activated", "_INBOX." + victimID + ".x", "aerie.append.x"} {
		m := nats.NewMsg(own + "read.acme.events")
		m.Header.Set("Nats-Trace-Dest", trace)
		if err := evil.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
		r.violates(evil, "a trace to "+trace)
		unchanged("a trace to " + trace)
	}
	for _, subject := range []string{">", "*", "aerie.>", "aerie.evt.>", "aerie.evt.birch.>", "aerie.evt.*.tenant.>", "aerie.from.>", own + ">", of + ">", "aerie.shown.>", "aerie.answer.>", "aerie.cmd.>",
		"aerie.cmd.acme.>", "aerie.read.>", "aerie.queue.>", "aerie.report.>", "_INBOX.>", "_INBOX.*.*", "_INBOX." + victimID + ".>", "_R_.>", "$SYS.>", "$SYS.REQ.USER.AUTH", "$JS.>", "$SRV.>"} {
		if _, err := evil.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		r.violates(evil, "subscribe "+subject)
		unchanged("subscribe " + subject)
	}
	// What he may ask, with an answer that is to go elsewhere, and with what only servers and aerie write.
	asked := 0
	for _, reply := range []string{"aerie.evt.birch.tenant.prod.activated", "aerie.evt.acme.tenant.prod.activated", "_INBOX." + victimID + ".x", "_INBOX.x", "_INBOX." + id, "_INBOX." + id + "x.y",
		of + "cmd.birch.tenant.prod.delete", own + "cmd.acme.tenant.prod.delete", "aerie.append.acme.tenant.prod.activated", "aerie.shown.birch.x", "$JS.API.STREAM.DELETE.AERIE_EVENTS", "$SYS.REQ.USER.AUTH"} {
		for _, what := range []string{"read.acme.events", "cmd.acme.tenant.prod.nosuch", "queue.acme.tenant.prod.nosuch", "queue.acme.too.many.tokens.are.here", "read.acme.nosuch"} {
			m := &nats.Msg{Subject: own + what, Reply: reply, Data: []byte("{}"), Header: nats.Header{}}
			m.Header.Set(ev.HeaderRequestInfo, `{"acc":"AERIE","user":"admin"}`)
			m.Header.Set(ev.HeaderCaller, `{"actor":"admin","role":"admin","owner":"-"}`)
			if err := evil.PublishMsg(m); err != nil {
				t.Fatal(err)
			}
			if _, err := evil.Request(own+"read.acme.events", []byte(`{"limit":1}`), natstest.Patience); err != nil { // what was asked before is taken
				t.Fatal(err)
			}
			unchanged(what + " with an answer to " + reply)
			asked++
		}
	}
	past, err := evil.Request(own+"read.acme.events", []byte(`{"after":0,"limit":200}`), natstest.Patience)
	if err != nil || !strings.Contains(string(past.Data), `"owner":"acme"`) || strings.Contains(string(past.Data), "birch") {
		t.Errorf("%v %s", err, past.Data)
	}
	t.Log(len(publishes)+3+24+asked, "attempts")

	for what, enter := range map[string][]nats.Option{
		"nothing":                   nil,
		"aerie's key, another sign": {nats.Nkey(r.ownKey(), func([]byte) ([]byte, error) { return make([]byte, 64), nil })},
		"a user and a password":     {nats.UserInfo("aerie", "aerie")},
		"the local token":           {nats.Token(r.c.Token)},
		"a probe of his own making": {nats.Token("aerie-probe.X.1.AAAA")},
		"a token that is too long":  {nats.Token(strings.Repeat("x", 5000))},
		"half a token":              {nats.Token(token[:len(token)-1])},
	} {
		if nc, err := nats.Connect(evilAt, slices.Concat(r.over, enter, []nats.Option{nats.NoReconnect()})...); err == nil {
			nc.Close()
			t.Error(what, "lets in")
		}
		unchanged("entering with " + what)
	}
	// All that evil asked was taken before this command's answer, and what came of it was sent before that one's event.
	ask(t, victim.Conn, of+"cmd.birch.tenant.prod.nosuch", "", `{}`)
	ask(t, r.admin, "aerie.cmd.birch.customer.birch.update", "", `{"labels":{"last":"yes"},"spec":{}}`)
	for {
		m, err := heard.NextMsg(natstest.Patience)
		if err != nil {
			t.Fatal(err)
		}
		if m.Header.Get("ce-id") == "" {
			t.Errorf("the victim takes for an event: %s %s", m.Subject, m.Data)
		}
		if strings.HasPrefix(m.Subject, "aerie.evt.birch.customer.birch.") && !strings.HasSuffix(m.Subject, ".created") {
			break
		}
	}
	for {
		m, err := inbox.NextMsg(time.Millisecond)
		if err != nil {
			break
		}
		if !strings.Contains(string(m.Data), "nosuch") || !strings.Contains(string(m.Data), "verb") {
			t.Errorf("the victim's inbox hears %s %s", m.Subject, m.Data)
		}
	}
}

func (r *calloutRig) last(js jetstream.JetStream) uint64 {
	r.Helper()
	s, err := js.Stream(r.Context(), "AERIE_EVENTS")
	if err != nil {
		r.Fatal(err)
	}
	return s.CachedInfo().State.LastSeq
}

func (r *calloutRig) ownKey() string {
	r.Helper()
	enter, err := r.c.callout.Enter()
	if err != nil {
		r.Fatal(err)
	}
	var o nats.Options
	if err := enter(&o); err != nil {
		r.Fatal(err)
	}
	return o.Nkey
}

// TestACalloutThatDoesNotWork starts on servers that are configured otherwise than aerie needs them: the start says so, and what to do.
func TestACalloutThatDoesNotWork(t *testing.T) {
	t.Parallel()
	other, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	public, err := other.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	for what, row := range map[string]struct{ from, to, says string }{
		"no callout":       {`(?s)authorization .*`, ``, "do not ask"},
		"another's key":    {`issuer: \w+`, "issuer: " + public, "do not ask"},
		"nothing crosses":  {`{stream: {account: AERIE_CLIENTS.*`, ``, "does not come to aerie"},
		"nobody is ended":  {`{service: {account: SYS, subject: "\$SYS.REQ.SERVER.*`, ``, "end connections"},
		"nobody is listed": {`{service: {account: SYS, subject: "\$SYS.REQ.ACCOUNT.*`, ``, "connections"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			_, err := newCalloutRig(t, func(c string) string { return regexp.MustCompile(row.from).ReplaceAllString(c, row.to) })
			if err == nil || !strings.Contains(err.Error(), row.says) || !strings.Contains(err.Error(), "aerie auth nats-config") {
				t.Error(err)
			}
		})
	}
}
