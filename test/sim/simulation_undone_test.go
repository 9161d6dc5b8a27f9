package sim

import (
	"strings"

	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// undoInVain lets people ask for upgrades that can't come about, so that they are undone, and somebody deletes what runs then. It is
// brought back, and why the upgrade failed is said still. Some take back what they asked for.
func (l *life) undoInVain() {
	var asked []ev.Ref
	l.each(func(e fsm.Entity[fsm.Data], m fsm.Machine) {
		if (e.Ref.Kind == ev.Application || e.Ref.Kind == ev.Addon) && m.AtRest(e.Phase()) && e.Failure == nil && !l.chance(3) {
			l.ask(l.request(e.Ref, ev.VerbUpdate, `{"spec":{"chart":{"name":"none","version":"1.0.0"}}}`)) // no charts are installed here
			asked = append(asked, e.Ref)
		}
	})
	l.rest()
	why := map[ev.Ref]ev.Reason{}
	for _, ref := range asked {
		e, _ := l.world.Get(ref)
		if e.Phase() != fsm.Failed || e.Unmet == nil {
			continue // it sleeps, moves, or what it stands on is gone
		}
		why[ref] = *e.Unmet
		l.seen["upgrades undone"]++
		namespace, objects := runs(e)
		for _, o := range objects {
			if _, name, named := strings.Cut(o, "/"); named && !l.chance(3) {
				n, err := l.cloud.ByHand(sim.ManualChange{Delete: "object", Match: namespace + "/" + name})
				l.must(err)
				l.seen["deleted of what was undone"] += n
			}
		}
	}
	l.bringBack()
	for _, ref := range asked {
		e, _ := l.world.Get(ref)
		was, undone := why[ref]
		if !undone {
			continue
		}
		if e.Unmet == nil || *e.Unmet != was {
			l.wrong("%s is %s, and why its upgrade failed is forgotten: %+v", ref, e.Phase(), e.Failure)
		}
		if l.chance(2) {
			l.ask(l.request(ref, ev.VerbUpdate, `{"spec":`+appJSON("one")+`}`))
		}
	}
	l.rest()
}

// runs is what is there of an application or an addon.
func runs(e fsm.Entity[fsm.Data]) (namespace string, objects []string) {
	switch d := e.Data.(type) {
	case fsm.ApplicationData:
		return d.Namespace, d.Objects
	case fsm.AddonData:
		return d.Namespace, d.Objects
	}
	return "", nil
}
