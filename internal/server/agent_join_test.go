package server

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestWhoJoinsAsksAgain: where many join at once some are told to ask again, and do. Who is told no ends.
func TestWhoJoinsAsksAgain(t *testing.T) {
	server, _ := natstest.Start(t)
	nc := natstest.Connect(t, server)
	answers := []string{
		ev.Refuse(ev.TooMany, "ask again in a second").Error(),
		`{"error":"the log did not take the command in time","again":true}`,
		`{}`,
		`{"error":"this token was used"}`,
	}
	var asked atomic.Int32
	if _, err := nc.Subscribe(ev.AgentPrefix+">", func(m *nats.Msg) { _ = m.Respond([]byte(answers[asked.Add(1)-1])) }); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	a := &agentProcess{token: client.JoinToken{Owner: "acme", Agent: "edge"}}
	if err := a.showKey(t.Context(), nc, "key"); err != nil || asked.Load() != 3 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
	if err := a.showKey(t.Context(), nc, "key"); err == nil || asked.Load() != 4 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}

// TestWhoCannotReachTheControlPlaneTriesAgain: a server that has too much to do asks who connects whether he is still there before it
// answers, and one that starts is not there yet. Neither ends an agent that is to join, nor one that has joined and knows nothing yet.
func TestWhoCannotReachTheControlPlaneTriesAgain(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tried := make(chan string, 10)
	go func() {
		for {
			conn, err := busy.Accept()
			if err != nil {
				return
			}
			tried <- conn.RemoteAddr().String()
			_, _ = conn.Write([]byte(`INFO {"max_payload":1048576}` + "\r\nPING\r\n"))
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = busy.Close() })
	for name, token := range map[string]client.JoinToken{
		"who joins":      {URL: "nats://" + busy.Addr().String(), Owner: "acme", Agent: "edge", Secret: "secret"},
		"who has joined": {URL: "nats://" + busy.Addr().String(), Owner: "acme", Agent: "edge"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			data, err := ev.Encode(token)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, agentFile), data, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			s := AgentSettings{DataDir: dir, Version: "1"}
			if token.Secret != "" {
				s.Join = token.String()
			}
			ctx, end := context.WithCancel(t.Context())
			defer end()
			ended := make(chan error, 1)
			go func() { ended <- RunAgent(ctx, s) }()
			for range 3 {
				select {
				case err := <-ended:
					t.Fatalf("it has ended: %v", err)
				case <-tried:
				}
			}
			end()
			<-ended
		})
	}
}

// TestWhoCameBackIsNotCut: connections are ended that an agent had when its rights changed, and not those that it has begun since.
func TestWhoCameBackIsNotCut(t *testing.T) {
	c := startedWith(t, Settings{DataDir: t.TempDir(), NoSim: true})
	create(t, c, ev.Ref{Kind: ev.Customer, Owner: "acme", ID: "acme"}, `{"hosting":"customer"}`)
	create(t, c, ev.Ref{Kind: ev.Account, Owner: "acme", ID: "theirs"}, `{"cloud":"sim","number":"lab","hosting":"customer","access":"agent"}`)
	create(t, c, ev.Ref{Kind: ev.Dataplane, Owner: "acme", ID: "edge"}, `{"account":"acme/theirs","region":"eu-central","type":"dedicated","mode":"pull"}`)
	create(t, c, ev.Ref{Kind: ev.Agent, Owner: "acme", ID: "edge"}, `{"dataplanes":["edge"]}`)
	agent := joined(t, c, "acme", "edge")
	cut := make(chan string, 10)
	enters := func(name string) {
		nc, err := agent.dial(c.NATSURL(), nats.DisconnectErrHandler(func(*nats.Conn, error) { cut <- name }), nats.NoReconnect())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
	}
	enters("before")
	changed := time.Now()
	enters("since")
	if n, err := c.NATS.EvictBefore(ev.AgentActor("acme", "edge"), changed); n != 1 || err != nil {
		t.Errorf("%d connections are ended: %v", n, err)
	}
	if who := natstest.Receive(t, cut); who != "before" {
		t.Errorf("the connection that was begun %s is ended", who)
	}
}
