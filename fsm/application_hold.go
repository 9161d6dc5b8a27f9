package fsm

import ev "github.com/aeriehq/aerie/events"

// changes tells whether something is being done to what is installed right now.
func (d ReleaseData[S]) changes(b Base) bool {
	switch b.Phase() {
	case Installing, Upgrading, RollingBack:
		return !d.Held
	}
	return false
}

// holdApplication is the event by which what was asked of an application waits for its tenant: installing, changing or
// bringing back would wake what is suspended. What somebody has changed by hand is made again on the way too, where the tenant serves.
func holdApplication(e Entity[ApplicationData], refs *Refs) ev.Event {
	if e.Data.changes(e.Base) && refs.unmet([]Dependency{e.tenant()}) != nil && !(e.Data.Repairing && servesOnWay(e, refs)) {
		return ev.ChangeHeld{}
	}
	return nil
}

// lockApplication refuses what is asked of an application while its tenant moves.
func lockApplication(e Entity[ApplicationData], _ ev.Payload, refs *Refs) error {
	t, _ := find[TenantData](refs, e.tenant().Ref)
	if t.Data.Move == nil && e.Data.Copy != nil {
		return ev.Refuse(ev.Refused, "change %s: %s has just moved, and it follows: ask again", e.Ref, t.Ref)
	}
	return refuseMoving("change "+e.Ref.String(), t)
}

// hold lets what a decision has asked of an entity wait, if its kind says so.
func (k *Kind[D]) hold(e Entity[D], changes []ev.Change, refs *Refs) ([]ev.Change, error) {
	if k.Hold == nil {
		return changes, nil
	}
	for i, c := range changes {
		if c.Ref != e.Ref {
			continue
		}
		after := e
		for _, happened := range c.Events {
			var err error
			if after, err = k.apply(after, ev.Recorded{Ref: e.Ref, Seq: e.Seq, Event: happened}); err != nil {
				return nil, ev.Refuse(ev.Refused, "%s: %v", e.Ref, err)
			}
		}
		if held := k.Hold(after, refs); held != nil {
			changes[i].Events = append(c.Events, held)
		}
	}
	return changes, nil
}
