package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
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
//
// What stood at the last answer is kept on disk: from that they repair while nobody can be asked.
func ForAgent(places []execute.Channel, clouds map[string]execute.Cloud, charts *execute.Charts, clock clock.Clock, kept *Kept) (
	*Inspector, *Sweeper, *Cataloguer) {
	t := &told{places: places, kept: kept, clouds: keeping(clouds), charts: charts, rests: map[ev.Ref]standing{},
		memory: map[queue.Partition]remembered{}}
	return &Inspector{known: t, clouds: clouds, clock: clock, charts: charts},
		&Sweeper{known: t, clouds: clouds, clock: clock, charts: charts, seen: map[string]time.Time{}},
		newCataloguer(t, clouds, clock)
}

// told is the knowledge of an agent: it asks. Without an answer nothing is known, and nothing is touched.
type told struct {
	places []execute.Channel
	kept   *Kept
	clouds map[string]execute.Cloud // that delete nothing
	charts *execute.Charts

	mu     sync.Mutex
	rests  map[ev.Ref]standing // as they were told last
	asked  time.Time           // about the catalogues
	memory map[queue.Partition]remembered

	accounts map[ev.Target][]livesAt // the places of the account, by site
	orphans  map[string]string       // what was told last of what was found, by place and region
}

// livesAt is a place, and which incarnation of its name is there: of an account, or of a dataplane.
type livesAt struct {
	execute.Channel
	uid string
}

// remembered is what stood at a place by the last answer.
type remembered struct {
	first ev.Stands       // its first page
	items []ev.StandsItem // of all pages, if whole
	whole bool
	asked execute.Moment
}

// stillSo is what was answered at a place before, if that is still so.
func (t *told) stillSo(c execute.Channel) (r remembered, so bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, so = t.memory[c.Place]
	return r, so && c.Conn.IsConnected() && !c.News.Hinted(r.asked) && !c.News.Changed(r.asked, r.first.Log)
}

func (t *told) remember(c execute.Channel, r remembered) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.memory[c.Place] = r
}

// each asks what stands at each place, those of accounts or those of dataplanes, and takes the first page of it. What one place
// does not answer keeps the others from nothing.
func (t *told) each(ctx context.Context, accounts bool, take func(execute.Channel, ev.Stands)) (err error) {
	for _, c := range t.of(accounts) {
		now, so := t.stillSo(c)
		if !so {
			var one error
			now = remembered{asked: c.News.Now()}
			if now.first, one = askStands(ctx, c, ""); one != nil {
				err = errors.Join(err, one)
				continue
			}
			t.remember(c, now)
		}
		take(c, now.first)
	}
	return err
}

// of are the places of accounts, or those of dataplanes.
func (t *told) of(accounts bool) (places []execute.Channel) {
	for _, c := range t.places {
		if strings.HasPrefix(c.Place.Dataplane, ev.AccountPlace("")) == accounts {
			places = append(places, c)
		}
	}
	return places
}

// askStands asks for a page of what stands at a place, behind an entity.
func askStands(ctx context.Context, c execute.Channel, after string) (a ev.Stands, err error) {
	if err = c.Ask(ctx, ev.AskStands, ev.StandsQuestion{After: after}, &a); err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	return a, err
}

// askEnded asks at a place what of some things has ended.
func askEnded(ctx context.Context, c execute.Channel, q ev.EndedQuestion) (a ev.Ended, err error) {
	if err = c.Ask(ctx, ev.AskEnded, q, &a); err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	return a, err
}

func (t *told) resting(ctx context.Context) (all []standing, err error) {
	for _, c := range t.of(false) {
		items, away, one := t.standsAt(ctx, c)
		err = errors.Join(err, one)
		for _, item := range items {
			s, notKnown := readStanding(c, item)
			if err = errors.Join(err, notKnown); notKnown == nil { // what is not known is not looked at
				s.away = away
				all = append(all, s)
			}
		}
	}
	rests := map[ev.Ref]standing{}
	for _, s := range all {
		rests[s.ref] = s
	}
	t.mu.Lock()
	t.rests = rests
	t.mu.Unlock()
	return all, err
}

