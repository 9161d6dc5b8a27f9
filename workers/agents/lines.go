package agents

import (
	"sync"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/workers/command/places"
)

// What may wait at once for the log, or behind what does. A question counts once, and once more for each largeQuestion that it has.
const (
	mostWaiting       = 2048
	mostOfOneCustomer = 128
	largeQuestion     = 16 << 10 // bytes
)

// lines has what agents have asked that waits for the log, so that nobody waits behind others than himself: an agent whose question
// waits has a line of its own, in which all that it asks meanwhile is answered in order. There is room for many at once, of which
// customers who flood leave some, however many they are. What is in a line when the process ends is not answered, and asked again.
// Its methods may be called from any goroutine.
type lines struct {
	room *places.Room // of each customer, how much waits
	mu   sync.Mutex
	of   map[ev.Ref][]waiting // by agent, while there is a line; the first is being answered
}

type waiting struct {
	answer func()
	counts int
}

func newLines() *lines {
	return &lines{room: places.New(mostWaiting, mostOfOneCustomer), of: map[ev.Ref][]waiting{}}
}

// ask has a question of an agent answered: at once, if it does not wait and there is no line; else in the agent's line, in a goroutine.
// It returns a refusal if there is no room.
func (l *lines) ask(agent ev.Ref, waits bool, bytes int, answer func()) error {
	l.mu.Lock()
	line, some := l.of[agent]
	if !waits && !some {
		l.mu.Unlock()
		answer()
		return nil
	}
	defer l.mu.Unlock()
	counts := 1 + bytes/largeQuestion
	if err := l.room.Enter(agent.Owner, counts); err != nil {
		return err
	}
	w := waiting{answer, counts}
	l.of[agent] = append(line, w)
	if !some {
		go l.serve(agent, w)
	}
	return nil
}

// serve answers what is in an agent's line, the first to begin with, until there is nothing more.
func (l *lines) serve(agent ev.Ref, first waiting) {
	for w, more := first, true; more; w, more = l.next(agent) {
		w.answer()
	}
}

// next takes out what was answered, and returns what comes then. Without more the line ends.
func (l *lines) next(agent ev.Ref) (w waiting, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := l.of[agent]
	l.room.Leave(agent.Owner, line[0].counts)
	if len(line) == 1 {
		delete(l.of, agent)
		return w, false
	}
	l.of[agent] = line[1:]
	return line[1], true
}
