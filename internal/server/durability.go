package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/client"
)

// promise says what the log promises; /readyz states it. What NATS servers of
// somebody else's do can only be read from their monitoring: a client is not told.
func (c *Control) promise(s Settings) (string, error) {
	if c.NATS != nil {
		return "every answered command is on disk: fsync before the answer", nil
	}
	kept := "one NATS server"
	if n := c.Log.Copies(); n > 1 {
		kept = fmt.Sprintf("most of the %d NATS servers that keep the log", n)
	}
	if s.Monitor == "" {
		slog.Warn("whether the NATS servers sync to disk before they answer is not known: set sync_interval: always there, and give --nats-monitor")
		return "every answered command is stored by " + kept + "; whether they sync to disk before they answer is not known", nil
	}
	names, err := syncing(c.core.ctx, strings.Split(s.Monitor, ","))
	if err != nil {
		return "", err
	}
	if len(names) < c.Log.Copies() {
		return "", client.Invalid("--nats-monitor", "%d servers keep the log and %d monitoring addresses are of different servers (%s): give one of each", c.Log.Copies(), len(names), strings.Join(names, ", "))
	}
	return fmt.Sprintf("every answered command is on the disks of %s: fsync before the answer, as %s said at the start", kept, strings.Join(names, ", ")), nil
}

// ready says why commands are not taken; nil while they are.
func (c *Control) ready() error {
	if !c.Conn.IsConnected() {
		return errors.New("no connection to NATS: it is made again as soon as a server answers")
	}
	if err := checkServer(c.Conn); err != nil {
		return err
	}
	if err := c.stored(); err != nil {
		return err
	}
	if err := c.Live.Err(); err != nil {
		return err
	}
	return c.Still(time.Now())
}

// leaderWithin is how long the log may take to say where it ends.
const leaderWithin = 2 * time.Second

// stored says why no command could be stored now. The embedded server is not asked.
func (c *Control) stored() error {
	if c.NATS != nil {
		return c.Log.Closed()
	}
	ctx, cancel := context.WithTimeout(c.core.ctx, leaderWithin)
	defer cancel()
	return c.Log.Ready(ctx)
}

// syncing reads the names of servers, and refuses one that does not sync each write.
func syncing(ctx context.Context, monitors []string) (names []string, err error) {
	known := map[string]bool{}
	for _, at := range monitors {
		v, err := readMonitor(ctx, strings.TrimSpace(at))
		if err != nil {
			return nil, err
		}
		if err := eventlog.CheckServer(v.Name, v.Version); err != nil {
			return nil, err
		}
		if !v.JetStream.Config.SyncAlways {
			return nil, fmt.Errorf("the NATS server %s does not sync to disk before it answers, and could lose what it acknowledged: set sync_interval: always in its jetstream block", v.Name)
		}
		if !known[v.Name] {
			known[v.Name] = true
			names = append(names, v.Name)
		}
	}
	return names, nil
}
