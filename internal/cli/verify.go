package cli

import (
	"context"
	"errors"
	"fmt"
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

// verification folds the log and holds the views against it. Each page of a view is
// compared with the fold of the same sequence: so entities may go on living meanwhile,
// and what one says of others is of the same moment.
type verification struct {
	cl    *client.Client
	log   *eventlog.Log
	world *state.Entities
	notes io.Writer
	seen  map[events.Ref]bool // what the views have
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
	for ref, n := range v.world.WrongSlots() {
		v.found = append(v.found, disagreement{ref.Kind, ref.Owner, ref.ID, "slots taken", fmt.Sprint(n[0]), fmt.Sprintf("%d tenants are in it", n[1])})
	}
	return nil
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
		if err := v.reach(ctx, page.Seq()); err != nil {
			return err
		}
		for _, e := range all {
			v.seen[e.Ref()] = true
			v.compare(e, v.world.Refs())
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
		if err := v.reach(ctx, e.Seq); err != nil {
			return err
		}
		v.seen[ref] = true
		v.compare(e, nil) // of which moment it is, is known of itself alone
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

// reach folds on to the sequence of a view. What claims to be further than the log goes
// differs from it.
func (v *verification) reach(ctx context.Context, seq uint64) error {
	if seq <= v.world.Seq {
		return nil
	}
	end, err := v.log.Last(ctx)
	if err != nil {
		return err
	}
	return v.fold(ctx, min(seq, end))
}
