package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/aeriehq/aerie/cloud/kube/release"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/command"
)

// knowledge is what the log knows of what was made, and where is told what was seen: the fold and the intake, or an agent's
// channel to them.
type knowledge interface {
	// resting lists what is at rest, what others stand on first.
	resting(context.Context) ([]standing, error)
	// standing is one of them, with the effects that made it; nothing made it if it is another than it was.
	standing(standing) standing
	// one is what is known of an entity now.
	one(ev.Ref) standing
	// noteDrift tells what a look at one has seen. That it has moved on is no error.
	noteDrift(context.Context, standing, ev.NoteDrift) error
	// doubt tells that a look at what an effect made was refused for rights.
	doubt(context.Context, ev.Effect)

	// sites are where dataplanes are or were, each account and region once.
	sites(context.Context) ([]ev.Target, error)
	// clusters are those of the dataplanes that are ready.
	clusters(context.Context) ([]Cluster, error)
	// states tells of incarnations what they are to the log. Of which it says nothing, nothing is to be touched.
	states(context.Context, []incarnation) (map[incarnation]ownerState, error)
	// left are those of what was made in a cluster for tenants that live that are no longer needed there: see IsLeft.
	left(context.Context, Cluster, []release.Owned) (map[release.Owned]bool, error)
	// noteUnknown tells what was found that the log does not know, at a site or in a cluster there: by mark, what carries it.
	noteUnknown(context.Context, ev.Target, Cluster, map[string][]string) error
	// noteSwept tells what was removed.
	noteSwept(context.Context, incarnation, ev.Swept) error

	// catalogued are the regions that something is built in; false if they are the same as at the last time.
	catalogued(context.Context) ([]Place, bool, error)
	// noteCatalogue tells what there is in one.
	noteCatalogue(context.Context, Place, ev.NoteCatalogue) error
}

// standing is an entity at rest.
type standing struct {
	ref    ev.Ref
	uid    string
	seq    uint64 // of its last event
	failed bool   // something was found that is not repaired
	made   []ev.Effect
	away   bool   // it is known from the disk of an agent: nobody could be asked
	seen   string // the digest of what an agent was told that is seen of it; empty in a server
}

// incarnation is one life of a name.
type incarnation struct {
	ref ev.Ref
	uid string
}

// folded is the knowledge of a server.
type folded struct {
	intake *command.Intake
	fold   *state.Live
	clock  clock.Clock
	seen   [2]uint64 // the last events of dataplanes and accounts when the places were listed
}

// resting implements knowledge. What is listed in a round is not older than the round.
func (f *folded) resting(context.Context) (all []standing, err error) {
	f.fold.View(func(w *state.Entities) {
		for _, k := range Inspectable {
			w.Each(k, func(e fsm.Entity[fsm.Data]) {
				if fsm.Machines[k].LookedAt(e) {
					all = append(all, standing{ref: e.Ref, seq: e.Seq})
				}
			})
		}
	})
	return all, nil
}

func (f *folded) standing(was standing) (now standing) {
	f.fold.View(func(w *state.Entities) {
		e, _ := w.Get(was.ref)
		now = standing{ref: was.ref, uid: e.UID, seq: e.Seq, failed: e.Failure != nil}
		if e.Seq == was.seq {
			now.made = fsm.Machines[was.ref.Kind].ExpectedEffects(e, w.Refs())
		}
		if len(now.made) > 0 && fsm.DoneBy(now.made[0], w.Get) != fsm.ByServer {
			now.made = nil // in a network that lets nobody in
		}
	})
	return now
}

func (f *folded) one(ref ev.Ref) (s standing) {
	f.fold.View(func(w *state.Entities) {
		e, _ := w.Get(ref)
		s = standing{ref: ref, seq: e.Seq}
	})
	return s
}

func (f *folded) noteDrift(ctx context.Context, s standing, note ev.NoteDrift) error {
	c := command.Internal(s.ref, ev.ActorExecutor, note)
	c.ExpectedSeq = &s.seq // what was seen is of this moment
	_, err := f.intake.SubmitCommand(ctx, c)
	var refusal *ev.Refusal
	if errors.As(err, &refusal) && refusal.Code == ev.Conflict {
		return nil
	}
	return err
}

// doubtEvery is how long an account that was verified is not doubted again for looks that are refused, in the cloud's time.
const doubtEvery = time.Hour

