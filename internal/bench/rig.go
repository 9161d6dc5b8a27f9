package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/embedded"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server"
)

// startBenched starts a whole control plane in the run's directory, with a cloud
// that answers at once.
func (b *bench) startBenched() (*server.Control, error) { return b.startAt(0) }

// startAt starts one whose simulated cloud is so many times as fast as a real one; 0: it answers at once.
func (b *bench) startAt(speed float64) (*server.Control, error) {
	c, err := server.Start(server.Settings{DataDir: b.dir, HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", SimSpeed: speed})
	if err != nil {
		return nil, server.NotStarted(err)
	}
	return c, nil
}

// fleet is clients as people have them: each a connection over the network.
type fleet []*client.Client

func newFleet(c *server.Control, n int) (f fleet, err error) {
	for range n {
		cl, err := client.New(c.APIURL(), c.NATSURL(), c.Token)
		if err != nil {
			return f, err
		}
		f = append(f, cl)
		if _, err := cl.Connect(); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (f fleet) close() {
	for _, cl := range f {
		cl.Close()
	}
}

// bareLog is the log alone, on a server of its own: nobody folds it or decides.
type bareLog struct {
	guard *filestore.Guard
	nats  *embedded.Server
	conn  *nats.Conn
	log   *eventlog.Log
}

func (b *bench) openBareLog(ctx context.Context) (l *bareLog, err error) {
	l = &bareLog{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open a log to measure: %w", err), l.close())
		}
	}()
	if l.guard, err = filestore.Open(b.dir); err != nil {
		return l, err
	}
	if l.nats, err = embedded.Start(embedded.Options{Dir: filepath.Join(b.dir, "nats")}); err != nil {
		return l, err
	}
	if l.conn, err = l.nats.Connect("aerie"); err != nil {
		return l, err
	}
	l.log, err = eventlog.Open(ctx, l.conn, fsm.Vocabulary(), l.guard)
	return l, err
}

func (l *bareLog) close() error {
	if l.conn != nil {
		l.conn.Close()
	}
	if l.nats != nil {
		l.nats.Shutdown()
	}
	if l.guard == nil {
		return nil
	}
	return l.guard.Release()
}
