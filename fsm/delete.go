package fsm

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	ev "github.com/aeriehq/aerie/events"
)

// mostAtOnce bounds how many users one decision deletes: far below what the log
// takes at once.
const mostAtOnce = 100

// remove begins the end of an entity. What uses it has to go first: it is in the
// way, or with cascade is deleted too. Where nothing was ever made for the entity
// the end comes with the same decision.
func (k *Kind[D]) remove(e Entity[D], ask ev.Delete, refs *Refs) ([]ev.Change, error) {
	users, others := k.users(e, refs), k.others(e, refs)
	switch {
	case k.TerminatingPhase != "" && e.Phase() == k.TerminatingPhase:
		return nil, nil // asked twice
	case ask.Cascade && !k.Cascades:
		return nil, k.noCascade(e, others)
	case len(others) > 0 && !ask.Cascade:
		return nil, k.inTheWay(e, others)
	case k.TerminatingPhase == "", k.EndsAtOnce != nil && k.EndsAtOnce(e):
		return changed(e.Base, ev.Deleted{}), nil
	case len(users) > 0, len(k.leaves(e, refs)) > 0:
		return changed(e.Base, ev.DeletionRequested(ask)), nil
	}
	return changed(e.Base, append([]ev.Event{ev.DeletionRequested(ask)}, k.drained(e)...)...), nil
}

func (k *Kind[D]) users(e Entity[D], refs *Refs) []ev.Ref {
	if k.Users == nil {
		return nil
	}
	return k.Users(e, refs)
}

// others are the users of an entity that are no part of it.
func (k *Kind[D]) others(e Entity[D], refs *Refs) []ev.Ref {
	return slices.DeleteFunc(slices.Clone(k.users(e, refs)), func(u ev.Ref) bool { return slices.Contains(k.OwnedKinds, u.Kind) })
}

func (k *Kind[D]) leaves(e Entity[D], refs *Refs) []ev.Change {
	if k.ForgetChanges == nil {
		return nil
	}
	return k.ForgetChanges(e, refs)
}

// drained is what happens once nothing uses an entity that is to go: the world
// owes its removal, or, where nothing was made for it, it is gone.
func (k *Kind[D]) drained(e Entity[D]) []ev.Event {
	e.phase, e.Drained = k.TerminatingPhase, true
	if k.Owed(e) == nil {
		return []ev.Event{ev.Drained{}, ev.Deleted{}}
	}
	return []ev.Event{ev.Drained{}}
}

// inTheWay refuses a deletion, naming what uses the entity.
func (k *Kind[D]) inTheWay(e Entity[D], users []ev.Ref) error {
	advice := "delete these first"
	if k.Cascades {
		advice += ", or give cascade to delete them too"
	}
	return ev.Refuse(ev.Refused, "%s is used by %s: %s", e.Ref, naming(users), advice)
}

// noCascade refuses to delete what uses an entity of a kind that is not told to take others along.
func (k *Kind[D]) noCascade(e Entity[D], users []ev.Ref) error {
	advice := "nothing uses it: leave cascade out"
	if len(users) > 0 {
		advice = "delete what uses it first: " + naming(users)
	}
	return ev.RefuseFaults("delete "+e.Ref.String(), []ev.FieldError{{Field: "cascade", Message: fmt.Sprintf("there is no cascade for this kind; %s", advice)}})
}

func naming(refs []ev.Ref) string {
	const most = 10
	var names []string
	for _, r := range refs[:min(len(refs), most)] {
		names = append(names, r.String())
	}
	if more := len(refs) - most; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// settleGoing deletes what uses an entity that is to go, as far as it is not used
// itself, and says when nothing does any more. So a customer's applications go
// before its tenants, and its dataplanes before its accounts. What is a part of the entity
// goes after all that may rely on it.
func (k *Kind[D]) settleGoing(e Entity[D], refs *Refs) ([]ev.Change, *Blocker) {
	users := k.others(e, refs)
	if len(users) == 0 {
		users = k.users(e, refs)
	}
	if len(users) == 0 {
		if notes := k.leaves(e, refs); len(notes) > 0 {
			return notes, &Blocker{Retried: true, Reason: ev.Reason{Code: ev.InProgress, Fault: ev.BySystem, Message: "leaves what it is attached to"}}
		}
		return changed(e.Base, k.drained(e)...), nil
	}
	var changes []ev.Change
	for _, u := range refs.below(users) {
		user, _ := refs.Get(u)
		machine := Machines[u.Kind]
		if machine.Terminating(user.Phase()) || len(machine.Others(user, refs)) > 0 {
			continue
		}
		if more, err := machine.propose(user, ev.Command{Ref: u, Payload: ev.Delete{}}, refs); err == nil {
			changes = append(changes, more...)
		}
		if len(changes) >= mostAtOnce {
			break
		}
	}
	return changes, &Blocker{Retried: true, Reason: ev.Reason{Code: ev.Dependency, Fault: ev.BySystem,
		Message: "waits for the end of " + naming(users)}}
}

// below are some entities and all that use them, users first, each once. What is a part of another comes with it.
func (r *Refs) below(some []ev.Ref) (all []ev.Ref) {
	seen := map[ev.Ref]bool{}
	var add func([]ev.Ref)
	add = func(some []ev.Ref) {
		for _, u := range some {
			if seen[u] {
				continue
			}
			seen[u] = true
			user, _ := r.Get(u)
			add(Machines[u.Kind].Others(user, r))
			all = append(all, u)
		}
	}
	add(some)
	return all
}

// Takes lists what goes with an entity that is deleted with cascade, in the order in which it begins to go.
func Takes(e Entity[Data], refs *Refs) []ev.Ref {
	machine := Machines[e.Ref.Kind]
	all := refs.below(machine.Others(e, refs))
	for _, u := range append(slices.Clone(all), e.Ref) {
		user, _ := refs.Get(u)
		for _, part := range Machines[u.Kind].Users(user, refs) {
			if !slices.Contains(all, part) {
				all = append(all, part)
			}
		}
	}
	return all
}

// users lists the living entities of some kinds that use one and for which use is
// true, in order.
func (r *Refs) users(used ev.Ref, use func(Entity[Data]) bool, kinds ...ev.Kind) (refs []ev.Ref) {
	for _, k := range kinds {
		r.all(k)
	}
	for _, u := range r.reader.UsersOf(used) {
		if e, _ := r.reader.Get(u); slices.Contains(kinds, u.Kind) && use(e) {
			refs = append(refs, u)
		}
	}
	slices.SortFunc(refs, func(a, b ev.Ref) int {
		return cmp.Or(slices.Index(kinds, a.Kind)-slices.Index(kinds, b.Kind), compare(a, b))
	})
	return refs
}

// living lists the living entities of a kind for which use is true, in order. It asks
// all of them: it is for kinds of which there are few.
func (r *Refs) living(use func(Entity[Data]) bool, k ev.Kind) (refs []ev.Ref) {
	r.all(k)
	r.reader.Each(k, func(e Entity[Data]) {
		if !Machines[k].Ended(e.Phase()) && use(e) {
			refs = append(refs, e.Ref)
		}
	})
	slices.SortFunc(refs, compare)
	return refs
}
