package eventlog

import (
	"context"

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
