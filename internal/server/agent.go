package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/oklog/ulid/v2"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/workers/agents"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/execute"
	"github.com/aeriehq/aerie/workers/reconcile"
)

// AgentSettings are what `aerie agent run` can be told.
type AgentSettings struct {
	Join    string // the token; empty: it has joined before
	DataDir string // where its key is
	Proxy   string // the way out; empty: as HTTPS_PROXY says, or none
	Version string // of the program

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
	token    client.JoinToken
	key      nkeys.KeyPair
	instance string // of this process
	nc       *nats.Conn
	skew     execute.Skew
	wrong    bool // the clock was, when the control plane was heard last
}

// RunAgent joins if that is still to be done, and works until ctx ends or the agent is revoked.
func RunAgent(ctx context.Context, s AgentSettings) error {
	a := &agentProcess{AgentSettings: s, instance: ulid.Make().String()}
	if err := a.open(); err != nil {
		return NotStarted(err)
	}
	if a.token.Secret != "" {
		if err := a.join(ctx); err != nil {
			return err
		}
	}
	return a.run(ctx)
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

// join shows the secret, and has the key of this agent taken.
func (a *agentProcess) join(ctx context.Context) error {
	t := a.token
	nc, err := a.dial(agents.Inbox(ev.HashOf(t.Secret)), nats.Token(agents.JoinToken(t.Owner, t.Agent, t.Secret)))
	if errors.Is(err, nats.ErrAuthorization) {
		return ev.Refuse(ev.Denied, "this token is not good, or not any more: ask for another one with aerie agent invite")
	}
	if err != nil {
		return ev.Refuse(ev.Unavailable, "no answer from %s: %v", client.Redacted(t.URL), err)
	}
	defer nc.Close()
	public, err := a.key.PublicKey()
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	var answer ev.JoinAnswer
	at := ev.AgentSubject(t.Owner, ev.AgentPlace(t.Agent), ev.AskJoin)
	if err := askFor(ctx, nc, at, ev.JoinQuestion{Key: public}, &answer); err != nil {
		return fmt.Errorf("join: %w", err)
	}
	if answer.Error != "" {
		return ev.Refuse(ev.Denied, "%s", answer.Error)
	}
	a.token.Secret = ""
	data, err := ev.Encode(a.token)
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	return a.write(agentFile, data)
}

// askFor asks for one answer.
func askFor(ctx context.Context, nc *nats.Conn, subject string, question, answer any) error {
	data, err := ev.Encode(question)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, subject, data)
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
	a.nc, err = a.dial(agents.Inbox(public), nats.Nkey(public, a.key.Sign), nats.MaxReconnects(-1),
		nats.CustomReconnectDelay(func(tries int) time.Duration { return rand.N(min(comeBack, time.Duration(tries)*time.Second) + 1) }),
		nats.IgnoreAuthErrorAbort(), // a control plane that has just started knows nobody yet
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			slog.Warn("the control plane was not reached, will try again", "err", err)
		}),
		nats.ErrorHandler(notLetIn))
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
		}
		select {
		case <-ctx.Done():
			return nil
		case <-connected:
		case <-time.After(pause):
		}
	}
}

var errStandsBy = errors.New("another instance works")

// say takes or keeps the lease, and begins or ends the work.
func (a *agentProcess) say(ctx context.Context, work *placeWork) error {
	at := ev.AgentSubject(a.token.Owner, ev.AgentPlace(a.token.Agent), ev.AskSeen)
	asked := time.Now()
	seen := ev.SeenQuestion{Instance: a.instance, Version: a.Version, Effects: execute.Effects(), Now: asked.UTC()}
	var lease ev.Lease
	if err := askFor(ctx, a.nc, at, seen, &lease); err != nil {
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
	return work.begin(ctx, lease)
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

// placeWork is the work at all places of an agent.
type placeWork struct {
	*agentProcess
	control *Control // has the clouds, as a server has them
	now     ev.Lease
	end     context.CancelFunc
	all     sync.WaitGroup
}

// begin works at the places that the agent is told, unless it does already.
func (w *placeWork) begin(ctx context.Context, lease ev.Lease) error {
	if w.end != nil && slices.Equal(w.now.Places, lease.Places) && w.now.Speed == lease.Speed {
		return nil
	}
	w.stop()
	w.now = lease
	clouds, charts, err := w.clouds(lease)
	if err != nil {
		return err
	}
	ctx, w.end = context.WithCancel(ctx)
	slots, speed := execute.NewSlots(), clock.Clock{Speed: lease.Speed}
	var places []execute.Channel
	for _, name := range lease.Places {
		place := queue.Partition{Owner: w.token.Owner, Dataplane: name}
		at := execute.Channel{Conn: w.nc, Place: place, Skew: &w.skew}
		places = append(places, at)
		x := execute.NewAgent(at, slots, clouds, speed)
		x.UseCharts(charts)
		w.run(ctx, "the work at "+name, x.Run)
	}
	if len(places) == 0 {
		return nil
	}
	inspector, sweeper, cataloguer := reconcile.ForAgent(places, clouds, speed)
	inspector.UseCharts(charts)
	sweeper.UseCharts(charts)
	w.run(ctx, "the look for drift", inspector.Run)
	w.run(ctx, "the watch over clusters", reconcile.NewWatcher(inspector).Run)
	w.run(ctx, "the sweeping", sweeper.Run)
	w.run(ctx, "the look at catalogues", cataloguer.Run)
	return nil
}

// run does a part of the work until it is stopped.
func (w *placeWork) run(ctx context.Context, what string, do func(context.Context) error) {
	w.all.Go(func() {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			slog.Error(what+" ended", "err", err)
		}
	})
}

// clouds opens the clouds as a server does: those that this machine has credentials for, and a simulated one.
func (w *placeWork) clouds(lease ev.Lease) (map[string]execute.Cloud, *execute.Charts, error) {
	if w.control == nil {
		c, s := &Control{}, Settings{DataDir: w.DataDir, SimSpeed: lease.Speed, SecretStores: w.SecretStores}
		if err := errors.Join(c.openClouds(s), c.openCharts(s)); err != nil {
			return nil, nil, err
		}
		w.control = c
	}
	clouds := map[string]execute.Cloud{}
	for name, s := range w.control.clouds {
		clouds[name] = s.cloud()
	}
	return clouds, w.control.charts, nil
}

// stop ends the work at all places.
func (w *placeWork) stop() {
	if w.end != nil {
		w.end()
		w.all.Wait()
		w.end = nil
	}
}

func (w *placeWork) close() {
	w.stop()
	if w.control == nil {
		return
	}
	for _, s := range w.control.clouds {
		if err := s.close(); err != nil {
			slog.Warn("a cloud was not closed", "err", err)
		}
	}
}
