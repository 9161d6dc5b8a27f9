package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aeriehq/aerie/cloud/kube/release"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/execute"
)

// ForAgent makes what looks for drift, sweeps, and reads catalogues where an agent works. What they know of the log is asked
// for at its places, and what they see is reported there; everything else is as in a server.
func ForAgent(places []execute.Channel, clouds map[string]execute.Cloud, clock clock.Clock) (
	*Inspector, *Sweeper, *Cataloguer) {
	t := &told{places: places, rests: map[ev.Ref]standing{}}
	return &Inspector{known: t, clouds: clouds, clock: clock},
		&Sweeper{known: t, clouds: clouds, clock: clock, seen: map[string]time.Time{}},
		&Cataloguer{known: t, clouds: clouds, clock: clock}
}

// told is the knowledge of an agent: it asks. Without an answer nothing is known, and nothing is touched.
type told struct {
	places []execute.Channel

	mu    sync.Mutex
	rests map[ev.Ref]standing // as they were told last
	asked time.Time           // about the catalogues
}

// each asks what stands at each place, those of accounts or those of dataplanes. Another page of it is asked for as long as
// take wants one. What one place does not answer keeps the others from nothing.
func (t *told) each(ctx context.Context, accounts bool, take func(execute.Channel, ev.Stands) (more bool)) (err error) {
	for _, c := range t.places {
		if strings.HasPrefix(c.Place.Dataplane, ev.AccountPlace("")) != accounts {
			continue
		}
		for q := (ev.StandsQuestion{}); ; {
			var a ev.Stands
			one := c.Ask(ctx, ev.AskStands, q, &a)
			if one == nil && a.Error != "" {
				one = errors.New(a.Error)
			}
			err = errors.Join(err, one)
			if one != nil || !take(c, a) || a.Next == "" {
				break
			}
			q.After = a.Next
		}
	}
	return err
}

func (t *told) resting(ctx context.Context) (all []standing, err error) {
	var notKnown error
	err = t.each(ctx, false, func(c execute.Channel, a ev.Stands) bool {
		for _, item := range a.Items {
			s := standing{ref: item.Ref, uid: item.UID, seq: item.Seq, failed: item.Failed}
			for _, m := range item.Made {
				effect, err := c.ReadEffect(item.Ref, item.UID, m.Effect, m.Args)
				if err != nil {
					notKnown = errors.Join(notKnown, fmt.Errorf("%s: %w", item.Ref, err))
					break
				}
				s.made = append(s.made, effect)
			}
			if len(s.made) == len(item.Made) { // what is not known is not looked at
				all = append(all, s)
			}
		}
		return true
	})
	rests := map[ev.Ref]standing{}
	for _, s := range all {
		rests[s.ref] = s
	}
	t.mu.Lock()
	t.rests = rests
	t.mu.Unlock()
	return all, errors.Join(err, notKnown)
}

// standing implements knowledge: the report has the sequence, and who has moved on by then is left as he is.
func (t *told) standing(s standing) standing { return s }

func (t *told) one(ref ev.Ref) standing {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rests[ref]
}

// report tells the intake at a place.
func report(ctx context.Context, c execute.Channel, r ev.ExecutorReport) error {
	answer, err := c.Report(ctx, r)
	if err == nil && answer != ev.ReportTaken {
		err = errors.New(answer)
	}
	if err != nil {
		return fmt.Errorf("report of %s: %w", r.Ref, err)
	}
	return nil
}

// at is the channel of a dataplane; any place if it has none here.
func (t *told) at(dataplane string) execute.Channel {
	for _, c := range t.places {
		if c.Place.Dataplane == dataplane {
			return c
		}
	}
	return t.places[0]
}

func (t *told) noteDrift(ctx context.Context, s standing, note ev.NoteDrift) error {
	place := queue.PlaceOf(s.made[0])
	return report(ctx, t.at(place.Dataplane), ev.ExecutorReport{Ref: s.ref, UID: s.uid, Revision: s.seq, Saw: &note})
}

// doubt implements knowledge: an agent's rights are its machine's, and what is refused to it is said by its log.
func (t *told) doubt(context.Context, ev.Effect) {}

func (t *told) sites(ctx context.Context) (all []ev.Target, err error) {
	err = t.each(ctx, true, func(_ execute.Channel, a ev.Stands) bool {
		all = append(all, a.Sites...)
		return false
	})
	return all, err
}

func (t *told) clusters(ctx context.Context) (all []Cluster, err error) {
	err = t.each(ctx, false, func(c execute.Channel, a ev.Stands) bool { // each page says it
		one := Cluster{ev.Ref{Kind: ev.Dataplane, Owner: c.Place.Owner, ID: c.Place.Dataplane}, a.UID, a.Site, a.Cluster}
		if a.Cluster != "" && !slices.Contains(all, one) {
			all = append(all, one)
		}
		return false
	})
	return all, err
}

// hasLeft implements knowledge. An agent is not told of stays, so it takes none for one that has ended.
func (t *told) hasLeft(Cluster, release.Owned) bool { return false }

// states implements knowledge. Of marks of others than the customer nothing is known here.
func (t *told) states(ctx context.Context, all []incarnation) (map[incarnation]ownerState, error) {
	is, marks := map[incarnation]ownerState{}, map[string]incarnation{}
	for _, i := range all {
		if i.ref.Owner == t.places[0].Place.Owner && len(i.ref.Check()) == 0 && i.uid != "" {
			marks[i.ref.Mark(i.uid)] = i
		}
	}
	var asked []string
	for mark := range marks {
		asked = append(asked, mark)
	}
	slices.Sort(asked)
	for some := range slices.Chunk(asked, ev.MostMarks) {
		var a ev.Ended
		err := t.places[0].Ask(ctx, ev.AskEnded, ev.EndedQuestion{Marks: some}, &a)
		if err == nil && a.Error != "" {
			err = errors.New(a.Error)
		}
		if err != nil {
			return nil, err
		}
		for _, mark := range a.Unknown {
			is[marks[mark]] = unknown
		}
		for _, mark := range a.Ended {
			if slices.Contains(some, mark) { // what was not asked is no answer
				is[marks[mark]] = ended
			}
		}
	}
	return is, nil
}

func (t *told) noteSwept(ctx context.Context, of incarnation, swept ev.Swept) error {
	return report(ctx, t.at(of.ref.ID), ev.ExecutorReport{Ref: of.ref, UID: of.uid, Swept: &swept})
}

// askPlaces is how often an agent asks which regions are built in.
const askPlaces = 10 * time.Second

func (t *told) catalogued(ctx context.Context) (all []Place, changed bool, err error) {
	t.mu.Lock()
	due := time.Since(t.asked) >= askPlaces
	if due {
		t.asked = time.Now()
	}
	t.mu.Unlock()
	if !due {
		return nil, false, nil
	}
	err = t.each(ctx, true, func(c execute.Channel, a ev.Stands) bool {
		ref := ev.Ref{Kind: ev.Account, Owner: c.Place.Owner, ID: strings.TrimPrefix(c.Place.Dataplane, ev.AccountPlace(""))}
		for _, p := range a.Places {
			all = append(all, Place{fsm.Base{Ref: ref, UID: p.UID}, p.Account, p.Region})
		}
		return false
	})
	return all, err == nil, err
}

func (t *told) noteCatalogue(ctx context.Context, p Place, note ev.NoteCatalogue) error {
	r := ev.ExecutorReport{Ref: p.Account.Ref, UID: p.Account.UID, Catalogue: &note}
	return report(ctx, t.at(ev.AccountPlace(p.Account.Ref.ID)), r)
}
