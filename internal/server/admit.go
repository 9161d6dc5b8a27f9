package server

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/embedded"
	"github.com/aeriehq/aerie/internal/server/access"
	"github.com/aeriehq/aerie/projections/api"
	"github.com/aeriehq/aerie/projections/identity"
	"github.com/aeriehq/aerie/workers/login"
)

// entrance is who comes in, and what is written down about it.
type entrance struct {
	who      *identity.Registry
	local    *localToken
	issuers  login.Settings // whose word is taken about people
	login    *login.Service // nil: nobody's
	attempts *attempts
	reads    *access.Log
}

// admit lets in over NATS whom the registry knows, and throws out whom it knows no more. NATS servers of somebody else's let
// in whom they know themselves. What is asked is decided with a look into clusters where only those know.
func (c *Control) admit() {
	c.Intake.SurveyBy(c.survey)
	c.attempts = &attempts{do: c.Intake.SubmitCommand, refOf: c.who.RefOf, count: c.counts.Denied,
		first: make(chan string, 256), untold: map[string]ev.AttemptsRefused{}}
	c.Intake.CountDenied(c.attempts.refused)
	if c.NATS == nil {
		return
	}
	c.Intake.KnowCallers(c.who.Actor)
	c.who.OnEnd(func(actor string) {
		if n, err := c.NATS.Evict(actor); err != nil {
			slog.Error("connections are not ended", "actor", actor, "err", err)
		} else if n > 0 {
			slog.Info("connections ended: their caller is let in no more, or not as before", "actor", actor, "connections", n)
		}
	})
	c.NATS.Admit(embedded.Callers{
		Token: func(token string) (ev.Caller, bool) {
			caller, _, ok := c.who.Authenticate(token)
			return caller, ok
		},
		Key: c.who.Key, Actor: c.who.Actor, Denied: c.violated,
	})
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
