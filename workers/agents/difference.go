package agents

import (
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// differs is what is to be noted where an agent has met a log that does not go on from the one it has worked for: what
// stands there otherwise than this log has it.
func (s *Service) differs(agent ev.Ref, d *ev.Difference) []ev.NoteAgent {
	if d == nil {
		return nil
	}
	stood := d.Stood[:min(len(d.Stood), ev.MostStood)]
	met := ev.LogDiffers{Was: d.Was, Now: d.Now, More: max(0, d.More)}
	s.fold.View(func(w *state.Entities) {
		for _, one := range stood {
			how := howStands(w, agent.Owner, one)
			switch {
			case how == "":
			case len(met.Found) == ev.MostDiffering:
				met.More++
			default:
				met.Found = append(met.Found, ev.Differing{Ref: one.Ref, UID: ev.Cut(one.UID, mostUID), How: how})
			}
		}
	})
	return []ev.NoteAgent{{Seen: met}}
}

// mostUID is as long as the id of an incarnation is.
const mostUID = 64

// howStands says how what stands somewhere differs from the log; empty if it does not, or if its work is under way. An agent
// learns nothing of others than its customer.
func howStands(w *state.Entities, owner string, one ev.Stood) string {
	if one.Ref.Owner != owner || len(one.Ref.Check()) > 0 {
		return ""
	}
	switch {
	case w.HasEnded(one.Ref, one.UID):
		return ev.StandsEnded
	case !w.Knows(one.Ref, one.UID):
		return ev.StandsUnknown
	}
	e, _ := w.Get(one.Ref)
	if fsm.Machines[one.Ref.Kind].Owed(e) != nil {
		return ""
	}
	item, ok := stands(w, one.Ref, queue.Partition{Owner: owner, Dataplane: one.Place})
	if digest, err := ev.DigestOfMade(item.Made); ok && err == nil && digest == one.Digest {
		return ""
	}
	return ev.StandsOther
}
