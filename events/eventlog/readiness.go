package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// heardWithin is how long ago the leader must have heard from a server that counts: they say
	// something each second. nats-server itself waits ten seconds until a leader steps down.
	heardWithin = 3500 * time.Millisecond
	// failedWithin is how long an append that failed says that the next one would too.
	failedWithin = 5 * time.Second
)

// failure is an append that failed with any error but ErrConflict, also by a fault of who sent it.
type failure struct {
	at  time.Time
	err error
}

// note takes note of what came of an append.
func (l *Log) note(err error) {
	switch {
	case err != nil && !errors.Is(err, ErrConflict):
		l.failed.Store(&failure{time.Now(), err})
	case l.failed.Load() != nil:
		l.failed.Store(nil)
	}
}

// Ready says why a command would not be stored now; nil if nothing speaks against it: the last
// append went well, the log has a leader that answers and that hears from most of the servers, and
// it has all that was acknowledged.
func (l *Log) Ready(ctx context.Context) error {
	if err := l.Closed(); err != nil {
		return err
	}
	if f := l.failed.Load(); f != nil && time.Since(f.at) < failedWithin {
		return fmt.Errorf("the last append failed: %w", f.err)
	}
	var info *jetstream.StreamInfo
	err := Insist(ctx, func(ctx context.Context) (err error) {
		info, err = l.stream.Info(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("the log has no leader that answers: %w", err)
	}
	if mark := l.guard.Mark(); info.State.LastSeq < mark {
		return l.guard.Damaged(fmt.Sprintf("the log ends at %d", info.State.LastSeq))
	}
	return l.majority(info.Cluster)
}

// majority says that too few servers of the cluster are there.
func (l *Log) majority(c *jetstream.ClusterInfo) error {
	if l.copies == 1 || c == nil {
		return nil
	}
	there, missing := 1, []string{}
	for _, p := range c.Replicas {
		if p.Offline || p.Active > heardWithin {
			missing = append(missing, p.Name)
			continue
		}
		there++
	}
	if there > l.copies/2 {
		return nil
	}
	return fmt.Errorf("the log has no majority: its leader %s hears from %d of %d servers, itself included, and not from %v", c.Leader, there, l.copies, missing)
}
