package server

import (
	"log/slog"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/embedded"
)

// admit lets in over NATS whom the registry knows, and throws out whom it knows no more. NATS servers of somebody else's let
// in whom they know themselves. What is asked is decided with a look into clusters where only those know.
func (c *Control) admit() {
	c.Intake.SurveyBy(c.survey)
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
		Key: c.who.Key, Actor: c.who.Actor,
	})
}
