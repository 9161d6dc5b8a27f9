package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
)

// promise says what the log promises; /readyz states it. What NATS servers of
// somebody else's do can only be read from their monitoring: a client is not told.
func (c *control) promise(s settings) (string, error) {
	if c.nats != nil {
		return "every answered command is on disk: fsync before the answer", nil
	}
	kept := "one NATS server"
	if n := c.log.Copies(); n > 1 {
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
	if len(names) < c.log.Copies() {
		return "", invalid("--nats-monitor", "%d servers keep the log and %d monitoring addresses are of different servers (%s): give one of each", c.log.Copies(), len(names), strings.Join(names, ", "))
	}
	return fmt.Sprintf("every answered command is on the disks of %s: fsync before the answer, as %s said at the start", kept, strings.Join(names, ", ")), nil
}

// ready says why commands are not taken; nil while they are.
func (c *control) ready() error {
	if !c.conn.IsConnected() {
		return errors.New("no connection to NATS: it is made again as soon as a server answers")
	}
	if err := checkServer(c.conn); err != nil {
		return err
	}
	if err := c.stored(); err != nil {
		return err
	}
	return c.fold.Err()
}

// leaderWithin is how long the log may take to say where it ends.
const leaderWithin = 2 * time.Second

// stored says why no command could be stored now. The embedded server is not asked.
func (c *control) stored() error {
	if c.nats != nil {
		return c.log.Closed()
	}
	ctx, cancel := context.WithTimeout(c.core.ctx, leaderWithin)
	defer cancel()
	return c.log.Ready(ctx)
}

// syncing reads the names of servers, and refuses one that does not sync each write.
func syncing(ctx context.Context, monitors []string) (names []string, err error) {
	known := map[string]bool{}
	for _, at := range monitors {
		v, err := varz(ctx, strings.TrimSpace(at))
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

// monitored is what of a server's monitoring matters here.
type monitored struct {
	Name      string `json:"server_name"`
	Version   string `json:"version"`
	JetStream struct {
		Config struct {
			SyncAlways bool `json:"sync_always"`
		} `json:"config"`
	} `json:"jetstream"`
}

// monitorWithin bounds the answer of a server's monitoring.
const monitorWithin = 5 * time.Second

// varz asks a server's monitoring for its settings.
func varz(ctx context.Context, at string) (v monitored, err error) {
	err = askMonitor(ctx, at, "varz", "", &v)
	if err == nil && v.Name == "" {
		err = fmt.Errorf("read the monitoring of NATS: %s does not answer as nats-server does", redacted(at))
	}
	return v, err
}

// askMonitor reads one path of a server's monitoring.
func askMonitor(ctx context.Context, at, path, query string, into any) error {
	u, err := url.Parse(at)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return invalid("--nats-monitor", "%q is no HTTP address: want one such as http://127.0.0.1:8222", ev.Clip(at))
	}
	ctx, cancel := context.WithTimeout(ctx, monitorWithin)
	defer cancel()
	u = u.JoinPath(path)
	u.RawQuery = query
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fmt.Errorf("read the monitoring of NATS: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("read the monitoring of NATS: %w: give its address with --nats-monitor, or leave it out", err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(http.MaxBytesReader(nil, res.Body, 4<<20)).Decode(into); err != nil {
		return fmt.Errorf("read the monitoring of NATS: %s does not answer as nats-server does (%v)", u.Redacted(), err)
	}
	return nil
}
