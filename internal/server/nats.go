package server

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/nats-io/nats.go"
)

// The connection of a server to NATS servers that somebody else runs. A server that
// says nothing for so long is left for another.
const (
	natsPing  = 3 * time.Second
	natsPings = 2
)

// dialNATS connects a server for as long as it lives: whenever the connection is
// lost it is made again. What is published meanwhile fails at once; it is not kept
// for later, when nobody would wait for it any more.
func dialNATS(urls string, a client.NATSAccess, more ...nats.Option) (*nats.Conn, error) {
	if err := client.CheckNATSURL(urls); err != nil {
		return nil, err
	}
	options, err := a.Options()
	if err != nil {
		return nil, err
	}
	nc, err := client.DialNATS(urls, append(append(options, more...), nats.Name("aerie server"), nats.Timeout(client.AttemptTimeout),
		nats.MaxReconnects(-1), nats.ReconnectWait(client.RetryPause), nats.ReconnectBufSize(-1), nats.IgnoreAuthErrorAbort(),
		nats.PingInterval(natsPing), nats.MaxPingsOutstanding(natsPings),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if !nc.IsClosed() { // not by ourselves
				slog.Warn("connection to NATS lost: commands are not taken", "err", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			slog.Info("connected to NATS again", "url", nc.ConnectedUrlRedacted())
			if err := checkServer(nc); err != nil {
				slog.Error("not ready", "err", err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { slog.Warn(err.Error(), "from", "nats.go") }))...)
	switch {
	case errors.Is(err, nats.ErrAuthorization):
		return nil, fmt.Errorf("connect to NATS at %s: %w: give the user in --nats-url, or --nats-creds, or --nats-cert", client.Redacted(urls), err)
	case err != nil:
		return nil, fmt.Errorf("connect to NATS at %s: %w: start it, or give its address with --nats-url", client.Redacted(urls), err)
	}
	if err := checkServer(nc); err != nil {
		nc.Close()
		return nil, fmt.Errorf("connect to NATS at %s: %w", client.Redacted(urls), err)
	}
	return nc, nil
}

// checkServer refuses the server behind a connection if its version is known to do harm.
func checkServer(nc *nats.Conn) error {
	return eventlog.CheckServer(nc.ConnectedServerName(), nc.ConnectedServerVersion())
}
