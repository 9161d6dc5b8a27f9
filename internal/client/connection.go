package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/aeriehq/aerie/events"

	"github.com/spf13/cobra"
)

// The addresses of a server that was started without flags.
const (
	DefaultAPI  = "http://127.0.0.1:8080"
	DefaultNATS = "nats://127.0.0.1:4222"
)

// Connection is where the server is, as flags and environment say it.
type Connection struct {
	apiURL, natsURL, token, dataDir string
	ca                              string // file with the CA of the server's certificate
	access                          NATSAccess
	at                              string // of which moment to read; empty: now
	context                         string // the name of a context; empty: the one that is used
	anonymous                       bool   // nothing is shown
}

// Anonymous has the command show no token: who logs in has none that is good.
func (c *Connection) Anonymous() { c.anonymous = true }

// Flags adds the flags every verb has that talks to a server.
func (c *Connection) Flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.apiURL, "api-url", cmp.Or(os.Getenv("AERIE_API_URL"), DefaultAPI), "the server's HTTP address, or AERIE_API_URL")
	f.StringVar(&c.natsURL, "nats-url", cmp.Or(os.Getenv("AERIE_NATS_URL"), DefaultNATS), "the server's NATS address, or AERIE_NATS_URL")
	f.StringVar(&c.ca, "ca", os.Getenv("AERIE_CA"), "file with the CA of the server's certificate, or AERIE_CA; else <data-dir>/tls/ca.pem, beside what the system trusts")
	c.access.Flags(f, os.Getenv)
	f.StringVar(&c.context, "context", os.Getenv("AERIE_CONTEXT"), "the context to use, or AERIE_CONTEXT; else the one that aerie context use has named")
	f.StringVar(&c.token, "token", "", "the token, or AERIE_TOKEN; else the context's; else <data-dir>/token is read")
	f.StringVar(&c.dataDir, "data-dir", cmp.Or(os.Getenv("AERIE_DATA_DIR"), DefaultDataDir()), "the server's data directory, or AERIE_DATA_DIR")
}

// AtFlag adds the flag of what can read the past.
func (c *Connection) AtFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.at, "at", "", "as it was: at a sequence (1234), at a time (RFC 3339), or so long ago (10m)")
}

// moment is --at as the server wants it.
func (c *Connection) moment() (string, error) {
	if _, err := strconv.ParseUint(c.at, 10, 64); err == nil || c.at == "" {
		return c.at, nil
	}
	t, err := ParseMoment("--at", c.at, time.Now())
	return t.UTC().Format(time.RFC3339Nano), err
}

// Client opens nothing yet: addresses are tried when they are needed.
func (c *Connection) Client(cmd *cobra.Command) (*Client, error) {
	used, err := c.use(cmd)
	if err != nil {
		return nil, err
	}
	token, err := c.findToken(cmd, used)
	if err != nil {
		return nil, err
	}
	cl, err := New(c.apiURL, c.natsURL, token)
	if err != nil {
		return nil, err
	}
	if token == "" && !c.anonymous && (used == nil || used.DataDir != "") {
		cl.awaitToken(cmp.Or(dataDirOf(used), c.dataDir))
	}
	options, err := c.access.Options()
	if err != nil {
		return nil, err
	}
	if c.access.creds != "" {
		cl.options, cl.shown = nil, false // the token is aerie's, and no business of somebody else's servers
	}
	ca, file, err := c.findCA(used)
	if err != nil {
		return nil, err
	}
	if file != "" {
		cl.trustFile(file)
	} else if err := cl.trust(ca); err != nil {
		return nil, Invalid("--ca", "%v", err)
	}
	cl.options = append(cl.options, options...)
	cl.note = cmd.ErrOrStderr()
	cl.at, err = c.moment()
	return cl, err
}

func dataDirOf(used *Context) string {
	if used == nil {
		return ""
	}
	return used.DataDir
}

// isSet tells whether somebody has said a value for this command: by its flag, or by its variable.
func isSet(cmd *cobra.Command, flag string) bool {
	return cmd.Flags().Changed(flag) || os.Getenv("AERIE_"+strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))) != ""
}

