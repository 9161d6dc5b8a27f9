package agents

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// standing are the kinds for which something is made on a dataplane, in the order in which they stand on each other.
var standing = []ev.Kind{ev.Dataplane, ev.TenantInfra, ev.Addon, ev.Tenant, ev.Application}

// standsAt answers what was made at a place and should be there: of a dataplane a page of it, of an account where to look.
func (s *Service) standsAt(place queue.Partition, q ev.StandsQuestion) (a ev.Stands) {
	account, isAccount := strings.CutPrefix(place.Dataplane, ev.AccountPlace(""))
	s.fold.View(func(w *state.Entities) {
		if isAccount {
			a = inAccount(w, ev.Ref{Kind: ev.Account, Owner: place.Owner, ID: account})
		} else {
			a = onDataplane(w, ev.Ref{Kind: ev.Dataplane, Owner: place.Owner, ID: place.Dataplane}, q.After)
		}
	})
	return a
}

// inAccount are the regions in which something is to be made, and those in which something is or was.
func inAccount(w *state.Entities, ref ev.Ref) (a ev.Stands) {
	acc, there := w.Get(ref)
	if !there {
		return a
	}
	w.Each(ev.Dataplane, func(e fsm.Entity[fsm.Data]) {
		d := e.Data.(fsm.DataplaneData)
		if in, faults := ev.ParseRef(ev.Account, d.Spec.Account); len(faults) > 0 || in != ref {
			return
		}
		site := ev.Target{Account: d.Account, Region: d.Spec.Region}
		if d.Account.Agent && !slices.Contains(a.Sites, site) {
			a.Sites = append(a.Sites, site)
		}
		place := ev.CatalogPlace{UID: acc.UID, Account: acc.Data.(fsm.AccountData).Cloud(), Region: d.Spec.Region}
		wanted := acc.Holds(fsm.ConditionReady) && !fsm.Machines[ev.Dataplane].Ended(e.Phase()) && place.Account.Agent
		if wanted && !slices.Contains(a.Places, place) {
			a.Places = append(a.Places, place)
		}
	})
	return a
}

// onDataplane is a page of what should stand on a dataplane, behind one of its entities.
func onDataplane(w *state.Entities, ref ev.Ref, after string) (a ev.Stands) {
	e, there := w.Get(ref)
	if !there {
		return a
	}
	d, size := e.Data.(fsm.DataplaneData), 0
	if e.Holds(fsm.ConditionReady) && d.Account.Agent {
		a.Cluster, a.UID, a.Site = d.Cluster.Cluster, e.UID, ev.Target{Account: d.Account, Region: d.Spec.Region}
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
func usersOf(w *state.Entities, dataplane ev.Ref) (all []ev.Ref) {
	known := map[ev.Ref]bool{dataplane: true}
	for next := []ev.Ref{dataplane}; len(next) > 0; next = next[1:] {
		if slices.Contains(standing, next[0].Kind) {
			all = append(all, next[0])
		}
		for _, u := range w.UsersOf(next[0]) {
			if !known[u] {
				known[u], next = true, append(next, u)
			}
		}
	}
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
	if len(made) == 0 || !queue.ByAgent(made[0]) || queue.PlaceOf(made[0]) != place {
		return item, false
	}
	item = ev.StandsItem{Ref: ref, UID: e.UID, Seq: e.Seq, Failed: e.Failure != nil}
	for _, effect := range made {
		args, err := ev.Encode(effect)
		if err != nil {
			return item, false // every effect can be written: tests see to that
		}
		item.Made = append(item.Made, ev.MadeEffect{Effect: effect.Effect(), Args: args})
	}
	return item, true
}

// endedOf answers which marks are of incarnations that have ended. Marks of others than the customer are nobody's business.
func (s *Service) endedOf(owner string, q ev.EndedQuestion) (a ev.Ended) {
	if len(q.Marks) > ev.MostMarks {
		return ev.Ended{Error: fmt.Sprintf("%d marks at once: ask about %d at most", len(q.Marks), ev.MostMarks)}
	}
	s.fold.View(func(w *state.Entities) {
		for _, mark := range q.Marks {
			ref, uid, ours := ev.ParseMark(mark)
			switch {
			case !ours || ref.Owner != owner:
				a = ev.Ended{Error: fmt.Sprintf("%q is no mark of %s", ev.Truncate(mark), owner)}
				return
			case w.HasEnded(ref, uid):
				a.Ended = append(a.Ended, mark)
			case !w.Knows(ref, uid):
				a.Unknown = append(a.Unknown, mark)
			}
		}
	})
	return a
}