// standsAt asks what stands at a place, if that may be something else than was answered last, and keeps the answer. While the
// control plane can't be reached it is the last one.
func (t *told) standsAt(ctx context.Context, c execute.Channel) (items []ev.StandsItem, away bool, err error) {
	if known, so := t.stillSo(c); so && known.whole {
		return known.items, false, nil
	}
	now := remembered{asked: c.News.Now(), whole: true}
	for after := ""; ; {
		a, err := askStands(ctx, c, after)
		if err != nil && !c.Conn.IsConnected() {
			var kept []ev.StandsItem
			some, unreadable := t.kept.get(keptStands+c.Place.Dataplane, &kept)
			if some {
				return kept, true, nil
			}
			return nil, false, errors.Join(err, unreadable)
		}
		if err != nil {
			return items, false, err
		}
		if after == "" {
			now.first = a
		}
		items = append(items, a.Items...)
		if after = a.Next; after == "" {
			if _, differs := c.Gate.Differs(); differs {
				return items, false, nil // what stood before is told first
			}
			now.items = items
			t.remember(c, now)
			return items, false, t.kept.put(keptStands+c.Place.Dataplane, items)
		}
	}
}

// readStanding reads what was made for an entity, and holds it to the place.
func readStanding(c execute.Channel, item ev.StandsItem) (standing, error) {
	s := standing{ref: item.Ref, uid: item.UID, seq: item.Revision, failed: item.Failed, seen: item.Seen}
	for _, m := range item.Made {
		effect, err := c.ReadEffect(item.Ref, item.UID, m.Effect, m.Args)
		if err != nil {
			return s, fmt.Errorf("%s: %w", item.Ref, err)
		}
		s.made = append(s.made, effect)
	}
	return s, nil
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
	if s.away {
		return t.mend(ctx, t.at(place.Dataplane), s, note)
	}
	return report(ctx, t.at(place.Dataplane), ev.ExecutorReport{Ref: s.ref, UID: s.uid, Revision: s.seq, Saw: &note})
}

// doubt implements knowledge: an agent's rights are its machine's, and what is refused to it is said by its log.
func (t *told) doubt(context.Context, ev.Effect) {}

func (t *told) sites(ctx context.Context) (all []ev.Target, err error) {
	at := map[ev.Target][]livesAt{}
	err = t.each(ctx, true, func(c execute.Channel, a ev.Stands) {
		all = append(all, a.Sites...)
		for _, site := range a.Sites {
			at[site] = append(at[site], livesAt{c, a.UID})
		}
	})
	t.mu.Lock()
	t.accounts = at
	t.mu.Unlock()
	return all, err
}

func (t *told) clusters(ctx context.Context) (all []Cluster, err error) {
	err = t.each(ctx, false, func(c execute.Channel, a ev.Stands) { // each page says it
		one := Cluster{ev.Ref{Kind: ev.Dataplane, Owner: c.Place.Owner, ID: c.Place.Dataplane}, a.UID, a.Site, a.Cluster}
		if a.Cluster != "" && !slices.Contains(all, one) {
			all = append(all, one)
		}
	})
	return all, err
}

// left implements knowledge: it asks at the cluster's dataplane.
func (t *told) left(ctx context.Context, c Cluster, all []release.Owned) (map[release.Owned]bool, error) {
	left, stays := map[release.Owned]bool{}, map[ev.Stay]release.Owned{}
	for _, o := range all {
		if o.IsTenant() && o.Stay != "" && o.Customer == c.Dataplane.Owner && !t.stays(o) {
			stays[ev.Stay{Mark: RefOf(o).Mark(o.Owner), Namespace: o.Namespace, Stay: o.Stay}] = o
		}
	}
	asked := slices.SortedFunc(maps.Keys(stays), func(a, b ev.Stay) int { return cmp.Compare(a.Namespace+a.Stay, b.Namespace+b.Stay) })
	for some := range slices.Chunk(asked, ev.MostMarks) {
		a, err := askEnded(ctx, t.at(c.Dataplane.ID), ev.EndedQuestion{Stays: some})
		if err != nil {
			return nil, err
		}
		for _, stay := range a.Left {
			if o, asked := stays[stay]; asked { // what was not asked is no answer
				left[o] = true
			}
		}
	}
	return left, nil
}

