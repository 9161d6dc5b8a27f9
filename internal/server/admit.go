package server

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/callout"
	"github.com/aeriehq/aerie/events/eventlog/embedded"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server/access"
	"github.com/aeriehq/aerie/projections/api"
	"github.com/aeriehq/aerie/projections/identity"
	"github.com/aeriehq/aerie/workers/command/places"
	"github.com/aeriehq/aerie/workers/login"
)

// entrance is who comes in, and what is written down about it.
type entrance struct {
	who      *identity.Registry
	local    *localToken
	issuers  login.Settings // whose word is taken about people
	login    *login.Service // nil: nobody's
	attempts *attempts
	afar     *elsewhere // uses of the local token from other machines
	budgets  *identity.Budgets
	reads    *access.Log
	readers  *places.Room // for so many questions about the past as are answered at once
	keys     ownKeys
	callout  *callout.Key  // nil: NATS servers of somebody else's let in whom they know themselves
	looks    *rate.Limiter // how often the end of the log is looked up for who is not known
}

// looksASecond bounds how often the end of the log is looked up for who shows what nobody is known by.
const looksASecond = 100

// shown says who shows a token. One of the log's own may have been made at another replica just now.
func (c *Control) shown(token string) (ev.Caller, <-chan struct{}, error) {
	caller, gone, err := c.who.Authenticate(token)
	if _, _, ours := ev.SplitToken(token); ours && errors.Is(err, ev.ErrNobody) && c.reached() {
		return c.who.Authenticate(token)
	}
	return caller, gone, err
}

// reached has the registry know all that other replicas have answered; false where there are none, or who asks must go without.
func (c *Control) reached() bool {
	if !c.Log.Shared() || !c.looks.Allow() {
		return false
	}
	ctx, cancel := context.WithTimeout(c.core.ctx, time.Second)
	defer cancel()
	return c.Intake.Reach(ctx) == nil
}

// admit lets in over NATS whom the registry knows, and throws out whom it no longer knows. NATS servers of somebody else's let
// in whom they know themselves, or ask (openCallout). What is asked is decided with a look into clusters where only those know.
func (c *Control) admit(s Settings) {
	each := identity.DefaultBudget
	if s.Budget != nil {
		each = *s.Budget
	}
	c.readers, c.looks = places.New(readersAtOnce, readersAtOnce/4), rate.NewLimiter(looksASecond, looksASecond)
	c.budgets = identity.NewBudgets(each, c.counts.Exceeded)
	c.Intake.SurveyBy(c.survey)
	c.attempts = &attempts{do: c.Intake.SubmitCommand, refOf: c.who.RefOf, count: c.counts.Denied,
		first: make(chan string, 256), untold: map[string]ev.AttemptsRefused{}}
	c.Intake.CountDenied(c.attempts.refused)
	c.afar = &elsewhere{do: c.Intake.SubmitCommand, news: make(chan struct{}, 1)}
	c.Intake.SpendBy(c.budgets.Spend)
	if c.callout != nil {
		c.Intake.TrustQueue()
	}
	if c.NATS == nil {
		return
	}
	c.Intake.KnowCallers(c.who.Actor)
	c.agents.SpendBy(c.budgets.SpendAgent)
	c.endWith(c.NATS.Evict)
	c.NATS.Admit(c.callers())
}

// violated is told by the NATS server of who published or subscribed where he may not.
func (c *Control) violated(actor, subject string) {
	caller, known := c.who.Actor(actor)
	if !known {
		return
	}
	verb, kind := ev.VerbRead, ev.Kind("")
	if tokens := strings.Split(subject, "."); len(tokens) == 6 && (tokens[1] == "cmd" || tokens[1] == "queue") {
		kind, verb = ev.Kind(tokens[3]), tokens[5]
	}
	c.attempts.refused(caller, verb, kind)
}

// watchReads writes down who has read what, and who asked what he may not.
func (c *Control) watchReads(s Settings) (err error) {
	c.run(&c.core, "refused attempts", c.attempts.tell)
	c.run(&c.core, "uses of the local token from afar", c.afar.tell)
	if c.reads, err = access.Open(filepath.Join(s.DataDir, "access")); err != nil {
		return err
	}
	c.run(&c.core, "the log of reads", func(ctx context.Context) error { c.reads.Run(ctx); return nil })
	return nil
}

