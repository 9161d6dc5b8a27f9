package agents

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// standing are the kinds for which something is made on a dataplane, in the order in which they stand on each other.
var standing = []ev.Kind{ev.Dataplane, ev.TenantInfra, ev.Addon, ev.Cell, ev.CellApplication, ev.Tenant, ev.Application}

// standsAt answers what was made at a place and should be there: of a dataplane a page of it, of an account where to look.
func (s *Service) standsAt(place queue.Partition, q ev.StandsQuestion) (a ev.Stands) {
	account, isAccount := strings.CutPrefix(place.Dataplane, ev.AccountPlace(""))
	s.fold.View(func(w *state.Entities) {
		if isAccount {
			ref := ev.Ref{Kind: ev.Account, Owner: place.Owner, ID: account}
			a = inAccount(w, ref, s.built.in(ref))
		} else {
			a = onDataplane(w, ev.Ref{Kind: ev.Dataplane, Owner: place.Owner, ID: place.Dataplane}, q.After)
		}
		a.Log = s.fold.Point()
		for i := range a.Items { // an agent repairs by it while nobody answers
			a.Items[i].Revision = s.fold.Revision(a.Items[i].Revision)
		}
	})
	return a
}

// built has which dataplanes were ever asked for in each account, also those that have ended: what they left is swept.
type built struct {
	mu   *sync.RWMutex
	here map[ev.Ref][]ev.Ref // by account
}

func newBuilt() built { return built{&sync.RWMutex{}, map[ev.Ref][]ev.Ref{}} }

func (b built) in(account ev.Ref) []ev.Ref {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.Clone(b.here[account])
}

// put notes a dataplane.
func (b built) put(dataplane ev.Ref, spec ev.DataplaneSpec) {
	account, faults := ev.ParseRef(ev.Account, spec.Account)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(faults) == 0 && !slices.Contains(b.here[account], dataplane) {
		b.here[account] = append(b.here[account], dataplane)
	}
}

// see follows what is asked for.
func (b built) see(r ev.Recorded) {
	if e, is := r.Event.(ev.Requested[ev.DataplaneSpec]); is {
		b.put(r.Ref, e.Spec)
	}
}

// inAccount are the regions in which something is to be made, and those in which something is or was, of its dataplanes.
func inAccount(w *state.Entities, ref ev.Ref, dataplanes []ev.Ref) (a ev.Stands) {
	acc, there := w.Get(ref)
	if !there {
		return a
	}
	a.UID = acc.UID
	for _, dataplane := range dataplanes {
		e, _ := w.Get(dataplane)
		d, _ := e.Data.(fsm.DataplaneData)
		if in, faults := ev.ParseRef(ev.Account, d.Spec.Account); len(faults) > 0 || in != ref {
			continue // the name is another's now
		}
		site := ev.Target{Account: d.Account, Region: d.Spec.Region}
		if d.Account.Agent && !slices.Contains(a.Sites, site) {
			a.Sites = append(a.Sites, site)
		}
		account := acc.Data.(fsm.AccountData)
		place := ev.CatalogPlace{UID: acc.UID, Account: account.Cloud(), Region: d.Spec.Region, Known: knownOf(account, d.Spec.Region)}
		wanted := acc.Holds(fsm.ConditionReady) && !fsm.Machines[ev.Dataplane].Ended(e.Phase()) && place.Account.Agent
		if wanted && !slices.Contains(a.Places, place) {
			a.Places = append(a.Places, place)
		}
	}
	return a
}

// knownOf is the digest of what is known of a region's catalogue; empty if nobody has looked.
func knownOf(account fsm.AccountData, region string) string {
	for _, c := range account.Catalogues {
		if c.Region == region {
			return c.Digest()
		}
	}
	return ""
}

