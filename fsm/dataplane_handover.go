package fsm

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// ConditionHandedOver is false while a dataplane is handed over, and not there otherwise.
const ConditionHandedOver = "HandedOver"

// Worker is who does what is owed on a dataplane, and looks after it.
type Worker int

const (
	// ByServer is the control plane.
	ByServer Worker = iota
	// ByAgent is an agent in the customer's network.
	ByAgent
	// ByNobody: the dataplane is being handed over, and nobody begins anything on it.
	ByNobody
)

// How long a handover takes at most, in real time: as long as calls that were begun before it may last. An agent may have been
// cut off: it ends what it does when it has heard nothing for AgentAlone.
const (
	serverEnds = 90 * time.Second
	agentEnds  = AgentAlone + serverEnds

	// AgentAlone is how long the lease of an agent is good, and it goes on with what it has begun, without an answer.
	AgentAlone = 150 * time.Second
)

// worker is who works on the dataplane.
func (d DataplaneData) worker() Worker {
	switch {
	case d.Handover != nil:
		return ByNobody
	case d.Account.Agent || d.Mode == ev.ModePull:
		return ByAgent
	}
	return ByServer
}

// Duty is what an entity is owed, and who does it.
type Duty struct {
	Owed ev.Effect // nil: nothing
	By   Worker
	Seq  uint64 // of what is owed later it is higher, also when nothing is other than who does it; the log's Revision makes one of it
}

// DutyOf is what an entity is owed now, and who does that.
func DutyOf(e Entity[Data], get func(ev.Ref) (Entity[Data], bool)) Duty {
	d := Duty{Seq: e.Seq}
	if m := Machines[e.Ref.Kind]; m != nil {
		d.Owed = m.Owed(e)
	}
	dp, is := doneOn(d.Owed, get)
	d.By = workerOf(d.Owed, dp, is)
	switch {
	case HandoverOf(e) != nil:
		d.By = ByNobody
	case is && dp.Data.Handover != nil:
		d.Seq = max(e.Seq, dp.Seq)
	case is:
		d.Seq = max(e.Seq, dp.Data.HandedAt)
	}
	return d
}

// DoneBy tells who does an effect now.
func DoneBy(owed ev.Effect, get func(ev.Ref) (Entity[Data], bool)) Worker {
	dp, is := doneOn(owed, get)
	return workerOf(owed, dp, is)
}

// workerOf tells who does an effect: on a dataplane whoever that says works on it.
func workerOf(owed ev.Effect, dp Entity[DataplaneData], on bool) Worker {
	if on {
		return dp.Data.worker()
	}
	if v, is := owed.(ev.VerifyAccount); is && v.Account.Agent {
		return ByAgent
	}
	return ByServer
}

// doneOn is the dataplane on which an effect is done; false if there is none.
func doneOn(owed ev.Effect, get func(ev.Ref) (Entity[Data], bool)) (dp Entity[DataplaneData], is bool) {
	sited, is := owed.(interface{ Where() ev.Target })
	if !is {
		return dp, false
	}
	on, faults := ev.ParseRef(ev.Dataplane, sited.Where().Dataplane)
	if len(faults) > 0 {
		return dp, false
	}
	e, born := get(on)
	return typed[DataplaneData](e), born
}

// WorkerOn is who works on a dataplane.
func WorkerOn(e Entity[Data]) Worker { return typed[DataplaneData](e).Data.worker() }

// HandsOver tells whether by an event others work on a dataplane, and for all that stands on it.
func HandsOver(happened ev.Event) bool {
	switch happened.(type) {
	case ev.HandoverStarted, ev.HandedOver:
		return true
	}
	return false
}

// HandoverOf is how a dataplane is being handed over; nil if it is not, or is none.
func HandoverOf(e Entity[Data]) *ev.HandoverStarted { return typed[DataplaneData](e).Data.Handover }

// handoverRows adds that a dataplane is handed over, in whatever phase: what it and those on it are owed stays what it is.
func handoverRows(rows ...Row) []Row {
	return append(rows,
		Row{ev.HandoverStarted{}, attachable, Stay},
		Row{ev.HandedOver{}, append([]Phase{Deleting}, attachable...), Stay})
}

// startHandover begins the handover that another mode asks for. Where nothing can have been made there is nothing to hand over.
func startHandover(e Entity[DataplaneData], s ev.Spec, refs *Refs) []ev.Change {
	d, to := e.Data, cmp.Or(s.(ev.DataplaneSpec).Mode, ev.ModePush)
	from := cmp.Or(d.Mode, ev.ModePush)
	if d.Handover == nil && (!d.Tried || to == from) || d.Handover != nil && to == d.Handover.To {
		return nil
	}
	return changed(e.Base, ev.HandoverStarted{From: from, To: to, Since: refs.command.Time})
}

