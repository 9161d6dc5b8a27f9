package execute

import (
	"context"

	ev "github.com/aeriehq/aerie/events"
)

func verifyAccount(ctx context.Context, t *Task) Result {
	e, err := args[ev.VerifyAccount](t)
	if err != nil {
		return Result{Err: err}
	}
	c, err := t.CloudOf(e.Account)
	if err != nil {
		return Result{Err: err}
	}
	if err := t.Call("Check", func() error { return c.Check(ctx, accountOf(e.Account)) }); err != nil {
		return Result{Err: err}
	}
	return Result{Outcome: ev.Verified{}}
}