// use takes from a context what was not said otherwise, and returns it; nil: there is none, or it is of another server than this
// command, so that nothing of it is shown there. A data directory that was named is of a server on this machine.
func (c *Connection) use(cmd *cobra.Command) (*Context, error) {
	if c.context == "" && isSet(cmd, "data-dir") {
		return nil, nil
	}
	all, err := ReadContexts()
	if err != nil {
		return nil, err
	}
	name := cmp.Or(c.context, all.Current)
	if name == "" {
		return nil, nil
	}
	used, err := all.Find(name)
	if err != nil {
		return nil, err
	}
	same := true
	for flag, value := range map[string]struct{ here, there *string }{"api-url": {&c.apiURL, &used.APIURL}, "nats-url": {&c.natsURL, &used.NATSURL}} {
		if !isSet(cmd, flag) {
			*value.here = cmp.Or(*value.there, *value.here)
		}
		same = same && (*value.there == "" || *value.here == *value.there)
	}
	if !same {
		return nil, nil
	}
	return used, nil
}

// LoginContext is the context into which a login goes: the one that is used, or a new one of the addresses that were said.
func (c *Connection) LoginContext(cmd *cobra.Command) (*Context, error) {
	used, err := c.use(cmd)
	if err != nil || used != nil {
		return used, err
	}
	ca, file, err := c.findCA(nil)
	if err != nil {
		return nil, err
	}
	if file != "" {
		ca, _ = os.ReadFile(file) // none is no error: the system may trust the server
	}
	return &Context{Name: cmp.Or(c.context, "default"), APIURL: c.apiURL, NATSURL: c.natsURL, CA: string(ca)}, nil
}

// findToken prefers the flag to the environment to the context to the server's own file. No token at all is no error here: the
// server says what it thinks of that.
func (c *Connection) findToken(cmd *cobra.Command, used *Context) (string, error) {
	if c.anonymous {
		return "", nil
	}
	if token := cmp.Or(c.token, os.Getenv("AERIE_TOKEN")); token != "" {
		return token, nil
	}
	dir := c.dataDir
	if used != nil {
		if used.Login != nil {
			return used.fresh(cmd.Context())
		}
		if used.Token != "" || used.DataDir == "" && !isSet(cmd, "data-dir") {
			return used.Token, nil
		}
		dir = cmp.Or(used.DataDir, dir)
	}
	token, err := readToken(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", Invalid("--data-dir", "the token can't be read: %v; give --token or AERIE_TOKEN", err)
	}
	return token, nil
}

// readToken reads the token of a data directory.
func readToken(dir string) (string, error) {
	data, err := os.ReadFile(filepath.Join(dir, "token"))
	return strings.TrimSpace(string(data)), err
}

// DataDir is the server's data directory, if it is on this machine.
func (c *Connection) DataDir() string { return c.dataDir }

// LocalToken is the token that stands in the data directory; empty if there is none to read.
func (c *Connection) LocalToken() string {
	token, _ := readToken(c.dataDir)
	return token
}

// DefaultDataDir is $XDG_STATE_HOME/aerie, else ~/.local/state/aerie.
func DefaultDataDir() string {
	if state := os.Getenv("XDG_STATE_HOME"); state != "" {
		return filepath.Join(state, "aerie")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "aerie")
	}
	return filepath.Join(home, ".local", "state", "aerie")
}

// How long a command waits when --timeout is not given.
const (
	AnswerWithin = 30 * time.Second // for an answer
	RestWithin   = 5 * time.Minute  // with --wait, while nothing changes
)

// WaitFlags is how long a command may take and whether its end is waited for.
type WaitFlags struct {
	Wait    bool          // until everything commanded is as wanted
	Timeout time.Duration // 0: what the command waits by itself
}

// Flags adds --wait and --timeout.
func (p *WaitFlags) Flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.Wait, "wait", false, "wait until everything commanded is as wanted")
	cmd.Flags().DurationVar(&p.Timeout, "timeout", 0, fmt.Sprintf("give up after this long (default %s; with --wait, when nothing has changed for %s)", "30s", "5m"))
}

// Bound gives ctx the command's deadline. What waits without --timeout has none: it
// goes on while there is progress.
func (p *WaitFlags) Bound(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if p.Timeout < 0 {
		return nil, nil, Invalid("--timeout", "%s: want a time above 0, such as 30s", p.Timeout)
	}
	d := p.Timeout
	switch {
	case d == 0 && p.Wait:
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel, nil
	case d == 0:
		d = AnswerWithin
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	return ctx, cancel, nil
}

// ParseMoment reads a time, or a time span back from now.
func ParseMoment(flag, s string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return at, Invalid(flag, "%q: want a time span such as 10m, or a time such as %s", events.Truncate(s), now.UTC().Format(time.RFC3339))
	}
	return at, nil
}
