package eventlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/aeriehq/aerie/events"
)

// errFar ends a tail that has come far enough.
var errFar = errors.New("far enough")

// Replay is Tail up to a sequence, the end of a decision that the log has; then it
// returns nil. see is called while more is read.
func (l *Log) Replay(ctx context.Context, after, to uint64, see func([]events.Recorded) error) error {
	if after >= to {
		return nil
	}
	return beside(ctx, func(ctx context.Context, see func([]events.Recorded) error) error {
		return l.upTo(ctx, after, to, see)
	}, func(read <-chan []events.Recorded) error {
		for decision := range read {
			if err := see(decision); err != nil {
				return fmt.Errorf("%w: %w", errSeen, err)
			}
		}
		return nil
	})
}

// Follow is Tail for a fold. It reads decisions in one goroutine and hands them over in
// another, as many at once as were read meanwhile, up to 64, so that who reads the fold gets
// to it in between. It passes over decisions whose first event is known. It returns the error
// of take, else why the log could not be read on.
func (l *Log) Follow(ctx context.Context, after uint64, take func(decisions [][]events.Recorded) error, known func(seq uint64) bool) error {
	return beside(ctx, func(ctx context.Context, see func([]events.Recorded) error) error {
		return l.tail(ctx, after, see, known)
	}, func(read <-chan []events.Recorded) error {
		for decision := range read {
			some := [][]events.Recorded{decision}
			for len(read) > 0 && len(some) < together {
				some = append(some, <-read)
			}
			if err := take(some); err != nil {
				return err
			}
		}
		return nil
	})
}

func (l *Log) upTo(ctx context.Context, after, to uint64, see func([]events.Recorded) error) error {
	err := l.Tail(ctx, after, func(decision []events.Recorded) error {
		if err := see(decision); err != nil {
			return err
		}
		if decision[len(decision)-1].Seq >= to {
			return errFar
		}
		return nil
	})
	if errors.Is(err, errFar) {
		return nil
	}
	return err
}

const (
	// ahead is how many decisions may be read before they are taken. With a tenth of it
	// the one goroutine often waits for the other to wake up.
	ahead = 512
	// together is how many are folded in at most before who reads the entities gets to them.
	together = 64
)

// beside reads decisions in the caller's goroutine and takes them in another: each takes about
// as long as the other. It returns when both have ended, with the error of take, else that of read.
func beside(ctx context.Context, read func(ctx context.Context, see func([]events.Recorded) error) error,
	take func(<-chan []events.Recorded) error) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	decisions, taken := make(chan []events.Recorded, ahead), make(chan error, 1)
	go func() {
		defer stop()
		taken <- take(decisions)
	}()
	err := read(reading, func(decision []events.Recorded) error {
		select {
		case decisions <- decision:
			return nil
		case <-reading.Done():
			return reading.Err()
		}
	})
	close(decisions)
	if wrong := <-taken; wrong != nil {
		return wrong
	}
	return err
}
