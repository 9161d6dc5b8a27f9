package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/oklog/ulid/v2"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

// caller gives commands, and keeps what they were answered.
type caller struct {
	t        *testing.T
	client   *client.Client
	log      func() string
	n        int
	answered map[string]events.Answer // by command id
}

// call makes a caller of a server; its NATS may be reached elsewhere.
func (p *process) call(natsURL string) *caller {
	p.t.Helper()
	token, err := os.ReadFile(filepath.Join(p.dir, "token"))
	if err != nil {
		p.t.Fatal(err)
	}
	cl, err := client.New(p.apiURL, natsURL, strings.TrimSpace(string(token)))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(cl.Close)
	return &caller{t: p.t, client: cl, log: func() string { return p.log.String() }, answered: map[string]events.Answer{}}
}

// next is a command that was not given yet, of some size.
func (c *caller) next() *nats.Msg {
	c.n++
	name := fmt.Sprintf("n%d", c.n)
	m := nats.NewMsg("aerie.cmd." + name + ".customer." + name + ".create")
	m.Header.Set("Nats-Msg-Id", ulid.Make().String())
	m.Data = []byte(`{"spec":{"displayName":"` + strings.Repeat("x", 60) + `"}}`)
	return m
}

// ask gives a command once.
func (c *caller) ask(m *nats.Msg) error {
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	a, err := c.client.Ask(ctx, m)
	if err == nil {
		c.answered[m.Header.Get("Nats-Msg-Id")] = a
	}
	return err
}

// must gives so many commands that are answered.
func (c *caller) must(n int) {
	c.t.Helper()
	for range n {
		if err := c.ask(c.next()); err != nil {
			c.t.Fatal(err)
		}
	}
}

// untilNotTaken gives commands until one is answered that it is not taken, and
// returns that one. Every other answer must be good.
func (c *caller) untilNotTaken() *nats.Msg {
	c.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		m := c.next()
		err := c.ask(m)
		var r *events.Refusal
		switch {
		case err == nil:
		case errors.As(err, &r) && r.Code == events.Unavailable && r.Retryable:
			return m
		default:
			c.t.Fatalf("not taken as %v", err)
		}
	}
	c.t.Fatal("the commands are still taken")
	return nil
}

// untilTaken gives a command again until it is answered.
func (c *caller) untilTaken(m *nats.Msg) {
	c.t.Helper()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = c.ask(m); err == nil {
			return
		}
	}
	c.t.Fatalf("the command is not taken any more: %v\n%s", err, c.log())
}

// check finds in the log what was answered, once and where the answers say.
func (c *caller) check() {
	c.t.Helper()
	nc, err := c.client.Connect()
	if err != nil {
		c.t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	stream, err := js.Stream(ctx, "AERIE_EVENTS")
	if err != nil {
		c.t.Fatal(err)
	}
	stored := map[string]int{}
	ids := map[uint64]string{}
	leader, err := nc.JetStream() // jetstream would ask any server, also one that lags
	if err != nil {
		c.t.Fatal(err)
	}
	for seq := range stream.CachedInfo().State.LastSeq {
		m, err := leader.GetMsg("AERIE_EVENTS", seq+1, nats.Context(ctx))
		if err != nil {
			c.t.Fatalf("event %d: %v", seq+1, err)
		}
		stored[m.Header.Get("ce-commandid")]++
		ids[m.Sequence] = m.Header.Get("ce-id")
	}
	for id, a := range c.answered {
		if stored[id] != len(a.Events) || len(a.Events) != 1 || ids[a.Events[0].Seq] != a.Events[0].ID {
			c.t.Errorf("command %s was answered %+v; the log has %d events of it", id, a.Events, stored[id])
		}
	}
	c.t.Logf("%d commands were answered", len(c.answered))
}
