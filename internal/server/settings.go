package server

import (
	"context"
	"errors"
	"log/slog"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/projections/identity"
)

// Settings are what `aerie server` can be told.
type Settings struct {
	DataDir    string            // where all is kept; it is this server's alone
	HTTP       string            // the address to serve HTTP on
	NATS       string            // the embedded server's listener
	NATSURL    string            // NATS servers that somebody else runs, instead of the embedded one
	Access     client.NATSAccess // how to enter those
	TLS        TLS               // of the listeners for HTTP and the embedded NATS
	OIDC       string            // file with the issuers whose word is taken about people; empty: nobody's
	NATSWS     string            // the embedded server's listener for WebSocket; empty: there is none
	Proxies    []string          // networks of proxies that are believed when they say whose request it is
	CalloutKey string            // file with the key with which those servers are told who comes in; empty: they know themselves
	Monitor    string            // HTTP monitoring addresses of those servers
	CloudDir   string            // where the simulated cloud lives
	NoSim      bool              // there is no simulated cloud: accounts are real
	SimSpeed   float64           // 1: as in life; 60: a minute a second; 0: at once
	// OpenMetrics serves /metrics to who shows no token too.
	OpenMetrics bool
	// SimKubeconfigs are files that name the cluster behind the simulated ones, each [REGION=]FILE; where there is none they
	// only store.
	SimKubeconfigs []string
	// Provision bounds what is made for plans; nil: the default.
	Provision    *fsm.ProvisionLimit
	Budget       *identity.Budget // of each caller; nil: the default
	SecretStores string           // the file that names the stores of secrets, and whom they serve
	SealKeyFile  string           // the file with the keys that seal the installation's own; empty: a variable has them, or none is sealed
}

// Serve runs the control plane until ctx ends, which Ctrl-C does, or a part of it fails.
func Serve(ctx context.Context, s Settings) error {
	c, err := Start(s)
	if err != nil {
		return NotStarted(err)
	}
	slog.Info("aerie serves", "http", c.APIURL(), "nats", c.NATSURL(), "data", s.DataDir, "log", c.kept, "nats-server", c.opened)
	err = c.Wait(ctx)
	slog.Info("aerie stops")
	return errors.Join(err, c.Close())
}

// NotStarted says why there is no server: a taken port or a damaged store is the
// operator's to mend, not a fault of the program.
func NotStarted(err error) error {
	return &client.Failure{Code: string(ev.Unavailable), Message: err.Error(), Exit: client.ExitFailure}
}
