package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// observed takes what an agent has seen besides work: drift, what it has swept, and what there is in a region.
func (i *Intake) observed(ctx context.Context, subject string, r ev.ExecutorReport) error {
	if r.Saw != nil && ev.EpochOf(r.Revision) != i.fold.Point().Epoch {
		return nil // by what is no longer in the log: the next look
	}
	c, err := i.observation(subject, r)
	if err != nil {
		return fmt.Errorf("read report: %w", err)
	}
	_, err = i.SubmitCommand(ctx, c)
	var refusal *ev.Refusal
	if r.Saw != nil && errors.As(err, &refusal) && refusal.Code == ev.Conflict {
		return nil // it has moved on: the next look
	}
	return err
}

// mostEvery bounds what an agent says of the time between its looks.
const mostEvery = time.Hour

// bound cuts what a report says in words: whoever reports may be of another release, or in other hands.
func bound(r *ev.ExecutorReport) {
	if r.Failure != nil {
		r.Failure.Message = ev.Cut(r.Failure.Message, mostWords)
		r.Failure.Revision = ev.SeqOf(r.Failure.Revision)
	}
	r.Every = min(max(r.Every, 0), mostEvery)
	if r.Saw != nil {
		r.Saw.Found = r.Saw.Found[:min(len(r.Saw.Found), mostNamed)]
		for i := range r.Saw.Found {
			d := &r.Saw.Found[i]
			d.What, d.Message = ev.Cut(d.What, mostWords), ev.Cut(d.Message, mostWords)
		}
	}
	if r.Swept != nil {
		r.Swept.Resources = r.Swept.Resources[:min(len(r.Swept.Resources), mostNamed)]
		for i := range r.Swept.Resources {
			r.Swept.Resources[i] = ev.Cut(r.Swept.Resources[i], mostWords)
		}
	}
}

// What a report may say: as much as executors do.
const (
	mostWords = 4 << 10
	mostNamed = 100
)

// observation is the command of such a report. An error says that it is not for whoever reports at that place to say.
func (i *Intake) observation(subject string, r ev.ExecutorReport) (c ev.Command, err error) {
	t := strings.Split(strings.TrimPrefix(subject, ev.ReportPrefix), ".") // it was held to the entity
	place := queue.Partition{Owner: t[0], Dataplane: t[1]}
	may := false
	switch {
	case r.Saw != nil:
		r.Saw.Every = min(max(r.Saw.Every, 0), mostEvery)
		c = Internal(r.Ref, ev.ActorExecutor, *r.Saw)
		seq := ev.SeqOf(r.Revision)
		c.ExpectedSeq = &seq
		i.fold.View(func(w *state.Entities) { may = standsAt(w, r.Ref, place) })
	case r.Swept != nil:
		c = Internal(r.Ref, ev.ActorExecutor, ev.Sweep{Swept: *r.Swept})
		i.fold.View(func(w *state.Entities) { may = sweepsAt(w, r.Ref, r.Swept.UID, place) })
	default:
		c = Internal(r.Ref, ev.ActorExecutor, *r.Catalogue)
		c.ExpectedUID = r.UID
		may = r.Ref.Kind == ev.Account && place == queue.Partition{Owner: r.Ref.Owner, Dataplane: ev.AccountPlace(r.Ref.ID)}
	}
	if !may {
		return c, fmt.Errorf("%s is not at %s.%s", r.Ref, place.Owner, place.Dataplane)
	}
	return c, nil
}

// standsAt tells whether what was made for an entity is at a place. Of who has moved on nobody says where he was: the
// sequence refuses that.
func standsAt(w *state.Entities, ref ev.Ref, place queue.Partition) bool {
	e, _ := w.Get(ref)
	made := fsm.Machines[ref.Kind].ExpectedEffects(e, w.Refs())
	return len(made) == 0 || queue.PlaceOf(made[0]) == place
}

// sweepsAt tells whether something of an incarnation may have been swept at a place: it is its customer's and has ended, or
// it is the dataplane's own that is swept there of what nobody needs.
func sweepsAt(w *state.Entities, ref ev.Ref, uid string, place queue.Partition) bool {
	if own := (ev.Ref{Kind: ev.Dataplane, Owner: place.Owner, ID: place.Dataplane}); ref == own {
		return w.Knows(ref, uid)
	}
	return ref.Owner == place.Owner && w.HasEnded(ref, uid)
}
