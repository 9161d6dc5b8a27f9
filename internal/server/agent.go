package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/oklog/ulid/v2"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/workers/agents"
	"github.com/aeriehq/aerie/workers/consent"
	"github.com/aeriehq/aerie/workers/execute"
	"github.com/aeriehq/aerie/workers/reconcile"
)

// AgentSettings are what `aerie agent run` can be told.
type AgentSettings struct {
	Join    string // the token; empty: it has joined before
	DataDir string // where its key is
	Proxy   string // the way out; empty: as HTTPS_PROXY says, or none
	Version string // of the program

	Policy       string // the file of what it may do without asking; empty: everything
	SecretStores string // the file that names the stores of secrets there
}

const (
	agentFile = "agent.json" // where it belongs, but for the secret
	keyFile   = "agent.nk"   // the seed of its key, 0600

	sayEvery   = time.Minute      // how often an agent says that it is there
	standBy    = 10 * time.Second // how often one that stands by does
	comeBack   = 40 * time.Second // over which time agents come back: all at once none would get in
	dialWithin = 30 * time.Second
	askWithin  = 10 * time.Second
)

// agentProcess is an agent that runs.
type agentProcess struct {
	AgentSettings
	token        client.JoinToken
	key          nkeys.KeyPair
	instance     string // of this process
	nc           *nats.Conn
	gate         *consent.Gate
	kept         *reconcile.Kept
	serverCharts *execute.ServerCharts
	lease        *ev.Lease // as it was kept last; nil: by a process before
	skew         execute.Skew
	news         execute.News
	told         ev.LogPoint // the log that was met and that the control plane has been told of
	wrong        bool        // the clock was, when the control plane was heard last
}

// RunAgent joins if that is still to be done, and works until ctx ends or the agent is revoked.
func RunAgent(ctx context.Context, s AgentSettings) error {
	a := &agentProcess{AgentSettings: s, instance: ulid.Make().String()}
	if err := a.open(); err != nil {
		return NotStarted(err)
	}
	if err := errors.Join(a.askFirst(), a.openKept()); err != nil {
		return NotStarted(err)
	}
	if a.token.Secret != "" {
		if err := a.join(ctx); err != nil {
			return err
		}
	}
	return a.run(ctx)
}

// askFirst opens what the customer lets the agent do.
func (a *agentProcess) askFirst() (err error) {
	policy := consent.NoPolicy()
	if a.Policy != "" {
		if policy, err = consent.LoadPolicy(a.Policy); err != nil {
			return err
		}
		slog.Info("the agent heeds a policy", "policy", policy.String())
	}
	a.gate, err = consent.Open(a.DataDir, a.token.Owner+"/"+a.token.Agent, policy)
	return err
}

// openKept opens what the agent knows while nobody can be asked.
func (a *agentProcess) openKept() error {
	a.serverCharts = execute.NewServerCharts(filepath.Join(a.DataDir, "charts"), a.askChart)
	seed, err := a.key.Seed()
	if err == nil {
		a.kept, err = reconcile.OpenKept(filepath.Join(a.DataDir, "kept"), seed)
	}
	return err
}

