package execute

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// An agent that has heard nothing for the time of a lease ends what it does: others may be doing it by now. Until then it goes on.
func TestAnAgentAloneEndsItsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancelCause(t.Context())
		defer end(nil)
		a := &Agent{running: map[ev.Ref]context.CancelCauseFunc{}, answeredAt: time.Now()}
		if !a.idle() {
			t.Error("it is busy with nothing")
		}
		a.running[ev.Ref{Kind: ev.Tenant, Owner: "acme", ID: "prod"}] = end
		if a.idle() {
			t.Error("it is idle while it works")
		}
		time.Sleep(fsm.AgentAlone - time.Second)
		a.endAlone()
		if ctx.Err() != nil {
			t.Error("it ends its work while it has the lease")
		}
		time.Sleep(time.Second)
		a.endAlone()
		if !errors.Is(context.Cause(ctx), errNoLongerOwed) {
			t.Errorf("alone it goes on: %v", context.Cause(ctx))
		}
	})
}
