package fsm

import (
	"fmt"
	"reflect"

	ev "github.com/aeriehq/aerie/events"
)

// rollback decides the verb of what is installed: what was deployed before is wanted again.
func rollback[S ev.Installed](e Entity[ReleaseData[S]], ask ev.Payload, _ *Refs) ([]ev.Change, error) {
	back, ok := ask.(ev.Rollback)
	if !ok {
		return nil, ev.Refuse(ev.Internal, "%s does not know %T", e.Ref.Kind.A(), ask)
	}
	if e.Phase() == Pending || e.Phase() == Installing || e.Phase() == Uninstalling {
		return nil, ev.Refuse(ev.Refused, "%s is %s: only what was deployed can be rolled back", e.Ref, e.Phase())
	}
	to, err := e.Data.earlier(e.Ref, back.To)
	if err != nil || reflect.DeepEqual(to.Spec, e.Data.Spec) {
		return nil, err // it is what is wanted already
	}
	return changed(e.Base, ev.RollbackRequested[S]{To: to.Revision, Spec: to.Spec}), nil
}

// earlier is the spec to go back to: the revision's, or else the last that was deployed and is not wanted now.
func (d ReleaseData[S]) earlier(ref ev.Ref, revision int) (DeployedSpec[S], error) {
	var known []int
	for _, g := range []*DeployedSpec[S]{d.Good, d.Before} {
		if g == nil {
			continue
		}
		if g.Revision == revision || revision == 0 && !reflect.DeepEqual(g.Spec, d.Spec) {
			return *g, nil
		}
		known = append(known, g.Revision)
	}
	if revision == 0 {
		return DeployedSpec[S]{}, ev.Refuse(ev.Refused, "%s: nothing else was deployed before", ref)
	}
	return DeployedSpec[S]{}, ev.RefuseFaults("rollback "+ref.String(), []ev.FieldError{{Field: "to", Message: fmt.Sprintf("revision %d is not kept; these are: %v", revision, known)}})
}

// deployed keeps the last two specs that came about.
func (d ReleaseData[S]) deployed(e ev.Deployed) ReleaseData[S] {
	d.Objects, d.Endpoints, d.Undoing, d.Repairing = e.Objects, e.Endpoints, false, false
	if d.Good != nil && !reflect.DeepEqual(d.Good.Spec, d.Spec) {
		d.Before = d.Good
	}
	d.Good = &DeployedSpec[S]{e.Revision, d.Spec}
	return d
}

// outcomeRelease tells what was asked for from what was brought back after a failure.
func outcomeRelease[S ev.Installed](e Entity[ReleaseData[S]], outcome ev.Event) []ev.Event {
	if e.Data.Copy != nil {
		return e.Data.outcomeCopy(outcome)
	}
	if d, ok := outcome.(ev.Deployed); ok && e.Data.Undoing {
		return []ev.Event{ev.RolledBack(d)}
	}
	return []ev.Event{outcome}
}

// giveUpRelease brings back what was deployed before an upgrade that does not come about.
func giveUpRelease[S ev.Installed](e Entity[ReleaseData[S]], why ev.Reason) ev.Event {
	begun := e.Phase() == Upgrading || e.Phase() == Installing // the latter of one that had failed
	if good := e.Data.Good; begun && good != nil && !reflect.DeepEqual(good.Spec, e.Data.Spec) {
		return ev.RollingBackStarted{To: good.Revision, Reason: why}
	}
	if e.Phase() == RollingBack && e.Data.Undone {
		return ev.UpdateFailed{Reason: why, Repair: true}
	}
	if e.Phase() == Copying {
		return ev.CopyFailed{Reason: why}
	}
	return ev.Failed{Reason: why}
}