// doubt has the account verified in which a look was refused for rights. Nothing has failed by that, and nobody would say
// otherwise that a role is gone before there is something to be made.
func (f *folded) doubt(ctx context.Context, made ev.Effect) {
	site, is := made.(interface{ Where() ev.Target })
	if !is {
		return
	}
	var acc fsm.Entity[fsm.Data]
	f.fold.View(func(w *state.Entities) {
		dp, _ := ev.ParseRef(ev.Dataplane, site.Where().Dataplane)
		on, _ := w.Get(dp)
		if spec, known := on.Data.(fsm.DataplaneData); known {
			ref, _ := ev.ParseRef(ev.Account, spec.Spec.Account)
			acc, _ = w.Get(ref)
		}
	})
	if acc.Phase() != fsm.Ready || time.Since(acc.PhaseSince) < max(clock.LookLeast, f.clock.Real(doubtEvery)) {
		return
	}
	c := command.Internal(acc.Ref, ev.ActorExecutor, ev.Retry{})
	c.ExpectedSeq = &acc.Seq
	if _, err := f.intake.SubmitCommand(ctx, c); err != nil {
		slog.Debug("account not doubted, will try again", "entity", acc.Ref.String(), "err", err)
	}
}

func (f *folded) sites(context.Context) (sites []ev.Target, err error) {
	known := map[ev.Target]bool{}
	f.fold.View(func(w *state.Entities) {
		w.Each(ev.Dataplane, func(e fsm.Entity[fsm.Data]) {
			d := e.Data.(fsm.DataplaneData)
			site := ev.Target{Account: d.Account, Region: d.Spec.Region}
			if d.Account.Cloud != "" && !d.Account.Agent && !known[site] {
				known[site] = true
				sites = append(sites, site)
			}
		})
	})
	return sites, nil
}

func (f *folded) clusters(context.Context) (all []Cluster, err error) {
	f.fold.View(func(w *state.Entities) { all = Clusters(w) })
	return all, nil
}

func (f *folded) states(_ context.Context, all []incarnation) (map[incarnation]ownerState, error) {
	is := map[incarnation]ownerState{}
	f.fold.View(func(w *state.Entities) {
		for _, i := range all {
			is[i] = stateIn(w, i.ref, i.uid)
		}
	})
	return is, nil
}

func (f *folded) left(_ context.Context, c Cluster, all []release.Owned) (map[release.Owned]bool, error) {
	left := map[release.Owned]bool{}
	f.fold.View(func(w *state.Entities) {
		for _, o := range all {
			if t, _ := w.Get(RefOf(o)); IsLeft(t, c.Dataplane, o) {
				left[o] = true
			}
		}
	})
	return left, nil
}

// IsLeft tells whether something in a dataplane's cluster was made for a tenant that lives and is no longer needed: it is at a place that
// the tenant has left, or it lets in the programs of a move, and the tenant is not moving.
func IsLeft(t fsm.Entity[fsm.Data], on ev.Ref, o release.Owned) bool {
	if o.Record != "" {
		return t.UID == o.Owner && (!fsm.IsIn(t, on, o.Namespace) || o.IsMovePolicy() && t.Phase() != fsm.Moving)
	}
	return o.IsTenant() && t.UID == o.Owner && !fsm.HasStay(t, on, o.Namespace, o.Stay)
}

// noteUnknown implements knowledge. Who asks what there is has it looked for: see Orphans.
func (f *folded) noteUnknown(context.Context, ev.Target, Cluster, map[string][]string) error {
	return nil
}

func (f *folded) noteSwept(ctx context.Context, of incarnation, swept ev.Swept) error {
	_, err := f.intake.SubmitCommand(ctx, command.Internal(of.ref, ev.ActorExecutor, ev.Sweep{Swept: swept}))
	return err
}

func (f *folded) catalogued(context.Context) (all []Place, changed bool, err error) {
	f.fold.View(func(w *state.Entities) {
		last := [2]uint64{w.LastOf(ev.Dataplane), w.LastOf(ev.Account)}
		if changed = last != f.seen; changed {
			f.seen, all = last, Places(w)
		}
	})
	return all, changed, nil
}

func (f *folded) noteCatalogue(ctx context.Context, p Place, note ev.NoteCatalogue) error {
	order := command.Internal(p.Account.Ref, ev.ActorExecutor, note)
	order.ExpectedUID = p.Account.UID
	_, err := f.intake.SubmitCommand(ctx, order)
	return err
}
