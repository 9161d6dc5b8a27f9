package workers

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/fsm"
)

// posted is what was last put on the work queue for an entity.
type posted struct {
	place  eventlog.Place
	digest string
	failed int       // attempts that had failed by then
	nextAt time.Time // of the last of them
	since  time.Time // when the phase began: the same may be owed anew
}

// post puts an effect on the work queue unless it stands there already.
func (d *Dispatcher) post(ctx context.Context, e fsm.Entity[fsm.Data], owed ev.Effect) error {
	now := posted{placeOf(owed), fsm.DigestOf(owed), e.Attempts(), nextAt(e), e.Since}
	was, there := d.stands(e.Ref)
	if was == now {
		return nil
	}
	if there && was.place != now.place {
		if err := d.withdraw(ctx, e); err != nil {
			return err
		}
	}
	args, err := json.Marshal(owed)
	if err != nil {
		return fmt.Errorf("write %s of %s: %w", owed.Effect(), e.Ref, err)
	}
	w := ev.Work{Ref: e.Ref, UID: e.UID, Revision: e.Seq, Digest: now.digest, Attempt: now.failed + 1,
		Effect: owed.Effect(), Args: args}
	if err := d.work.Put(ctx, now.place, w); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.put[e.Ref] = now
	return nil
}

// withdraw says on the work queue that nothing is owed there any more, if
// something was.
func (d *Dispatcher) withdraw(ctx context.Context, e fsm.Entity[fsm.Data]) error {
	was, ok := d.stands(e.Ref)
	if !ok {
		return nil
	}
	if err := d.work.Put(ctx, was.place, ev.Work{Ref: e.Ref, UID: e.UID, Revision: e.Seq}); err != nil {
		return err
	}
	d.forget(e.Ref)
	return nil
}

// stands is what was last put for an entity.
func (d *Dispatcher) stands(ref ev.Ref) (posted, bool) {
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

// placeOf is the dataplane on which an effect is done.
func placeOf(owed ev.Effect) eventlog.Place {
	sited, ok := owed.(interface{ Where() ev.Site })
	if !ok {
		return eventlog.Nowhere
	}
	dp, _ := ev.ParseRef(ev.Dataplane, sited.Where().Dataplane)
	return eventlog.Place{Owner: dp.Owner, Dataplane: dp.ID}
}