// open reads where the agent belongs, and its key, and makes the key where there is none.
func (a *agentProcess) open() (err error) {
	if err := os.MkdirAll(a.DataDir, 0o700); err != nil {
		return fmt.Errorf("open the agent's data directory: %w", err)
	}
	if a.Join != "" {
		if a.token, err = client.ReadJoinToken(a.Join); err != nil {
			return err
		}
	} else if a.token, err = a.joined(); err != nil {
		return err
	}
	seed, err := os.ReadFile(filepath.Join(a.DataDir, keyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return a.makeKey()
	}
	if err != nil {
		return fmt.Errorf("read the agent's key: %w", err)
	}
	if a.key, err = nkeys.FromSeed([]byte(strings.TrimSpace(string(seed)))); err != nil {
		return fmt.Errorf("read the agent's key: %w", err)
	}
	return nil
}

// joined is where the agent has joined before.
func (a *agentProcess) joined() (t client.JoinToken, err error) {
	data, err := os.ReadFile(filepath.Join(a.DataDir, agentFile))
	if errors.Is(err, fs.ErrNotExist) {
		return t, client.Invalid("--join", "is missing: nothing in %s says that this agent has joined", a.DataDir)
	}
	if err == nil {
		err = json.Unmarshal(data, &t)
	}
	if err != nil {
		return t, fmt.Errorf("read where the agent belongs: %w", err)
	}
	return t, nil
}

// makeKey makes the agent's key, before anybody is told of it.
func (a *agentProcess) makeKey() (err error) {
	if a.key, err = nkeys.CreateUser(); err != nil {
		return fmt.Errorf("make the agent's key: %w", err)
	}
	seed, err := a.key.Seed()
	if err != nil {
		return fmt.Errorf("make the agent's key: %w", err)
	}
	return a.write(keyFile, seed)
}

// write keeps a file in the agent's data directory.
func (a *agentProcess) write(name string, data []byte) error {
	if err := filestore.WriteWhole(filepath.Join(a.DataDir, name), data); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// dial connects, with what both ways in have in common.
func (a *agentProcess) dial(inbox string, more ...nats.Option) (*nats.Conn, error) {
	way, err := client.ReadProxy("--proxy", a.Proxy, dialWithin)
	if err != nil {
		return nil, err
	}
	options := append([]nats.Option{nats.SetCustomDialer(way), nats.SkipHostLookup(), nats.Name("aerie agent"), nats.CustomInboxPrefix(inbox), nats.Timeout(dialWithin),
		nats.ReconnectBufSize(-1)}, more...)
	if config := a.token.TLS(); config != nil {
		options = append(options, nats.Secure(config))
	}
	return client.DialNATS(a.token.URL, options...)
}

// beforeTry is how long until the next try to reach the control plane. Many try at once when that was away.
func beforeTry(tries int) time.Duration {
	return rand.N(min(comeBack, time.Duration(tries)*time.Second) + 1)
}

// askFor asks for one answer.
func (a *agentProcess) askFor(ctx context.Context, nc *nats.Conn, what, subject string, question, answer any) error {
	data, err := ev.Encode(question)
	if err == nil {
		data, err = a.gate.Cross(what, subject, data)
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, subject, data)
	if err == nil && !bytes.HasPrefix(m.Data, []byte("{")) {
		err = errors.New(ev.Truncate(string(m.Data))) // why it is not answered
	}
	if err != nil {
		return fmt.Errorf("ask %s: %w", subject, err)
	}
	return json.Unmarshal(m.Data, answer)
}

// run enters with the key and works. It comes back whenever the connection is lost, for as long as the key is good.
func (a *agentProcess) run(ctx context.Context) (err error) {
	public, err := a.key.PublicKey()
	if err != nil {
		return fmt.Errorf("enter: %w", err)
	}
	options := []nats.Option{nats.Nkey(public, a.key.Sign), nats.MaxReconnects(-1), nats.CustomReconnectDelay(beforeTry),
		nats.IgnoreAuthErrorAbort(), // a control plane that has just started knows nobody yet
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			slog.Warn("the control plane was not reached, will try again", "err", err)
		}),
		nats.ErrorHandler(notLetIn)}
	a.nc, err = a.dial(agents.Inbox(public), options...)
	_, knows, _ := a.kept.Lease()
	if err != nil && !errors.Is(err, nats.ErrAuthorization) && (knows || !errors.Is(err, client.ErrKeptOut)) {
		slog.Warn("the control plane is not reached, will try again: the agent works from what it knows", "err", err)
		a.nc, err = a.dial(agents.Inbox(public), append(options, nats.RetryOnFailedConnect(true))...)
	}
	switch {
	case errors.Is(err, nats.ErrAuthorization):
		return ev.Refuse(ev.Denied, "this agent's key is not known, or was revoked: join with a new token")
	case err != nil:
		return ev.Refuse(ev.Unavailable, "no answer from %s: %v", client.Redacted(a.token.URL), err)
	}
	defer a.nc.Close()
	slog.Info("the agent works", "agent", a.token.Owner+"/"+a.token.Agent, "instance", a.instance)
	return a.serve(ctx)
}

// notLetIn logs what the server has against the agent. NATS tells it of a refused key here alone.
func notLetIn(_ *nats.Conn, _ *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, nats.ErrAuthRevoked) {
		slog.Warn("the agent is not let in, will try again; if it was revoked, join with a new token", "err", err)
		return
	}
	slog.Warn("the control plane refuses something", "err", err)
}