// noteRead writes down an answer to who has read.
func (c *Control) noteRead(r api.Reading) {
	c.reads.Note(access.Line{At: r.Begun.UTC(), Actor: r.Caller.Actor, Route: r.Route, Owner: r.Owner, Status: r.Status, Bytes: r.Bytes,
		TookMS: time.Since(r.Begun).Milliseconds()})
}

// readCallout reads the key with which callers are let into NATS servers of somebody else's, if there is one.
func (c *Control) readCallout(s Settings) error {
	if s.CalloutKey == "" {
		return nil
	}
	key, err := callout.ReadKey(s.CalloutKey)
	if err != nil {
		return client.Invalid("--nats-callout-key", "%v", err)
	}
	c.callout = &key
	return nil
}

// connect connects to NATS servers of somebody else's, with aerie's own key where it lets callers in.
func (c *Control) connect(s Settings) (err error) {
	var enter []nats.Option
	if c.callout != nil {
		own, err := c.callout.Enter()
		if err != nil {
			return err
		}
		enter = append(enter, own)
	}
	c.Conn, err = dialNATS(s.NATSURL, s.Access, enter...)
	return err
}

// weaker is what callers have less of there than on the embedded server.
const weaker = "; callers come in over NATS, where agents do not come in, what is tried beyond one's rights is in the NATS servers' logs alone, " +
	"live events come once from each replica, and connections beyond those that a caller may have are ended a moment later"

// lostAnswer is what may happen between servers that keep several connections to each other: accounts are spread over them, so that an
// answer may come to a server before it knows, by another connection, that somebody listens there.
const lostAnswer = "; the first answer to who has just connected may be lost, unless the cluster block of each server has pool_size: -1"

// pooledAsOne tells whether each server is known to keep one connection to each other one.
func pooledAsOne(ctx context.Context, monitors string) bool {
	if monitors == "" {
		return false
	}
	for _, at := range strings.Split(monitors, ",") {
		if v, err := readMonitor(ctx, strings.TrimSpace(at)); err != nil || v.Cluster.PoolSize >= 0 {
			return false
		}
	}
	return true
}

// openCallout lets callers into those servers, once commands are taken, and tries it.
func (c *Control) openCallout(s Settings) error {
	if c.callout == nil {
		return nil
	}
	door, err := callout.Open(c.doors.ctx, c.Conn, *c.callout, c.callers(), callout.Handlers{Command: c.Intake.Take, Read: c.takeRead})
	if err != nil {
		return err
	}
	c.endWith(door.Evict)
	c.kept += weaker
	if c.Log.Copies() > 1 && !pooledAsOne(c.core.ctx, s.Monitor) {
		c.kept += lostAnswer
	}
	options, err := s.Access.TrustOptions()
	if err != nil {
		return err
	}
	err = door.Probe(c.core.ctx, func(more ...nats.Option) (*nats.Conn, error) {
		return client.DialNATS(client.Redacted(s.NATSURL), append(append(options, nats.Timeout(client.AttemptTimeout)), more...)...)
	})
	if err != nil {
		return err
	}
	c.run(&c.doors, "the watch over callers' connections", func(ctx context.Context) error { return door.Watch(ctx, c.who.LetIn) })
	return nil
}

// callers says who may come in over NATS.
func (c *Control) callers() embedded.Callers {
	return embedded.Callers{
		Token: func(token string) (ev.Caller, bool) {
			caller, _, err := c.shown(token)
			return caller, err == nil
		},
		Key: func(public string) (ev.Caller, bool) {
			caller, known := c.who.Key(public)
			if !known && c.reached() {
				return c.who.Key(public)
			}
			return caller, known
		},
		Actor: c.who.Actor, Denied: c.violated, Spend: c.budgets.Spend,
		Full:  func(caller ev.Caller) { c.full(caller.Actor, caller.Role) },
		Local: func(address string) { c.afar.used("nats", address) },
	}
}

// full notes that a connection was refused, because there are as many of a caller's or an agent's as may be.
func (c *Control) full(who string, role ev.Role) {
	c.counts.Exceeded(role, identity.OutOfConnections)
	slog.Warn("a connection is refused: there are as many as there may be", "of", who)
}

// endWith ends the connections of who is no longer let in.
func (c *Control) endWith(evict func(actor string) (int, error)) {
	c.who.OnEnd(func(actor string) {
		if n, err := evict(actor); err != nil {
			slog.Error("connections are not ended", "actor", actor, "err", err)
		} else if n > 0 {
			slog.Info("connections ended: their caller is no longer let in, or not as before", "actor", actor, "connections", n)
		}
	})
}
