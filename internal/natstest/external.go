package natstest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// readyWithin bounds a server's start and a cluster's election.
const readyWithin = 30 * time.Second

// External is nats-servers as an operator runs them, beside aerie: one alone, or
// a cluster of several. Each syncs what it stores, and its store outlives a kill.
type External struct {
	t     testing.TB
	nodes []*node
}

type node struct {
	options server.Options
	srv     *server.Server // nil while it is killed
}

// StartExternal starts so many servers, a cluster if there are several. They
// end with the test. change, which may be nil, changes the options of each.
func StartExternal(t testing.TB, servers int, change func(*server.Options)) *External {
	t.Helper()
	x := &External{t: t}
	dir := t.TempDir()
	for i := range servers {
		o := server.Options{ServerName: fmt.Sprintf("n%d", i+1), Host: "127.0.0.1", Port: port(t), NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: filepath.Join(dir, fmt.Sprint(i+1)), SyncAlways: true}
		if servers > 1 {
			o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port(t)}
		}
		if change != nil {
			change(&o)
		}
		x.nodes = append(x.nodes, &node{options: o})
	}
	for i := range x.nodes {
		x.Start(i)
	}
	t.Cleanup(func() {
		for i := range x.nodes {
			x.Kill(i)
		}
	})
	x.Ready()
	return x
}

// Start starts a server that does not run, with what it stored.
func (x *External) Start(i int) {
	x.t.Helper()
	o := x.nodes[i].options
	for _, other := range x.nodes {
		if o.Cluster.Name != "" {
			o.Routes = append(o.Routes, server.RoutesFromStr(fmt.Sprintf("nats://127.0.0.1:%d", other.options.Cluster.Port))...)
		}
	}
	srv, err := server.NewServer(&o)
	if err != nil {
		x.t.Fatal(err)
	}
	srv.Start()
	if !srv.ReadyForConnections(readyWithin) {
		x.t.Fatalf("nats-server %s does not start", o.ServerName)
	}
	x.nodes[i].srv = srv
}

// Kill ends a server without a word to its clients; one that does not run stays so.
func (x *External) Kill(i int) {
	srv := x.nodes[i].srv
	if srv == nil {
		return
	}
	x.nodes[i].srv = nil
	srv.Shutdown()
	srv.WaitForShutdown()
}

// Ready waits until JetStream has what it needs on every running server.
func (x *External) Ready() {
	x.t.Helper()
	x.wait("JetStream has no leader or is behind", func() bool {
		if len(x.nodes) == 1 {
			return true
		}
		var running, peers []string // peers are those of whom the leader knows that they can be given something
		for _, n := range x.nodes {
			if n.srv == nil {
				continue
			}
			if !n.srv.JetStreamIsCurrent() {
				return false
			}
			running = append(running, n.options.ServerName)
			peers = append(peers, n.srv.JetStreamClusterPeers()...)
		}
		return !slices.ContainsFunc(running, func(name string) bool { return !slices.Contains(peers, name) })
	})
}

// Current waits until every server of the cluster has all of every stream and consumer,
// so that any of them may be the next to go.
func (x *External) Current(nc *nats.Conn) {
	x.t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		x.t.Fatal(err)
	}
	whole := func(c *jetstream.ClusterInfo) bool {
		return c != nil && c.Leader != "" && len(c.Replicas) == len(x.nodes)-1 &&
			!slices.ContainsFunc(c.Replicas, func(p *jetstream.PeerInfo) bool { return !p.Current || p.Offline || p.Lag > 0 })
	}
	x.wait("not every server has everything", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		streams := js.ListStreams(ctx)
		for s := range streams.Info() {
			if !whole(s.Cluster) {
				return false
			}
			stream, err := js.Stream(ctx, s.Config.Name)
			if err != nil {
				return false
			}
			consumers := stream.ListConsumers(ctx)
			for c := range consumers.Info() {
				if c.Config.Replicas != 1 && !whole(c.Cluster) {
					return false
				}
			}
			if consumers.Err() != nil {
				return false
			}
		}
		return streams.Err() == nil
	})
}

// Leader waits until a stream of the global account has a leader, and says which
// server it is.
func (x *External) Leader(stream string) (leader int) {
	x.t.Helper()
	return x.LeaderIn(server.DEFAULT_GLOBAL_ACCOUNT, stream)
}

// LeaderIn is Leader of a stream of another account.
func (x *External) LeaderIn(account, stream string) (leader int) {
	x.t.Helper()
	x.wait("the stream "+stream+" has no leader", func() bool {
		for i, n := range x.nodes {
			if n.srv != nil && n.srv.JetStreamIsStreamLeader(account, stream) {
				leader = i
				return true
			}
		}
		return false
	})
	return leader
}

// wait asks again and again: nats-server has no signal for these.
func (x *External) wait(not string, yes func() bool) {
	x.t.Helper()
	for end := time.Now().Add(readyWithin); !yes(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			x.t.Fatalf("after %s %s", readyWithin, not)
		}
	}
}

// URL is where clients connect: all the servers' addresses.
func (x *External) URL() string {
	var urls []string
	for _, n := range x.nodes {
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", n.options.Port))
	}
	return strings.Join(urls, ",")
}

// Dial connects to the servers, and again whenever a connection is lost, for as
// long as the test lasts.
func Dial(t testing.TB, x *External) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(x.URL(), nats.Name(t.Name()), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// Change changes the options with which a server that does not run is started again.
func (x *External) Change(i int, change func(*server.Options)) { change(&x.nodes[i].options) }

// TakeConsumers lets a stream have as many consumers as the servers let it have by
// themselves, and has all of them taken.
func (x *External) TakeConsumers(nc *nats.Conn, stream string) {
	x.t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		x.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	s, err := js.Stream(ctx, stream)
	if err != nil {
		x.t.Fatal(err)
	}
	config := s.CachedInfo().Config
	config.MaxConsumers = -1
	if _, err := js.UpdateStream(ctx, config); err != nil {
		x.t.Fatal(err)
	}
	for n := 0; ; n++ {
		_, err := js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{Name: fmt.Sprint("theirs", n), AckPolicy: jetstream.AckNonePolicy,
			MemoryStorage: true, Replicas: 1, InactiveThreshold: time.Hour})
		var api *jetstream.APIError
		if errors.As(err, &api) && api.ErrorCode == jetstream.ErrorCode(server.JSMaximumConsumersLimitErr) {
			return
		}
		if err != nil {
			x.t.Fatal(err)
		}
	}
}

// Store is the directory of a server's store.
func (x *External) Store(i int) string { return x.nodes[i].options.StoreDir }

// Name is a server's name.
func (x *External) Name(i int) string { return x.nodes[i].options.ServerName }
