package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestStartWithoutConsumers starts a replica when people have taken all consumers that
// there may be.
func TestStartWithoutConsumers(t *testing.T) {
	t.Parallel()
	x := natstest.StartExternal(t, 1, nil)
	p := newReplica(t, x.URL(), filepath.Join(t.TempDir(), "cloud"), "0")
	p.start()
	c := p.call(x.URL())
	c.must(5)
	p.interrupt()
	x.TakeConsumers(natstest.Dial(t, x), eventlog.Stream)
	p.start()
	c.must(5)
	c.check()
	if !strings.Contains(p.log.String(), "without a consumer") {
		t.Errorf("the log does not say it:\n%s", p.log)
	}
	p.interrupt()
}

// TestAReplicaStartsThoughAPersonTookAllConsumers has a person, with the rights that docs/nats.md gives him, try for consumers of every stream that there is
// on three servers, and take all that he gets. A new replica starts all the same, reads what is there, and does what is asked.
func TestAReplicaStartsThoughAPersonTookAllConsumers(t *testing.T) {
	t.Parallel()
	const most = 12
	x := natstest.StartExternal(t, 3, func(o *server.Options) {
		o.Users = describedUsers()
		o.JetStreamLimits.DefaultMaxConsumers = most
	})
	as := func(name string) string { return strings.ReplaceAll(x.URL(), "nats://", "nats://"+name+":secret@") }
	cloud := filepath.Join(t.TempDir(), "cloud")
	first := newReplica(t, as("aerie"), cloud, "0")
	first.start()
	c := first.call(as("person"))
	c.untilTaken(c.next())
	ours, theirs := dialAs(t, as("aerie")), dialAs(t, as("person"))
	streams := unbound(t, ours)
	taken := map[string]int{}
	for _, stream := range streams {
		for n := range 2 * most {
			if takes(t, theirs, stream, fmt.Sprintf("theirs%d", n)) {
				taken[stream]++
			}
		}
	}
	if taken[eventlog.Stream] == 0 || len(taken) != 1 {
		t.Errorf("consumers taken: %v of %v, want some of the log alone", taken, streams)
	}
	second := newReplica(t, as("aerie"), cloud, "0")
	second.start()
	second.natsURL = as("person")
	first.kill() // what is left is the one that found no consumers
	if s := second.cli("apply", "-f", sharedOffer, "--wait", "--timeout", "2m"); s.code != 0 {
		t.Errorf("%+v\n%s", s, second.log)
	}
	second.interrupt()
}

func dialAs(t *testing.T, urls string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(urls, nats.MaxReconnects(-1), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// unbound has the log be as an early release made it, with no number of consumers of its own, and says which streams there are.
func unbound(t *testing.T, ours *nats.Conn) (names []string) {
	t.Helper()
	js, err := jetstream.New(ours)
	if err != nil {
		t.Fatal(err)
	}
	all := js.ListStreams(natstest.Deadline(t))
	for s := range all.Info() {
		names = append(names, s.Config.Name)
		if s.Config.Name != eventlog.Stream {
			continue
		}
		s.Config.MaxConsumers = -1
		if _, err := js.UpdateStream(natstest.Deadline(t), s.Config); err != nil {
			t.Fatal(err)
		}
	}
	if err := all.Err(); err != nil || len(names) < 4 {
		t.Fatal(names, err)
	}
	return names
}

// takes asks for a consumer in every way that there is, and tells whether one of them worked.
func takes(t *testing.T, nc *nats.Conn, stream, name string) (taken bool) {
	t.Helper()
	for _, subject := range []string{"CREATE." + stream + "." + name, "CREATE." + stream, "DURABLE.CREATE." + stream + "." + name,
		"CREATE." + eventlog.Stream + "." + name, "CREATE." + eventlog.Stream + "." + name + ".aerie.>"} { // the last two name another stream in the body
		config := map[string]any{"name": name, "ack_policy": "none", "mem_storage": true, "num_replicas": 1, "inactive_threshold": time.Hour}
		if strings.HasPrefix(subject, "DURABLE") {
			config["durable_name"], config["ack_policy"] = name, "explicit"
		}
		body, err := json.Marshal(map[string]any{"stream_name": stream, "config": config})
		if err != nil {
			t.Fatal(err)
		}
		m, err := nc.Request("$JS.API.CONSUMER."+subject, body, 200*time.Millisecond) // what is not allowed gets no answer
		if errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		var said struct{ Error *jetstream.APIError }
		if err := json.Unmarshal(m.Data, &said); err != nil {
			t.Fatal(err)
		}
		taken = taken || said.Error == nil
	}
	return taken
}