// lives is what was told to stand of an incarnation, if that is still so: nobody has to be asked about it.
func (t *told) lives(ref ev.Ref, uid string) (s standing, does bool) {
	if s = t.one(ref); len(s.made) == 0 || s.uid != uid {
		return s, false
	}
	_, does = t.stillSo(t.at(queue.PlaceOf(s.made[0]).Dataplane))
	return s, does
}

// stays tells whether a tenant's namespace is that of the stay that was told to stand.
func (t *told) stays(o release.Owned) bool {
	s, does := t.lives(RefOf(o), o.Owner)
	return does && slices.ContainsFunc(s.made, func(effect ev.Effect) bool {
		switch e := effect.(type) {
		case ev.EnsureTenant:
			return e.Placement.Stay == o.Stay
		case ev.SuspendTenant:
			return e.Placement.Stay == o.Stay
		}
		return false
	})
}

// states implements knowledge. Who was told to stand lives, and nobody is asked about him. Of marks of others than the customer
// nothing is known here.
func (t *told) states(ctx context.Context, all []incarnation) (map[incarnation]ownerState, error) {
	is, marks := map[incarnation]ownerState{}, map[string]incarnation{}
	for _, i := range all {
		_, lives := t.lives(i.ref, i.uid)
		if !lives && i.ref.Owner == t.places[0].Place.Owner && len(i.ref.Check()) == 0 && i.uid != "" {
			marks[i.ref.Mark(i.uid)] = i
		}
	}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(marks)), ev.MostMarks) {
		a, err := askEnded(ctx, t.places[0], ev.EndedQuestion{Marks: some})
		if err != nil {
			return nil, err
		}
		for _, mark := range a.Unknown {
			if slices.Contains(some, mark) { // what was not asked is no answer
				is[marks[mark]] = unknown
			}
		}
		for _, mark := range a.Ended {
			if slices.Contains(some, mark) {
				is[marks[mark]] = ended
			}
		}
	}
	return is, nil
}

func (t *told) noteSwept(ctx context.Context, of incarnation, swept ev.Swept) error {
	return report(ctx, t.at(of.ref.ID), ev.ExecutorReport{Ref: of.ref, UID: of.uid, Swept: &swept})
}

// askPlaces is how often an agent asks at most which regions are built in.
const askPlaces = 10 * time.Second

// mayAskPlaces tells whether it is time to ask that, or nothing has to be asked.
func (t *told) mayAskPlaces() bool {
	known := !slices.ContainsFunc(t.of(true), func(c execute.Channel) bool { _, so := t.stillSo(c); return !so })
	t.mu.Lock()
	defer t.mu.Unlock()
	if !known && time.Since(t.asked) < askPlaces {
		return false
	}
	if !known {
		t.asked = time.Now()
	}
	return true
}

func (t *told) catalogued(ctx context.Context) (all []Place, changed bool, err error) {
	if !t.mayAskPlaces() {
		return nil, false, nil
	}
	err = t.each(ctx, true, func(c execute.Channel, a ev.Stands) {
		ref := ev.Ref{Kind: ev.Account, Owner: c.Place.Owner, ID: strings.TrimPrefix(c.Place.Dataplane, ev.AccountPlace(""))}
		for _, p := range a.Places {
			all = append(all, Place{fsm.Base{Ref: ref, UID: p.UID}, p.Account, p.Region, p.Known})
		}
	})
	return all, err == nil, err
}

func (t *told) noteCatalogue(ctx context.Context, p Place, note ev.NoteCatalogue) error {
	if note.Catalogue.Digest() == p.Known {
		return nil
	}
	r := ev.ExecutorReport{Ref: p.Account.Ref, UID: p.Account.UID, Catalogue: &note}
	return report(ctx, t.at(ev.AccountPlace(p.Account.Ref.ID)), r)
}
