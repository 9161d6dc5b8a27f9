package cli

import (
	"context"
	"errors"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server"
	"github.com/aeriehq/aerie/projections/state"
)

// verification folds the log and holds the views against it. A view that is
// ahead of the fold is kept, and compared when the fold comes to its sequence:
// so entities may go on living meanwhile.
type verification struct {
	cl    *client.Client
	log   *eventlog.Log
	world *state.Entities
	notes io.Writer
	seen  map[events.Ref]bool          // what the views have
	ahead map[events.Ref]client.Entity // views that know more than the fold
	found []disagreement
}

func (v *verification) run(ctx context.Context) error {
	end, err := v.log.Last(ctx)
	if err != nil {
		return err
	}
	if err := v.fold(ctx, end); err != nil {
		return err
	}
	for _, k := range events.Kinds {
		if err := v.readKind(ctx, k); err != nil {
			return err
		}
	}
	if err := v.readUnlisted(ctx); err != nil {
		return err
	}
	return v.catchUp(ctx)
}

// errFar ends a tail that has come far enough.
var errFar = errors.New("far enough")

// fold folds in the log up to a sequence, and to the end of its decision.
func (v *verification) fold(ctx context.Context, to uint64) error {
	if v.world.Seq >= to {
		return nil
	}
	p := server.NewReplayProgress(v.notes, v.world.Seq, to)
	defer p.End()
	err := v.log.Tail(ctx, v.world.Seq, func(decision []events.Recorded) error {
		if err := v.world.Apply(decision); err != nil {
			return err
		}
		v.reached(decision)
		p.At(v.world.Seq)
		if v.world.Seq >= to {
			return errFar
		}
		return nil
	})
	if errors.Is(err, errFar) {
		return nil
	}
	return err
}

// reached compares the views that the fold has caught up with.
func (v *verification) reached(decision []events.Recorded) {
	for _, r := range decision {
		held, waits := v.ahead[r.Ref]
		if e, ok := v.world.Get(r.Ref); waits && ok && e.Seq == held.Seq {
			v.compare(held)
			delete(v.ahead, r.Ref)
		}
	}
}

// readKind reads the views of a kind: what lives, and what has come to its end,
// which is listed only when its phase is asked for.
func (v *verification) readKind(ctx context.Context, k events.Kind) error {
	if err := v.readList(ctx, k, ""); err != nil {
		return err
	}
	for _, p := range fsm.Machines[k].Phases() {
		if !fsm.Machines[k].Ended(p) {
			continue
		}
		if err := v.readList(ctx, k, p); err != nil {
			return err
		}
	}
	return nil
}

// readList reads a list page by page: a log may be about more entities than
// should be in memory twice.
func (v *verification) readList(ctx context.Context, k events.Kind, p fsm.Phase) error {
	q := url.Values{"limit": {strconv.Itoa(client.PageSize)}}
	if p != "" {
		q.Set("phase", string(p))
	}
	if v.world.Seq > 0 {
		q.Set("min_seq", strconv.FormatUint(v.world.Seq, 10))
	}
	for {
		raw, err := v.cl.Get(ctx, "/v1/"+k.Plural(), q)
		if err != nil {
			return err
		}
		page, err := client.DecodeList(raw)
		if err != nil {
			return err
		}
		all, err := page.Entities()
		if err != nil {
			return err
		}
		for _, e := range all {
			v.view(e)
		}
		if page.Next == nil || len(all) == 0 {
			return nil
		}
		q.Set("cursor", *page.Next)
	}
}

// readUnlisted asks for what the log has and no list did: it may have moved
// from one list to another between two reads.
func (v *verification) readUnlisted(ctx context.Context) error {
	for _, ref := range v.unlisted() {
		e, err := v.cl.Entity(ctx, ref, v.world.Seq)
		var r *events.Refusal
		if errors.As(err, &r) && r.Code == events.NotFound {
			e, _ := v.world.Get(ref)
			v.differ(ref, "entity", string(e.Phase()), "not there")
			continue
		}
		if err != nil {
			return err
		}
		v.view(e)
	}
	return nil
}

func (v *verification) unlisted() (refs []events.Ref) {
	for _, k := range events.Kinds {
		v.world.Each(k, func(e fsm.Entity[fsm.Data]) {
			if !v.seen[e.Ref] {
				refs = append(refs, e.Ref)
			}
		})
	}
	slices.SortFunc(refs, func(a, b events.Ref) int { return strings.Compare(a.String(), b.String()) })
	return refs
}

// view takes one entity as the server says it is.
func (v *verification) view(e client.Entity) {
	v.seen[e.Ref()] = true
	if e.Seq > v.world.Seq {
		v.ahead[e.Ref()] = e
		return
	}
	v.compare(e)
}

// catchUp folds on to the newest of the views that were ahead. What claims to
// be further than the log goes differs from it.
func (v *verification) catchUp(ctx context.Context) error {
	if len(v.ahead) == 0 {
		return nil
	}
	end, err := v.log.Last(ctx)
	if err != nil {
		return err
	}
	newest := uint64(0)
	for _, e := range v.ahead {
		newest = max(newest, e.Seq)
	}
	if err := v.fold(ctx, min(newest, end)); err != nil {
		return err
	}
	for _, e := range v.ahead {
		v.compare(e)
	}
	return nil
}
