package fsm

import (
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// observed is the event of what a look has seen, if that is news. Numbers of nodes alone
// are news only now and then.
func (k *Kind[D]) observed(e Entity[D], at time.Time, ask ev.NoteDrift) []ev.Event {
	if ask.Seen == nil || k.IsNews == nil {
		return nil
	}
	news, onlyNodes := k.IsNews(e, *ask.Seen)
	if !news || onlyNodes && at.Sub(seenAt(e.Base, e.Data)) < ask.Every {
		return nil
	}
	seen := ev.Observed{Seen: *ask.Seen, At: at}
	if len(ask.Found) == 0 {
		seen.Calls = ask.Calls
	}
	return []ev.Event{seen}
}

// seenAt is when what is known of something was last seen: the last look that saw
// something new, or when it became what was asked for.
func seenAt(b Base, d Data) time.Time {
	var looked time.Time
	switch d := d.(type) {
	case DataplaneData:
		looked = d.SeenAt
	case TenantInfraData:
		looked = d.SeenAt
	}
	if looked.IsZero() {
		return b.PhaseSince
	}
	return looked
}

// SeenOf is what looks have reported of an entity; false for kinds of which they report nothing.
func SeenOf(e Entity[Data]) (s ev.Seen, some bool) {
	switch d := e.Data.(type) {
	case DataplaneData:
		return ev.Seen{Version: d.Cluster.Version, Nodes: d.SystemPool.Nodes, Zones: d.SystemPool.Zones, Addons: d.Addons}, true
	case TenantInfraData:
		return ev.Seen{Pools: d.Pools}, true
	}
	return s, false
}

// SeenAt is when what is known of an entity was last seen; a look that sees the same again is not noted.
func SeenAt(e Entity[Data]) time.Time { return seenAt(e.Base, e.Data) }
