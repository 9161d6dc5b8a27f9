package embedded_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/embedded"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/internal/natstest"
)

const patience = 10 * time.Second

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// streams makes the streams that rights are about, with one message each.
func streams(t *testing.T, s *embedded.Server) jetstream.JetStream {
	nc := natstest.Connect(t, s)
	ctx := deadline(t)
	g, err := filestore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := eventlog.Open(ctx, nc, nil, g); err != nil {
		t.Fatal(err)
	}
	if _, err := queue.OpenWork(ctx, nc); err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for name, subject := range map[string]string{"AERIE_QUEUE": "aerie.queue.>", "AERIE_TIMERS": "aerie.timer.>"} {
		if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{subject}, Storage: jetstream.MemoryStorage}); err != nil {
			t.Fatal(err)
		}
	}
	for _, subject := range []string{"aerie.append.acme.tenant.prod.requested", "aerie.work.-.-.tenant.acme.prod", "aerie.timer.x"} {
		if _, err := js.Publish(ctx, subject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	return js
}

func ends(t *testing.T, js jetstream.JetStream) map[string]uint64 {
	t.Helper()
	at := map[string]uint64{}
	for _, name := range []string{eventlog.Stream, queue.WorkStream, "AERIE_TIMERS"} {
		s, err := js.Stream(deadline(t), name)
		if err != nil {
			t.Fatal(err)
		}
		at[name] = s.CachedInfo().State.LastSeq
	}
	return at
}

// TestForbidden tries everything the admin's token must not be able to do.
func TestForbidden(t *testing.T) {
	s, token := natstest.Start(t)
	js := streams(t, s)
	before := ends(t, js)
	refused := make(chan string, 100)
	nc, err := nats.Connect(s.URL(), nats.Token(token), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err.Error() }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	expect := func(what, subject string) {
		t.Helper()
		select {
		case got := <-refused:
			if !strings.Contains(got, "Permissions Violation for "+what+" to \""+subject+"\"") {
				t.Errorf("%s to %s: %s", what, subject, got)
			}
		case <-time.After(patience):
			t.Errorf("%s to %s was not refused", what, subject)
		}
	}
	api := []string{
		"STREAM.CREATE.X", "STREAM.CREATE.AERIE_EVENTS", "STREAM.UPDATE.AERIE_EVENTS", "STREAM.DELETE.AERIE_EVENTS", "STREAM.PURGE.AERIE_EVENTS",
		"STREAM.MSG.DELETE.AERIE_EVENTS", "STREAM.SNAPSHOT.AERIE_EVENTS", "STREAM.RESTORE.AERIE_EVENTS", "STREAM.PEER.REMOVE.AERIE_EVENTS",
		"STREAM.LEADER.STEPDOWN.AERIE_EVENTS", "STREAM.DELETE.AERIE_WORK", "STREAM.PURGE.AERIE_WORK", "STREAM.PURGE.AERIE_QUEUE", "STREAM.DELETE.AERIE_TIMERS",
		"CONSUMER.CREATE.AERIE_WORK", "CONSUMER.CREATE.AERIE_WORK.c", "CONSUMER.CREATE.AERIE_QUEUE.c.aerie.queue.>", "CONSUMER.DURABLE.CREATE.AERIE_WORK.c",
		"CONSUMER.DELETE.AERIE_WORK.executor", "CONSUMER.MSG.NEXT.AERIE_WORK.executor", "CONSUMER.PAUSE.AERIE_EVENTS.c", "CONSUMER.RESET.AERIE_EVENTS.c",
		"CONSUMER.UNPIN.AERIE_WORK.executor", "ACCOUNT.PURGE.AERIE", "META.LEADER.STEPDOWN", "SERVER.REMOVE",
	}
	publishes := []string{
		"aerie.evt.acme.tenant.prod.activated", "aerie.append.acme.tenant.prod.activated", "aerie.work.-.-.tenant.acme.prod", "aerie.report.-.-.tenant.acme.prod",
		"aerie.timer.x", "aerie.due.x", "aerie.log.acme.tenant.prod", "aerie.gate.$JS.API.CONSUMER.CREATE.AERIE_EVENTS", "$JS.ACK.AERIE_WORK.executor.1.1.1.1.1",
		"$SYS.REQ.SERVER.PING", "_INBOX.someone", "anything",
	}
	for _, a := range api {
		publishes = append(publishes, "$JS.API."+a)
	}
	for _, subject := range publishes {
		if err := nc.PublishRequest(subject, nc.NewInbox(), []byte("{}")); err != nil {
			t.Fatal(err)
		}
		expect("Publish", subject)
	}
	if err := nc.Publish("_INBOX.admin.own", nil); err != nil || nc.Flush() != nil || len(refused) > 0 {
		t.Errorf("the own inbox is refused: %v", err)
	}
	for _, subject := range []string{">", "aerie.>", "aerie.cmd.>", "aerie.work.>", "aerie.report.>", "aerie.append.>", "aerie.queue.>", "$JS.>", "$SRV.>", "$SYS.>"} {
		if _, err := nc.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		expect("Subscription", subject)
	}
	if after := ends(t, js); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("streams stand at %v, before %v", after, before)
	}
}

