package fsm

import (
	"maps"
	"reflect"
	"slices"

	ev "github.com/aeriehq/aerie/events"
)

// marked adds to the rows of a kind those of what carries its mark: something of an incarnation that has ended can be
// found at any time, and one that the log knows nothing of can be said to have ended.
func marked(rows []Row) []Row {
	var phases []Phase
	for _, r := range rows {
		if r.To != Stay && !slices.Contains(phases, r.To) {
			phases = append(phases, r.To)
		}
	}
	end := endOf(rows)
	living := slices.DeleteFunc(slices.Clone(phases), func(p Phase) bool { return p == end })
	return append(rows, Row{ev.Swept{}, phases, Stay}, Row{ev.Disowned{}, living, Stay}, Row{ev.Disowned{}, []Phase{Unborn, end}, end})
}

// endOf is the phase in which a life ends.
func endOf(rows []Row) Phase {
	return rows[slices.IndexFunc(rows, func(r Row) bool { return r.On.Type() == ev.Deleted{}.Type() })].To
}

// adopt makes an entity of an incarnation that the log does not know. What carries its mark is found by the effects that
// would make it.
func (k *Kind[D]) adopt(e Entity[D], c ev.Command, ask ev.Adopt, refs *Refs) ([]ev.Change, error) {
	living := e.Phase() != Unborn && e.Phase() != k.FinalPhase
	switch {
	case e.terminating(k.TerminatingPhase):
		return nil, ev.Refuse(ev.Refused, "%s is being deleted: nothing can be adopted under its name until it is gone", c.Ref)
	case living && e.UID == ask.UID && reflect.DeepEqual(e.Data.Wants(), ask.Spec) && maps.Equal(e.Labels, ask.Labels):
		return nil, nil // asked twice
	case living && e.UID == ask.UID:
		return nil, ev.Refuse(ev.Conflict, "%s is adopted already: update it instead", c.Ref)
	case living:
		return nil, ev.Refuse(ev.Conflict, "%s is there, as %s: delete it first, or disown %s", c.Ref, e.UID, ask.UID)
	case refs.reader.Knows(c.Ref, ask.UID):
		return nil, ev.Refuse(ev.Refused, "%s was %s and has ended: aerie removes what is left of it", ask.UID, c.Ref)
	}
	if err := k.fits(c.Ref, ask.Spec, refs); err != nil {
		return nil, err
	}
	if ask.Dataplane != "" && k.Rejoin == nil {
		return nil, ev.RefuseFaults(c.Ref.String(), []ev.FieldError{{Field: "dataplane", Message: k.Name.A() + " is not placed: leave it out"}})
	}
	e.Ref = c.Ref
	changes := changed(e.Base, k.CreateEvents(ask.Create, ask.UID)...)
	if k.Rejoin == nil {
		return changes, nil
	}
	for _, happened := range changes[0].Events {
		var err error
		if e, err = k.apply(e, ev.Recorded{Ref: e.Ref, Seq: e.Seq, Event: happened}); err != nil {
			return nil, ev.Refuse(ev.Refused, "%s: %v", c.Ref, err)
		}
	}
	more, err := k.Rejoin(e, ask, refs)
	for _, m := range more {
		changes = join(changes, m)
	}
	return changes, err
}

// disown notes that an incarnation that the log does not know has ended.
func (k *Kind[D]) disown(e Entity[D], c ev.Command, ask ev.Disown, refs *Refs) ([]ev.Change, error) {
	if e.UID == ask.UID && e.Phase() != k.FinalPhase {
		return nil, ev.Refuse(ev.Refused, "%s is %s, which still exists: delete it instead", ask.UID, c.Ref)
	}
	if refs.reader.Knows(c.Ref, ask.UID) {
		return nil, nil // it has ended
	}
	site, err := refs.siteOf(c.Ref, ask)
	if err != nil {
		return nil, err
	}
	e.Ref = c.Ref
	return changed(e.Base, ev.Disowned{UID: ask.UID, Site: site}), nil
}

// siteOf is where a dataplane is looked for that is disowned; none if nobody said.
func (r *Refs) siteOf(ref ev.Ref, ask ev.Disown) (at ev.Target, err error) {
	switch {
	case ask.Account == "" && ask.Region == "":
		return at, nil
	case ref.Kind != ev.Dataplane:
		return at, ev.RefuseFaults(ref.String(), []ev.FieldError{{Field: "account", Message: "only a dataplane is looked for by account and region"}})
	case ask.Account == "" || ask.Region == "":
		return at, ev.RefuseFaults(ref.String(), []ev.FieldError{{Field: "region", Message: "an account and a region of it are needed, or neither"}})
	}
	to, faults := ev.ParseRef(ev.Account, ask.Account)
	if err := ev.RefuseFaults(ref.String(), faults); err != nil {
		return at, err
	}
	if err := r.checkAll(ref, []ev.SpecRef{{Field: "account", Ref: to}}); err != nil {
		return at, err
	}
	account, _ := find[AccountData](r, to)
	return ev.Target{Account: account.Data.Cloud(), Region: ask.Region, Owner: ref.Mark(ask.UID)}, nil
}
