package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/pflag"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
)

// natsAccess says how to enter NATS servers, beside what the URL itself has. A
// server's certificate is always checked: against ca, or what the system trusts.
type natsAccess struct{ creds, ca, cert, key string }

func (a *natsAccess) flags(f *pflag.FlagSet, env func(string) string) {
	f.StringVar(&a.creds, "nats-creds", env("AERIE_NATS_CREDS"), "file with NATS credentials (JWT and seed), or AERIE_NATS_CREDS")
	f.StringVar(&a.ca, "nats-ca", env("AERIE_NATS_CA"), "file with the CA of the NATS servers' certificates, or AERIE_NATS_CA; else the system's")
	f.StringVar(&a.cert, "nats-cert", env("AERIE_NATS_CERT"), "file with the certificate to show to NATS, or AERIE_NATS_CERT")
	f.StringVar(&a.key, "nats-key", env("AERIE_NATS_KEY"), "file with the key of --nats-cert, or AERIE_NATS_KEY")
}

// options turns them into the connection's.
func (a *natsAccess) options() (options []nats.Option, err error) {
	if (a.cert == "") != (a.key == "") {
		return nil, invalid("--nats-cert", "a certificate and its key go together: give --nats-cert and --nats-key")
	}
	for flag, file := range map[string]string{"--nats-creds": a.creds, "--nats-ca": a.ca, "--nats-cert": a.cert, "--nats-key": a.key} {
		if file == "" {
			continue
		}
		if _, err := os.ReadFile(file); err != nil {
			return nil, invalid(flag, "it can't be read: %v", err)
		}
	}
	if a.creds != "" {
		options = append(options, nats.UserCredentials(a.creds))
	}
	if a.ca != "" {
		options = append(options, nats.RootCAs(a.ca))
	}
	if a.cert != "" {
		options = append(options, nats.ClientCert(a.cert, a.key))
	}
	return options, nil
}

// checkNATS refuses what is no list of NATS addresses.
func checkNATS(urls string) error {
	for _, one := range strings.Split(urls, ",") {
		if !isNATS(strings.TrimSpace(one)) {
			return invalid("--nats-url", "%q is no NATS address: want one such as %s", ev.Clip(redacted(one)), defaultNATS)
		}
	}
	return nil
}

// redacted hides the secrets in NATS addresses.
func redacted(urls string) string {
	all := strings.Split(urls, ",")
	for i, one := range all {
		u, err := url.Parse(strings.TrimSpace(one))
		switch {
		case err != nil && strings.Contains(one, "@"):
			all[i] = "…" + one[strings.LastIndex(one, "@"):]
		case err == nil && u.User != nil:
			u.User = nil
			all[i] = u.String()
		}
	}
	return strings.Join(all, ",")
}

// The connection of a server to NATS servers that somebody else runs. A server that
// says nothing for so long is left for another.
const (
	natsPing  = 3 * time.Second
	natsPings = 2
)

// dialNATS connects a server for as long as it lives: whenever the connection is
// lost it is made again. What is published meanwhile fails at once; it is not kept
// for later, when nobody would wait for it any more.
func dialNATS(urls string, a natsAccess) (*nats.Conn, error) {
	if err := checkNATS(urls); err != nil {
		return nil, err
	}
	options, err := a.options()
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect(urls, append(options, nats.Name("aerie server"), nats.Timeout(attempt),
		nats.MaxReconnects(-1), nats.ReconnectWait(pause), nats.ReconnectBufSize(-1), nats.IgnoreAuthErrorAbort(),
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
		return nil, fmt.Errorf("connect to NATS at %s: %w: give the user in --nats-url, or --nats-creds, or --nats-cert", redacted(urls), err)
	case err != nil:
		return nil, fmt.Errorf("connect to NATS at %s: %w: start it, or give its address with --nats-url", redacted(urls), err)
	}
	if err := checkServer(nc); err != nil {
		nc.Close()
		return nil, fmt.Errorf("connect to NATS at %s: %w", redacted(urls), err)
	}
	return nc, nil
}

// checkServer refuses the server behind a connection if its version is known to do harm.
func checkServer(nc *nats.Conn) error {
	return eventlog.CheckServer(nc.ConnectedServerName(), nc.ConnectedServerVersion())
}
