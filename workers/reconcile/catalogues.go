package reconcile

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/command"
	"github.com/aeriehq/aerie/workers/execute"
)

// Cataloguer notes what the clouds have in the regions that are built in, so that a wish for something else is refused
// when it is given. When it last looked is in memory alone: another server, or this one after a restart, looks again, and
// what it sees is noted only if it is something else.
type Cataloguer struct {
	known  knowledge
	clouds map[string]execute.Cloud
	clock  clock.Clock

	places map[string]Place     // as they were listed last
	due    map[string]time.Time // when each is looked at next
}

// Place is a region of an account that something is built in.
type Place struct {
	Account fsm.Base
	Cloud   ev.CloudAccount
	Region  string
	Known   string // the digest of what an agent was told that is known of it; empty in a server
}

// catalogueEvery is how often the cataloguer looks whether something is built in a new place, in real time.
const catalogueEvery = 500 * time.Millisecond

// NewCataloguer makes a cataloguer; Run starts it.
func NewCataloguer(intake *command.Intake, fold *state.Live, clouds map[string]execute.Cloud, clock clock.Clock) *Cataloguer {
	return newCataloguer(&folded{intake: intake, fold: fold, clock: clock}, clouds, clock)
}

func newCataloguer(known knowledge, clouds map[string]execute.Cloud, clock clock.Clock) *Cataloguer {
	return &Cataloguer{known: known, clouds: clouds, clock: clock, places: map[string]Place{}, due: map[string]time.Time{}}
}

// Run looks at each place as soon as something is to be built there, and from then on as often as the inspector does.
func (c *Cataloguer) Run(ctx context.Context) error {
	return clock.Every(ctx, catalogueEvery, func(now time.Time) { c.Look(ctx, now) })
}

// Look looks at the places that are due. It is not safe for concurrent use: Run makes one look after the other.
func (c *Cataloguer) Look(ctx context.Context, now time.Time) {
	c.list(ctx, c.places)
	for key, p := range c.places {
		if ctx.Err() != nil || now.Before(c.due[key]) {
			continue
		}
		c.due[key] = now.Add(c.clock.BetweenLooks())
		if err := c.look(ctx, p); err != nil && ctx.Err() == nil {
			c.due[key] = now.Add(clock.LookLeast)
			slog.Debug("no catalogue, will try again", "account", p.Account.Ref.String(), "region", p.Region, "err", err)
		}
	}
}

// list lists the places anew if they may be others than at the last time.
func (c *Cataloguer) list(ctx context.Context, places map[string]Place) {
	all, changed, err := c.known.catalogued(ctx)
	if err != nil && ctx.Err() == nil {
		slog.Debug("it is not known what is built in, will try again", "err", err)
	}
	if err != nil || !changed {
		return
	}
	clear(places)
	for _, p := range all {
		places[p.key()] = p
	}
}

func (p Place) key() string {
	return strings.Join([]string{p.Account.Ref.Path(), p.Account.UID, p.Region}, " ")
}

// Places lists the regions that something is built in, of accounts that can be entered, each once.
func Places(w *state.Entities) (all []Place) {
	known := map[string]bool{}
	w.Each(ev.Dataplane, func(e fsm.Entity[fsm.Data]) {
		d := e.Data.(fsm.DataplaneData)
		ref, faults := ev.ParseRef(ev.Account, d.Spec.Account)
		account, there := w.Get(ref)
		if len(faults) > 0 || !there || !account.Holds(fsm.ConditionReady) || fsm.Machines[ev.Dataplane].Ended(e.Phase()) {
			return
		}
		p := Place{fsm.Base{Ref: ref, UID: account.UID}, account.Data.(fsm.AccountData).Cloud(), d.Spec.Region, ""}
		if !known[p.key()] && !p.Cloud.Agent {
			known[p.key()] = true
			all = append(all, p)
		}
	})
	slices.SortFunc(all, func(a, b Place) int { return strings.Compare(a.key(), b.key()) })
	return all
}

// look notes what there is in a place.
func (c *Cataloguer) look(ctx context.Context, p Place) error {
	ctx, cancel := context.WithTimeout(ctx, execute.CallTimeout)
	defer cancel()
	note, err := Catalogue(ctx, c.clouds, p)
	if err != nil {
		return err
	}
	return c.known.noteCatalogue(ctx, p, note)
}

// Catalogue asks the cloud of a place what it has there.
func Catalogue(ctx context.Context, clouds map[string]execute.Cloud, p Place) (note ev.NoteCatalogue, err error) {
	t := execute.NewTask(ev.Work{Ref: p.Account.Ref, UID: p.Account.UID}, clouds, nil)
	c, err := t.CloudOf(p.Cloud)
	if err != nil {
		return note, err
	}
	var has cloud.Catalogue
	err = t.Call("Catalogue", func() error {
		has, err = c.Catalogue(ctx, execute.ScopeOf(ev.Target{Account: p.Cloud, Region: p.Region}))
		return err
	})
	if err != nil {
		return note, err
	}
	note = ev.NoteCatalogue{Region: p.Region, Calls: t.Calls(), Catalogue: ev.Catalogue{Machines: ev.PackMachines(has.Machines)}}
	for _, v := range has.Versions {
		note.Catalogue.Versions = append(note.Catalogue.Versions, ev.ClusterVersion{Version: v.Name, Until: v.Until})
	}
	for _, a := range cloud.Addons() {
		if versions := has.Addons[a]; len(versions) > 0 {
			note.Catalogue.Addons = append(note.Catalogue.Addons, ev.AddonVersions{Name: string(a), Versions: versions})
		}
	}
	return note, nil
}