// onDataplane is a page of what should stand on a dataplane, behind one of its entities.
func onDataplane(w *state.Entities, ref ev.Ref, after string) (a ev.Stands) {
	e, there := w.Get(ref)
	if !there {
		return a
	}
	d, size := e.Data.(fsm.DataplaneData), 0
	if fsm.WorkerOn(e) != fsm.ByAgent {
		return a
	}
	if e.Holds(fsm.ConditionReady) {
		a.Cluster, a.UID, a.Site = d.Cluster.Cluster, e.UID, ev.Target{Account: d.Account.ForAgent(), Region: d.Spec.Region}
	}
	for _, one := range usersOf(w, ref) {
		if after != "" && order(one) <= after {
			continue
		}
		item, ok := stands(w, one, queue.Partition{Owner: ref.Owner, Dataplane: ref.ID})
		if !ok {
			continue
		}
		for _, m := range item.Made {
			size += len(m.Args)
		}
		if len(a.Items) > 0 && size > page {
			a.Next = order(a.Items[len(a.Items)-1].Ref)
			return a
		}
		a.Items = append(a.Items, item)
	}
	return a
}

// usersOf are a dataplane and all that stands on it, in order.
func usersOf(w *state.Entities, dataplane ev.Ref) []ev.Ref {
	all := slices.DeleteFunc(w.On(dataplane), func(ref ev.Ref) bool { return !slices.Contains(standing, ref.Kind) })
	slices.SortFunc(all, func(a, b ev.Ref) int { return cmp.Compare(order(a), order(b)) })
	return all
}

// order is where an entity comes among those of a place: what others stand on first.
func order(ref ev.Ref) string {
	return fmt.Sprintf("%d.%s", slices.Index(standing, ref.Kind), ref.Tokens())
}

// stands is what was made for an entity at rest, if it was made at the place.
func stands(w *state.Entities, ref ev.Ref, place queue.Partition) (item ev.StandsItem, ok bool) {
	e, _ := w.Get(ref)
	made := fsm.Machines[ref.Kind].ExpectedEffects(e, w.Refs())
	if len(made) == 0 || queue.PlaceOf(made[0]) != place {
		return item, false
	}
	item = ev.StandsItem{Ref: ref, UID: e.UID, Revision: e.Seq, Failed: e.Failure != nil}
	if seen, some := fsm.SeenOf(e); some {
		item.Seen = seen.Digest()
	}
	for _, effect := range made {
		args, err := ev.Encode(ev.ForAgent(effect))
		if err != nil {
			return item, false // every effect can be written: tests see to that
		}
		item.Made = append(item.Made, ev.MadeEffect{Effect: effect.Effect(), Args: args})
	}
	return item, true
}

// endedOf answers which marks are of incarnations that have ended, and which stays their tenants no longer have. Marks of others
// than the customer are nobody's business.
func (s *Service) endedOf(place queue.Partition, q ev.EndedQuestion) (a ev.Ended) {
	if most := max(len(q.Marks), len(q.Stays)); most > ev.MostMarks {
		return ev.Ended{Error: fmt.Sprintf("%d marks or stays at once: ask about %d at most", most, ev.MostMarks)}
	}
	a.Log = s.fold.Point()
	s.fold.View(func(w *state.Entities) {
		if q.Found != nil {
			a.Error = s.noteFinding(w, place, *q.Found)
		}
		for _, mark := range q.Marks {
			ref, uid, ours := ev.ParseMark(mark)
			switch {
			case !ours || ref.Owner != place.Owner:
				a = notOf(place, mark)
				return
			case w.HasEnded(ref, uid):
				a.Ended = append(a.Ended, mark)
			case !w.Knows(ref, uid):
				a.Unknown = append(a.Unknown, mark)
			}
		}
		on := ev.Ref{Kind: ev.Dataplane, Owner: place.Owner, ID: place.Dataplane}
		for _, stay := range q.Stays {
			ref, uid, ours := ev.ParseMark(stay.Mark)
			if !ours || ref.Owner != place.Owner || ref.Kind != ev.Tenant {
				a = notOf(place, stay.Mark)
				return
			}
			if e, there := w.Get(ref); there && e.UID == uid && !fsm.HasStay(e, on, stay.Namespace, stay.Stay) {
				a.Left = append(a.Left, stay)
			}
		}
	})
	return a
}

func notOf(place queue.Partition, mark string) ev.Ended {
	return ev.Ended{Error: fmt.Sprintf("%q is no mark of %s", ev.Truncate(mark), place.Owner)}
}