// serve says once a minute that the agent is there, and works while it has the lease.
func (a *agentProcess) serve(ctx context.Context) error {
	work := &placeWork{agentProcess: a}
	defer work.close()
	ctx, end := context.WithCancel(ctx)
	var listening sync.WaitGroup
	defer listening.Wait()
	defer end()
	listening.Go(func() { _ = a.gate.Run(ctx) }) // until then
	connected := a.nc.StatusChanged(nats.CONNECTED)
	defer a.nc.RemoveStatusListener(connected)
	for {
		err := a.say(ctx, work)
		pause := sayEvery
		switch {
		case errors.Is(err, errStandsBy):
			pause = standBy
		case err != nil && ctx.Err() == nil:
			slog.Warn("the control plane was not told that the agent is there, will try again", "err", err)
			pause = 2 * time.Second
			a.workAlone(ctx, work)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-connected:
		case <-time.After(pause):
		}
	}
}

// workAlone has an agent that has just started work from its last lease while the control plane can't be reached.
func (a *agentProcess) workAlone(ctx context.Context, work *placeWork) {
	if work.end != nil || a.nc.IsConnected() {
		return
	}
	lease, some, err := a.kept.Lease()
	if err == nil && some {
		err = work.begin(ctx, lease)
	}
	if err != nil {
		slog.Error("the agent does not work", "err", err)
	}
}

var errStandsBy = errors.New("another instance works")

// say takes or keeps the lease, and begins or ends the work.
func (a *agentProcess) say(ctx context.Context, work *placeWork) error {
	at := ev.AgentSubject(a.token.Owner, ev.AgentPlace(a.token.Agent), ev.AskSeen)
	asked, known := time.Now(), a.gate.Log()
	seen := ev.SeenQuestion{Instance: a.instance, Version: a.Version, Effects: execute.Effects(), Now: asked.UTC()}
	repaired, err := a.kept.Repairs()
	if err != nil {
		slog.Error("what was repaired is not known", "err", err)
	}
	seen.Repaired = repaired[:min(len(repaired), ev.MostRepairs)]
	a.tellDifference(&seen)
	var lease ev.Lease
	if err := a.askFor(ctx, a.nc, ev.AskSeen, at, seen, &lease); err != nil {
		return err
	}
	a.compareClocks(asked, time.Now(), lease.Now)
	if lease.HeldBy != "" {
		slog.Info("another instance of this agent works: this one stands by", "instance", lease.HeldBy, "since", lease.Since)
		work.stop()
		return errStandsBy
	}
	if lease.Error != "" {
		return errors.New(lease.Error)
	}
	if err := errors.Join(a.gate.Meet(known, lease.Log), a.gate.Keep(lease.Agreed)); err != nil {
		return err
	}
	a.news.Hear(lease)
	if seen.Differs != nil {
		a.told = seen.Differs.Now
	} else if _, news := a.untold(); news {
		return a.say(ctx, work)
	}
	a.keepLease(lease)
	if len(seen.Repaired) > 0 {
		if err := a.kept.Told(len(seen.Repaired)); err != nil {
			return err
		}
	}
	return work.begin(ctx, lease)
}

// keepLease keeps on disk where the agent works, when that is not there yet.
func (a *agentProcess) keepLease(l ev.Lease) {
	l.Now, l.Log, l.Changed = time.Time{}, ev.LogPoint{}, 0
	if a.lease != nil && reflect.DeepEqual(*a.lease, l) {
		return
	}
	if err := a.kept.PutLease(l); err != nil {
		slog.Error("what the agent knows is not kept", "err", err)
		return
	}
	a.lease = &l
}

// mostOff is by how much this machine's clock may differ from the control plane's without a word about it.
const mostOff = 5 * time.Minute

// compareClocks notes by how much the control plane's clock is ahead: it answered between two moments.
func (a *agentProcess) compareClocks(asked, answered, theirs time.Time) {
	if theirs.IsZero() {
		return // a release before
	}
	ahead := theirs.Sub(asked.Add(answered.Sub(asked) / 2))
	a.skew.Set(ahead)
	wrong := ahead.Abs() > mostOff
	if wrong && !a.wrong {
		slog.Warn("this machine's clock is wrong, or the control plane's", "behind", ahead.Round(time.Second).String())
	}
	a.wrong = wrong
}
