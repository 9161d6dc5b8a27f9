package command

import (
	"context"
	"log/slog"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// surveyWithin is how long a look into a cluster may take on which a decision waits.
const surveyWithin = 10 * time.Second

// Survey looks what a tenant uses, and what is in the way of its pods.
type Survey func(ctx context.Context, of ev.TenantSurvey) (ev.TenantUse, error)

// SurveyBy has a function look into clusters where only those know what a decision needs; it is set before Serve.
func (i *Intake) SurveyBy(look Survey) { i.look = look }

// survey adds to a move what its tenant uses, if the decision depends on that.
func (i *Intake) survey(ctx context.Context, c ev.Command) (ev.Command, error) {
	if _, ok := c.Payload.(ev.Move); !ok {
		return c, nil
	}
	var of ev.TenantSurvey
	must := false
	i.fold.View(func(w *state.Entities) {
		if _, given := w.Caused(c.ID); given {
			return
		}
		if e, born := w.Get(c.Ref); born {
			of, must = fsm.SurveyOfMove(e, c, w.Refs())
		}
	})
	if !must || i.look == nil {
		return c, nil
	}
	ctx, end := context.WithTimeout(ctx, surveyWithin)
	defer end()
	use, err := i.look(ctx, of)
	if err != nil {
		slog.Warn("a tenant's use was not seen", "entity", c.Ref.String(), "err", err)
		return c, ev.Refuse(ev.Unavailable, "move %s: its cluster did not say within %s what the tenant uses, which must be known first: ask again", c.Ref, surveyWithin)
	}
	c.Use = &use
	return c, nil
}

// lacksSurvey tells whether a command was refused because nobody has looked into the cluster: when it came no look was needed.
func lacksSurvey(c ev.Command, refused error) bool {
	_, moves := c.Payload.(ev.Move)
	return moves && c.Use == nil && answerCode(refused) == string(ev.Unavailable)
}
