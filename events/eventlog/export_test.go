package eventlog

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
)

// TailBlocks is Tail of what lies in full blocks alone. It returns the last sequence.
func (l *Log) TailBlocks(ctx context.Context, after, end uint64, see func([]events.Recorded) error) (uint64, error) {
	t := &tail{log: l, last: after, see: see, known: func(uint64) bool { return false }}
	err := t.takeBlocks(ctx, end)
	return t.last, err
}

// ReadNearby is Read of what lies in a full block; false if the server has to be asked.
func (l *Log) ReadNearby(seq uint64) (events.Recorded, bool) { return l.readNearby(seq) }

// Handle answers for one message of work, as Take does.
func (q *WorkQueue) Handle(ctx context.Context, m jetstream.Msg, do Do) { q.handle(ctx, m, do) }

// LastFromLeader reads the newest message of a subject as the leader has it.
func (q *WorkQueue) LastFromLeader(ctx context.Context, subject string) (*jetstream.RawStreamMsg, error) {
	return q.lastFromLeader(ctx, subject)
}
