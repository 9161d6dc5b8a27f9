package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/command"
)

// Enqueued is what was last put on the work queue for an entity.
type Enqueued struct {
	Place    queue.Partition
	Digest   string
	Failures int        // attempts that had failed by then
	nextAt   time.Time  // of the last of them
	since    time.Time  // when the phase began: the same may be owed anew
	drifted  time.Time  // when something had drifted last: a repair on a tenant's way begins no phase
	By       fsm.Worker // of an agent: it asks for it, and nothing stands on the queue
}

// EnqueuedFor is what an effect is put as.
func EnqueuedFor(e fsm.Entity[fsm.Data], owed ev.Effect, by fsm.Worker) Enqueued {
	now := Enqueued{queue.PlaceOf(owed), fsm.DigestOf(owed), e.Attempts(), NextAt(e), e.PhaseSince, time.Time{}, by}
	if len(e.Relapses) > 0 {
		now.drifted = e.Relapses[0].Last
	}
	return now
}

// RunsFrom is from when the time of an entity's phase runs: while a contested repair is paused it does not.
func RunsFrom(e fsm.Entity[fsm.Data]) time.Time {
	if at := NextAt(e); at.After(e.PhaseSince) && e.Attempt.Code == ev.Contested {
		return at
	}
	return e.PhaseSince
}

// post puts an effect on the work queue unless this process has put just that before. A process that dies before note puts it
// once more after its restart: the queue keeps the newest of an entity, and the executor asks whether it is still owed.
func (d *Dispatcher) post(ctx context.Context, l look, owed ev.Effect) error {
	e := l.e
	now := EnqueuedFor(e, owed, l.duty.By)
	was, there := d.stands(e.Ref)
	if was == now {
		return nil
	}
	if there && (was.Place != now.Place || was.By != now.By) {
		if err := d.withdraw(ctx, l); err != nil {
			return err
		}
	}
	if now.By == fsm.ByAgent {
		if err := d.work.Hint(now.Place); err != nil {
			return err
		}
		d.note(e.Ref, now)
		return nil
	}
	args, err := ev.Encode(owed)
	if err != nil {
		return fmt.Errorf("write %s of %s: %w", owed.Effect(), e.Ref, err)
	}
	w := ev.Work{Ref: e.Ref, UID: e.UID, Revision: d.fold.Revision(l.duty.Seq), Digest: now.Digest, Attempt: now.Failures + 1,
		Effect: owed.Effect(), Args: args}
	err = d.work.Put(ctx, now.Place, w)
	if errors.Is(err, nats.ErrMaxPayload) {
		return d.tooLarge(ctx, w, len(args))
	}
	if err != nil {
		return err
	}
	d.note(e.Ref, now)
	return nil
}

func (d *Dispatcher) note(ref ev.Ref, put Enqueued) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.put[ref] = put
}

// tooLarge gives up an effect that no message can carry: it is made of several specs that are each as large as can be.
func (d *Dispatcher) tooLarge(ctx context.Context, w ev.Work, size int) error {
	why := ev.Reason{Code: ev.ConfigProblem, Fault: ev.ByUser, Message: fmt.Sprintf("%s would be a message of %d bytes, more than the NATS server takes: make the specs smaller that it is made of", w.Effect, size)}
	failed := &ev.AttemptFailed{Effect: w.Effect, Revision: ev.SeqOf(w.Revision), Reason: why,
		NextAt: time.Now().UTC().Add(d.clock.Backoff(w.Attempt))}
	return ignoreRefusal(d.do(ctx, command.Internal(w.Ref, ev.ActorAerie, ev.Report{UID: w.UID, Digest: w.Digest, Failure: failed})))
}

// withdraw says on the work queue that nothing is owed there any more, if
// something was.
func (d *Dispatcher) withdraw(ctx context.Context, l look) error {
	e := l.e
	was, ok := d.stands(e.Ref)
	if !ok {
		return nil
	}
	if was.By == fsm.ByAgent {
		d.forget(e.Ref)
		return d.work.Hint(was.Place)
	}
	if err := d.work.Put(ctx, was.Place, ev.Work{Ref: e.Ref, UID: e.UID, Revision: d.fold.Revision(l.duty.Seq)}); err != nil {
		return err
	}
	d.forget(e.Ref)
	return nil
}

// stands is what was last put for an entity.
func (d *Dispatcher) stands(ref ev.Ref) (Enqueued, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p, ok := d.put[ref]
	return p, ok
}

func (d *Dispatcher) forget(ref ev.Ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.put, ref)
}
