package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/client"
)

// monitored is what of a server's monitoring matters here.
type monitored struct {
	Name    string `json:"server_name"`
	Version string `json:"version"`
	Cluster struct {
		PoolSize int `json:"pool_size"`
	} `json:"cluster"`
	JetStream struct {
		Config struct {
			SyncAlways bool `json:"sync_always"`
		} `json:"config"`
	} `json:"jetstream"`
}

// monitorWithin bounds the answer of a server's monitoring.
const monitorWithin = 5 * time.Second

// readMonitor asks a server's monitoring for its settings.
func readMonitor(ctx context.Context, at string) (v monitored, err error) {
	err = askMonitor(ctx, at, "varz", "", &v)
	if err == nil && v.Name == "" {
		err = fmt.Errorf("read the monitoring of NATS: %s does not answer as nats-server does", client.Redacted(at))
	}
	return v, err
}

// askMonitor reads one path of a server's monitoring.
func askMonitor(ctx context.Context, at, path, query string, into any) error {
	u, err := url.Parse(at)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return client.Invalid("--nats-monitor", "%q is no HTTP address: want one such as http://127.0.0.1:8222", ev.Truncate(at))
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

// CountAt asks a server's monitoring for its copy of the log. One that has none has no events.
func CountAt(ctx context.Context, at string) (eventlog.Copy, error) {
	v, err := readMonitor(ctx, strings.TrimSpace(at))
	if err != nil {
		return eventlog.Copy{}, err
	}
	var jsz struct {
		Accounts []struct {
			Streams []struct {
				Name  string `json:"name"`
				State struct {
					Messages uint64 `json:"messages"`
					Last     uint64 `json:"last_seq"`
				} `json:"state"`
			} `json:"stream_detail"`
		} `json:"account_details"`
	}
	if err := askMonitor(ctx, strings.TrimSpace(at), "jsz", "accounts=true&streams=true", &jsz); err != nil {
		return eventlog.Copy{}, err
	}
	for _, a := range jsz.Accounts {
		for _, s := range a.Streams {
			if s.Name == eventlog.Stream {
				return eventlog.Copy{Server: v.Name, Events: s.State.Messages, Last: s.State.Last}, nil
			}
		}
	}
	return eventlog.Copy{Server: v.Name}, nil
}

// countAll asks all of them, and leaves out who does not answer.
func countAll(ctx context.Context, monitors string) (copies []eventlog.Copy) {
	for _, at := range strings.Split(monitors, ",") {
		if one, err := CountAt(ctx, at); err == nil {
			copies = append(copies, one)
		}
	}
	return copies
}