// TestReplySubject tries to have an answer of the server delivered where the
// admin may not publish. In one account each of these lands in the log.
func TestReplySubject(t *testing.T) {
	s, token := natstest.Start(t)
	js := streams(t, s)
	before := ends(t, js)
	own := natstest.Connect(t, s)
	answered := make(chan struct{}, 100)
	if _, err := own.Subscribe("aerie.cmd.>", func(m *nats.Msg) { _ = m.Respond([]byte("answer")); answered <- struct{}{} }); err != nil {
		t.Fatal(err)
	}
	reports, err := own.SubscribeSync("aerie.report.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := own.Flush(); err != nil {
		t.Fatal(err)
	}
	nc := natstest.Admin(t, s, token)
	admin, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx := deadline(t)
	if _, err := admin.CreateConsumer(ctx, eventlog.Stream, jetstream.ConsumerConfig{Durable: "d"}); err != nil {
		t.Fatal(err)
	}
	asks := map[string]string{
		"$JS.API.INFO": "", "$JS.API.STREAM.INFO.AERIE_EVENTS": "", "$JS.API.STREAM.LIST": "", "$JS.API.STREAM.MSG.GET.AERIE_EVENTS": `{"seq":1}`,
		"$JS.API.DIRECT.GET.AERIE_EVENTS": `{"seq":1}`, "$JS.API.CONSUMER.MSG.NEXT.AERIE_EVENTS.d": "5", "$JS.API.CONSUMER.CREATE.AERIE_EVENTS": "{}",
		"aerie.cmd.acme.tenant.prod.retry": "{}", "aerie.queue.acme.tenant.prod.retry": "{}", "$SRV.PING": "",
	}
	targets := []string{"aerie.append.acme.tenant.prod.activated", "aerie.work.-.-.tenant.acme.prod", "aerie.report.-.-.tenant.acme.prod", "aerie.timer.x"}
	for subject, body := range asks {
		for _, to := range targets {
			m := &nats.Msg{Subject: subject, Reply: to, Data: []byte(body), Header: nats.Header{}}
			traced := &nats.Msg{Subject: subject, Data: []byte(body), Header: nats.Header{"Nats-Trace-Dest": {to}}}
			for _, m := range []*nats.Msg{m, traced} {
				if err := nc.PublishMsg(m); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for range targets {
		select {
		case <-answered:
		case <-ctx.Done():
			t.Fatal("a command was not answered")
		}
	}
	// A round trip over the same ways comes after all of the above.
	if _, err := admin.Stream(ctx, eventlog.Stream); err != nil {
		t.Fatal(err)
	}
	if err := own.Flush(); err != nil {
		t.Fatal(err)
	}
	if after := ends(t, js); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("streams stand at %v, before %v", after, before)
	}
	if n, _, _ := reports.Pending(); n != 0 {
		t.Errorf("%d forged reports", n)
	}
}

func TestPushConsumersAreRefused(t *testing.T) {
	s, token := natstest.Start(t)
	streams(t, s)
	nc := natstest.Admin(t, s, token)
	for _, body := range []string{
		`{"stream_name":"AERIE_EVENTS","config":{"deliver_subject":"aerie.report.-.-.tenant.acme.prod","ack_policy":"none"}}`,
		`{"stream_name":"AERIE_EVENTS","config":{"deliver_subject":"","Deliver_Subject":"aerie.report.x","ack_policy":"none"}}`,
		`{"stream_name":"AERIE_EVENTS","config":{"DELIVER_SUBJECT":"aerie.work.-.-.tenant.acme.prod"}}`,
		`{"stream_name":"AERIE_WORK","config":{"name":"c","ack_policy":"explicit"}}`,
		`not json`,
	} {
		m, err := nc.Request("$JS.API.CONSUMER.CREATE.AERIE_EVENTS", []byte(body), patience)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(m.Data), `"error"`) {
			t.Errorf("%s was answered %s", body, m.Data)
		}
	}
}

// TestAdminReads uses the ways of reading that the token gives.
func TestAdminReads(t *testing.T) {
	s, token := natstest.Start(t)
	streams(t, s)
	admin, err := jetstream.New(natstest.Admin(t, s, token))
	if err != nil {
		t.Fatal(err)
	}
	ctx := deadline(t)
	stream, err := admin.Stream(ctx, eventlog.Stream)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.GetMsg(ctx, 1); err != nil {
		t.Error("direct get:", err)
	}
	for name := range admin.StreamNames(ctx).Name() {
		if !strings.HasPrefix(name, "AERIE_") {
			t.Error("a stream called", name)
		}
	}
	ordered, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if m, err := ordered.Next(); err != nil || m.Subject() != "aerie.evt.acme.tenant.prod.requested" {
		t.Error("ordered consumer:", m, err)
	}
	durable, err := stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{Durable: "mine", AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	m, err := durable.Next()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.DoubleAck(ctx); err != nil {
		t.Error("ack:", err)
	}
	if info, err := durable.Info(ctx); err != nil || info.NumAckPending != 0 {
		t.Error("consumer info:", info, err)
	}
	if _, err := admin.Publish(ctx, "aerie.queue.acme.tenant.prod.retry", nil); err != nil {
		t.Error("queue a command:", err)
	}
	if err := stream.DeleteConsumer(ctx, "mine"); err != nil {
		t.Error("delete consumer:", err)
	}
}

func TestWithoutTokenNothing(t *testing.T) {
	s, _ := natstest.Start(t)
	for _, o := range [][]nats.Option{nil, {nats.Token("")}, {nats.Token("wrong")}, {nats.UserInfo("admin", "")}, {nats.UserInfo("aerie", "aerie")}} {
		nc, err := nats.Connect(s.URL(), o...)
		if err == nil {
			nc.Close()
			t.Error("was let in")
		}
	}
}

func TestPortTaken(t *testing.T) {
	s, _ := natstest.Start(t)
	addr := strings.TrimPrefix(s.URL(), "nats://")
	_, err := embedded.Start(embedded.Options{Dir: t.TempDir(), Addr: addr, Token: "x", Logger: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), addr) || !strings.Contains(err.Error(), "--nats") {
		t.Error(err)
	}
}

func TestListenNowhere(t *testing.T) {
	s, err := embedded.Start(embedded.Options{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	if s.URL() != "" {
		t.Error("listens on", s.URL())
	}
	streams(t, s)
	s.Shutdown()
}
