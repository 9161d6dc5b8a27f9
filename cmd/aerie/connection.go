package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// The addresses of a server that was started without flags.
const (
	defaultAPI  = "http://127.0.0.1:8080"
	defaultNATS = "nats://127.0.0.1:4222"
)

// connection is where the server is, as flags and environment say it.
type connection struct {
	apiURL, natsURL, token, dataDir string
	access                          natsAccess
	at                              string // of which moment to read; empty: now
}

// flags adds the flags every verb has that talks to a server.
func (c *connection) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.apiURL, "api-url", or(os.Getenv("AERIE_API_URL"), defaultAPI), "the server's HTTP address, or AERIE_API_URL")
	f.StringVar(&c.natsURL, "nats-url", or(os.Getenv("AERIE_NATS_URL"), defaultNATS), "the server's NATS address, or AERIE_NATS_URL")
	c.access.flags(f, os.Getenv)
	f.StringVar(&c.token, "token", "", "the token, or AERIE_TOKEN; else <data-dir>/token is read")
	f.StringVar(&c.dataDir, "data-dir", or(os.Getenv("AERIE_DATA_DIR"), defaultDataDir()), "the server's data directory, or AERIE_DATA_DIR")
}

// past adds the flag of what can read the past.
func (c *connection) past(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.at, "at", "", "as it was: at a sequence (1234), at a time (RFC 3339), or so long ago (10m)")
}

// moment is --at as the server wants it.
func (c *connection) moment() (string, error) {
	if _, err := strconv.ParseUint(c.at, 10, 64); err == nil || c.at == "" {
		return c.at, nil
	}
	t, err := moment("--at", c.at, time.Now())
	return t.UTC().Format(time.RFC3339Nano), err
}

// client opens nothing yet: addresses are tried when they are needed.
func (c *connection) client(cmd *cobra.Command) (*client, error) {
	token, err := c.findToken()
	if err != nil {
		return nil, err
	}
	cl, err := newClient(c.apiURL, c.natsURL, token)
	if err != nil {
		return nil, err
	}
	options, err := c.access.options()
	if err != nil {
		return nil, err
	}
	if c.access.creds != "" {
		cl.options = nil // the token is aerie's, and no business of somebody else's servers
	}
	cl.options = append(cl.options, options...)
	cl.note = cmd.ErrOrStderr()
	cl.at, err = c.moment()
	return cl, err
}

// findToken prefers the flag to the environment to the server's own file. No
// token at all is no error here: the server says what it thinks of that.
func (c *connection) findToken() (string, error) {
	if token := or(c.token, os.Getenv("AERIE_TOKEN")); token != "" {
		return token, nil
	}
	data, err := os.ReadFile(filepath.Join(c.dataDir, "token"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", invalid("--data-dir", "the token can't be read: %v; give --token or AERIE_TOKEN", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// defaultDataDir is $XDG_STATE_HOME/aerie, else ~/.local/state/aerie.
func defaultDataDir() string {
	if state := os.Getenv("XDG_STATE_HOME"); state != "" {
		return filepath.Join(state, "aerie")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "aerie")
	}
	return filepath.Join(home, ".local", "state", "aerie")
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// The patience of a command when --timeout is not given.
const (
	answerWithin = 30 * time.Second
	restWithin   = 5 * time.Minute
)

// patience is how long a command may take and whether its end is waited for.
type patience struct {
	wait    bool
	timeout time.Duration
}

func (p *patience) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.wait, "wait", false, "wait until everything commanded is as wanted")
	cmd.Flags().DurationVar(&p.timeout, "timeout", 0, fmt.Sprintf("give up after this long (default %s, %s with --wait)", "30s", "5m"))
}

// bound gives ctx the command's deadline.
func (p *patience) bound(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if p.timeout < 0 {
		return nil, nil, invalid("--timeout", "%s: want a time above 0, such as 30s", p.timeout)
	}
	d := p.timeout
	switch {
	case d == 0 && p.wait:
		d = restWithin
	case d == 0:
		d = answerWithin
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	return ctx, cancel, nil
}
