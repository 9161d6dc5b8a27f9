package callout

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/embedded"
)

// countAfter is how long after somebody has entered his connections are counted. The servers take half a second to list them, which nobody
// waits for who has room.
const countAfter = time.Second

// room bounds the connections of callers. Nothing of it has to be known: the servers are asked how many there are, and who was
// counted by a process that died is counted when he enters again, or by Watch.
type room struct {
	soon     sync.Map // actors who are counted in a moment
	full     sync.Map // actors who had as many as they may when they were counted last: they are counted before they enter
	counting sync.Map // actors who are counted just now, so that they may enter
}

// roomFor tells whether a caller may have one more connection, and has his connections counted when he has it. Of those that enter at
// once, before anybody knows that there are too many, the newest are ended a moment later.
func (s *Service) roomFor(c events.Caller) bool {
	most, _ := embedded.MostConnections(c)
	if _, full := s.room.full.Load(c.Actor); full {
		if _, busy := s.room.counting.LoadOrStore(c.Actor, true); busy {
			return false // one after the other; he keeps no place in which others are answered
		}
		defer s.room.counting.Delete(c.Actor)
		all, err := s.connections(context.Background(), c.Actor)
		if err != nil {
			slog.Error("nobody is let in whose connections can't be counted", "actor", c.Actor, "err", err)
		}
		if err != nil || len(all) >= most {
			return false
		}
		s.room.full.Delete(c.Actor)
	}
	if _, waits := s.room.soon.LoadOrStore(c.Actor, true); !waits {
		time.AfterFunc(countAfter, func() {
			s.room.soon.Delete(c.Actor)
			s.count(c, most)
		})
	}
	return true
}

// count ends those of a caller's connections for which there is no room.
func (s *Service) count(c events.Caller, most int) {
	all, err := s.connections(context.Background(), c.Actor)
	if len(all) >= most {
		s.room.full.Store(c.Actor, true)
	}
	if err == nil {
		_, err = s.endBeyond(context.Background(), all)
	}
	if err != nil {
		slog.Warn("connections may be more than there may be: they are counted again", "actor", c.Actor, "in", watchEvery, "err", err)
	}
}

// endBeyond ends those of some connections for which there is no room, and tells of whose they are.
func (s *Service) endBeyond(ctx context.Context, all []connection) (ended int, err error) {
	over := s.beyond(all)
	told := map[string]bool{}
	for _, c := range over {
		if caller, known := s.callers.Actor(c.User); known && !told[c.User] && s.callers.Full != nil {
			told[c.User] = true
			s.callers.Full(caller)
		}
	}
	return s.endAmong(ctx, over, func(connection) bool { return true })
}

// beyond are those for which there is no room, of their caller or of the people of his customer: whoever came first stays. Two replicas
// that look at once find the same.
func (s *Service) beyond(all []connection) (over []connection) {
	of := map[string]int{}
	for _, c := range slices.SortedFunc(slices.Values(all), func(a, b connection) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.server, b.server), cmp.Compare(a.Cid, b.Cid))
	}) {
		caller, known := s.callers.Actor(c.User)
		if !known {
			continue // a probe, or who is no longer let in
		}
		own, together := embedded.MostConnections(caller)
		people := "people of " + caller.Owner
		if of[c.User] >= own || together > 0 && of[people] >= together {
			over = append(over, c)
			continue
		}
		of[c.User]++
		if together > 0 {
			of[people]++
		}
	}
	return over
}
