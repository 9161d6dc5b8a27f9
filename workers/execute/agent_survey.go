package execute

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	ev "github.com/aeriehq/aerie/events"
)

// survey looks what a tenant at this place uses, as a hint asks, and tells it. It changes nothing, and does not wait for a slot: somebody
// waits for the answer.
func (a *Agent) survey(ctx context.Context, asked []byte) {
	var w ev.SurveyWanted
	if err := json.Unmarshal(asked, &w); err != nil {
		slog.Warn("not understood what is to be looked at", "place", a.Place.Dataplane, "err", err)
		return
	}
	ctx, end := context.WithTimeout(ctx, agentAnswer)
	defer end()
	said := ev.Surveyed{ID: w.ID}
	use, err := a.surveyed(ctx, w)
	if err != nil {
		reason, _ := ReasonOf(err)
		said.Error = ev.Truncate(reason.Message)
	} else {
		said.Use = &use
	}
	var taken ev.SurveyTaken
	if err := a.Ask(ctx, ev.AskSurveyed, said, &taken); err != nil || taken.Error != "" {
		slog.Warn("what a tenant uses is not told", "entity", w.Ref.String(), "err", err, "answer", taken.Error)
	}
}

// surveyed holds what is to be looked at to the place, as it does all work, and looks.
func (a *Agent) surveyed(ctx context.Context, w ev.SurveyWanted) (use ev.TenantUse, err error) {
	args, err := ev.Encode(w.Survey.EnsureTenant)
	if err == nil {
		_, err = a.ReadEffect(w.Ref, w.UID, w.Survey.Effect(), args)
	}
	if err == nil && !a.mayLookAt(w.Survey.There) {
		err = fmt.Errorf("%w: it is to look at %s", errForeign, w.Survey.There.Dataplane)
	}
	if err != nil {
		return use, err
	}
	return SurveyTenant(ctx, a.clouds, w.Survey)
}

// beginSurvey begins to look at a tenant, unless Run ends.
func (a *Agent) beginSurvey(ctx context.Context, wanted []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closing {
		return
	}
	select {
	case a.surveys <- struct{}{}:
		a.all.Go(func() {
			defer func() { <-a.surveys }()
			a.survey(ctx, wanted)
		})
	default: // whoever asks so much is not answered
	}
}
