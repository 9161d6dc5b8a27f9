package agents

import (
	"slices"
	"strings"
	"sync"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// index has who is owed something at each place of an agent.
type index struct {
	mu    *sync.RWMutex
	at    map[queue.Partition]map[string]ev.Ref // by the entity's tokens
	where map[ev.Ref]queue.Partition
}

func newIndex() index {
	return index{&sync.RWMutex{}, map[queue.Partition]map[string]ev.Ref{}, map[ev.Ref]queue.Partition{}}
}

// put notes where an entity is owed something by an agent; nil: nowhere.
func (x index) put(ref ev.Ref, now *queue.Partition) {
	x.mu.Lock()
	defer x.mu.Unlock()
	was, there := x.where[ref]
	if there && (now == nil || was != *now) {
		delete(x.where, ref)
		delete(x.at[was], ref.Tokens())
		if len(x.at[was]) == 0 {
			delete(x.at, was)
		}
	}
	if now == nil {
		return
	}
	if x.at[*now] == nil {
		x.at[*now] = map[string]ev.Ref{}
	}
	x.at[*now][ref.Tokens()], x.where[ref] = ref, *now
}

// after lists who is owed something at a place, in order, behind one.
func (x index) after(place queue.Partition, tokens string) (refs []ev.Ref) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for t, ref := range x.at[place] {
		if t > tokens {
			refs = append(refs, ref)
		}
	}
	slices.SortFunc(refs, func(a, b ev.Ref) int { return strings.Compare(a.Tokens(), b.Tokens()) })
	return refs
}

// page is how many bytes of arguments one answer has, but for what is larger by itself.
const page = 256 << 10

// owedAt answers what is owed at a place: a page of it, or what is owed to one entity.
func (s *Service) owedAt(place queue.Partition, q ev.OwedQuestion) (o ev.Owed) {
	size := 0
	s.fold.View(func(w *state.Entities) {
		o.Log = s.fold.Point() // here: what is answered has to be all of that
		refs := s.owed.after(place, q.After)
		if q.Only != "" {
			refs = slices.DeleteFunc(s.owed.after(place, ""), func(r ev.Ref) bool { return r.Tokens() != q.Only })
		}
		for _, ref := range refs {
			item, ok := s.item(w, ref, place)
			if !ok {
				continue
			}
			if size += len(item.Work.Args); len(o.Items) > 0 && size > page {
				o.Next = o.Items[len(o.Items)-1].Work.Ref.Tokens()
				return
			}
			o.Items = append(o.Items, item)
		}
	})
	return o
}

// item is what is owed to one entity, if it is owed at the place.
func (s *Service) item(w *state.Entities, ref ev.Ref, place queue.Partition) (item ev.OwedItem, ok bool) {
	e, born := w.Get(ref)
	if !born {
		return item, false
	}
	machine := fsm.Machines[ref.Kind]
	duty := fsm.DutyOf(e, w.Get)
	owed := duty.Owed
	if owed == nil || duty.By != fsm.ByAgent || queue.PlaceOf(owed) != place {
		return item, false
	}
	args, err := ev.Encode(forAgent(owed, place, w.Get))
	if err != nil {
		return item, false // every effect can be written: tests see to that
	}
	item.Work = ev.Work{Ref: ref, UID: e.UID, Revision: s.fold.Revision(duty.Seq), Digest: fsm.DigestOf(owed), Attempt: e.Attempts() + 1,
		Effect: owed.Effect(), Args: args}
	item.Spec = e.Base.Revision
	if within := machine.LimitsOf(e).Within; within > 0 {
		item.HalfAt = e.PhaseSince.Add(s.clock.Deadline(within) / 2)
	}
	if e.Attempt != nil {
		told := *e.Attempt
		told.Calls, item.Attempt = nil, &told
	}
	item.Login = loginFor(w, ref, owed)
	for _, c := range e.Creations {
		item.Creations = append(item.Creations, ev.CreateSum(c))
	}
	return item, true
}

// forAgent is an effect as the agent of a place is told of it. Of a tenant that moves the other place is told as agents enter it, if
// they work there for the same owner: else no Secret follows it there, and it is looked before it is closed that none is to.
func forAgent(owed ev.Effect, place queue.Partition, get func(ev.Ref) (fsm.Entity[fsm.Data], bool)) ev.Effect {
	owed = ev.ForAgent(owed)
	m, is := owed.(ev.RelocateTenant)
	if !is {
		return owed
	}
	if m.Follow != nil {
		f := *m.Follow // the fold shares it
		m.Follow = nil
		if entersToo(&f.Site, place, get) {
			m.Follow = &f
		}
	}
	if m.Look != nil {
		l := *m.Look
		if !entersToo(&l.Site, place, get) {
			l.Into = ""
		}
		m.Look = &l
	}
	return m
}

// entersToo tells whether agents of the same owner work at another place too, and has it say so. Of any other place it leaves the name
// alone: its account's role is nobody's business there.
func entersToo(site *ev.Target, place queue.Partition, get func(ev.Ref) (fsm.Entity[fsm.Data], bool)) bool {
	other := ev.EnsureTenant{Target: *site}
	if queue.PlaceOf(other).Owner != place.Owner || fsm.DoneBy(other, get) != fsm.ByAgent {
		*site = ev.Target{Dataplane: site.Dataplane}
		return false
	}
	site.Account = site.Account.ForAgent()
	return true
}

// loginFor is the login that the chart of a work wants; nil if it wants none, or there is none but in a file.
func loginFor(w *state.Entities, ref ev.Ref, owed ev.Effect) *ev.RepositorySpec {
	var chart ev.Chart
	switch e := owed.(type) {
	case ev.EnsureApplication:
		chart = e.Chart
	case ev.EnsureAddon:
		chart = e.Chart
	}
	if chart.Credentials == "" {
		return nil
	}
	if login, known := fsm.LoginOf(w.Get, ref.Owner, chart.Credentials); known {
		return &login
	}
	return nil
}