// evolveHandover follows who works on it.
func (d DataplaneData) evolveHandover(happened ev.Event) DataplaneData {
	switch e := happened.(type) {
	case ev.Requested[ev.DataplaneSpec]:
		d.Mode = e.Spec.Mode
	case ev.UpdateRequested[ev.DataplaneSpec]:
		if !d.Tried && d.Handover == nil {
			d.Mode = e.Spec.Mode
		}
	case ev.HandoverStarted:
		d.Handover = &e
	case ev.HandedOver:
		d.Mode, d.Handover, d.HandedAt = e.Mode, nil, e.After+1
	case ev.Deleted:
		d.Handover = nil
	}
	return d
}

// handoverWait is what a dataplane waits for that is handed over: the end of what was begun.
func handoverWait(h ev.HandoverStarted) WaitFor {
	w := WaitFor{Since: h.Since, Within: serverEnds, Wall: true}
	if h.From == ev.ModePull {
		w.Within = agentEnds
	}
	return w
}

// handover is how an entity is being handed over; nil if it is not.
func (k *Kind[D]) handover(e Entity[D]) *ev.HandoverStarted {
	if k.Handover == nil {
		return nil
	}
	return k.Handover(e.Data)
}

// owed is what the world owes to an entity now: while a dataplane is handed over, that this takes its time.
func (k *Kind[D]) owed(e Entity[D]) ev.Effect {
	if h := k.handover(e); h != nil {
		return handoverWait(*h)
	}
	return k.work(e)
}

// handoverBlocker is the handover that keeps a dataplane from going on; nil if none does. At rest it has nothing to go on with.
func (k *Kind[D]) handoverBlocker(e Entity[D]) *Blocker {
	h := k.handover(e)
	if h == nil || slices.Contains(k.SteadyPhases, e.Phase()) {
		return nil
	}
	return blockedByHandover(*h)
}

// blockedByHandover says that a dataplane is being handed over.
func blockedByHandover(h ev.HandoverStarted) *Blocker {
	who := map[string]string{ev.ModePush: "the control plane", ev.ModePull: "an agent"}
	return &Blocker{Reason: ev.Reason{Code: ev.InProgress, Fault: ev.BySystem, Message: fmt.Sprintf(
		"it is handed over to %s: what was begun before comes to its end first", who[h.To])}, Since: h.Since, Retried: true}
}

// shownOfDataplane are its conditions that its own events do not carry on: of its addons, and while it is handed over of that.
func shownOfDataplane(e Entity[DataplaneData], refs *Refs) []Condition {
	all := addonsReady(e, refs)
	if h := e.Data.Handover; h != nil {
		why := blockedByHandover(*h)
		all = append(all, Condition{Type: ConditionHandedOver, Status: False, Reason: string(why.Code), Message: why.Message, Since: h.Since})
	}
	return all
}

// elapsedDataplane ends a handover, or removes what was made for a plan and has been empty for its time.
func elapsedDataplane(e Entity[DataplaneData], refs *Refs) []ev.Change {
	if h := e.Data.Handover; h != nil {
		return changed(e.Base, ev.HandedOver{Mode: h.To, After: e.Seq})
	}
	return elapsedMade(e, refs)
}

// modeFits says what is wrong with who is to work on a dataplane: the control plane does not enter an account of access agent,
// and an agent works in its own customer's accounts.
func modeFits(ref, account ev.Ref, now ev.DataplaneSpec, refs *Refs) *ev.FieldError {
	acc, known := find[AccountData](refs, account)
	pull := now.Mode == ev.ModePull
	switch {
	case known && !pull && acc.Data.Cloud().Agent:
		return &ev.FieldError{Field: "spec.mode", Message: fmt.Sprintf("%s is entered by an agent: want pull", account)}
	case known && pull && (account.Owner == ev.Platform || account.Owner != ref.Owner):
		return &ev.FieldError{Field: "spec.mode", Message: fmt.Sprintf("an agent works in the accounts of its own customer, and %s is another's: want push", account)}
	}
	return nil
}

// lockDataplane refuses another mode while a tenant goes to or from a dataplane: who works on the one cluster does not enter the
// other.
func lockDataplane(e Entity[DataplaneData], ask ev.Payload, refs *Refs) error {
	update, _ := ask.(ev.Update)
	now, is := update.Spec.(ev.DataplaneSpec)
	if !is || cmp.Or(now.Mode, ev.ModePush) == cmp.Or(e.Data.Spec.Mode, ev.ModePush) {
		return nil
	}
	for _, infra := range refs.users(e.Ref, everyone, ev.TenantInfra) {
		for _, t := range refs.users(infra, everyone, ev.Tenant) {
			if moves, there := find[TenantData](refs, t); there && moves.Data.Away != nil {
				return ev.Refuse(ev.Refused, "update %s: %s is on its way from one cluster to another: change the mode when it is there", e.Ref, t)
			}
		}
	}
	return nil
}

// onlyMode tells whether two specs of a dataplane say something else of who works on it alone.
func onlyMode(a, b ev.DataplaneSpec) bool {
	a.Mode = b.Mode
	return reflect.DeepEqual(a, b)
}
