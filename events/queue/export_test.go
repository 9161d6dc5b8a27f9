package queue

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// Handle answers for one message of work, as Take does.
func (q *WorkQueue) Handle(ctx context.Context, m jetstream.Msg, do Handler) { q.handle(ctx, m, do) }

// LastFromLeader reads the newest message of a subject as the leader has it.
func (q *WorkQueue) LastFromLeader(ctx context.Context, subject string) (*jetstream.RawStreamMsg, error) {
	return q.lastFromLeader(ctx, subject)
}
