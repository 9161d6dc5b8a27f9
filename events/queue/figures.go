package queue

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events/eventlog"
)

// StreamFigures is how much a stream has, and how far our consumers of it are.
type StreamFigures struct {
	Stream          string
	Messages, Bytes uint64
	Consumers       int // all of them, those of people who follow included
	Ours            []ConsumerFigures
}

// ConsumerFigures is how far a consumer is.
type ConsumerFigures struct {
	Consumer       string
	Pending        uint64 // not given yet
	Unacknowledged int    // given, and not done
	Redelivered    int    // of those, given more than once
}

// Figures asks for those of our streams. What is not answered is left out.
func Figures(ctx context.Context, nc *nats.Conn) (all []StreamFigures) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil
	}
	parts := make([]string, partitions)
	for n := range parts {
		parts[n] = partitionName(n)
	}
	for _, s := range []struct {
		name string
		ours []string
	}{{eventlog.Stream, nil}, {QueueStream, parts}, {WorkStream, []string{executor}}, {TimersStream, []string{dispatcher}}} {
		stream, err := js.Stream(ctx, s.name)
		if err != nil {
			continue
		}
		is := stream.CachedInfo().State
		f := StreamFigures{Stream: s.name, Messages: is.Msgs, Bytes: is.Bytes, Consumers: is.Consumers}
		for _, name := range s.ours {
			if c, err := stream.Consumer(ctx, name); err == nil {
				i := c.CachedInfo()
				f.Ours = append(f.Ours, ConsumerFigures{name, i.NumPending, i.NumAckPending, i.NumRedelivered})
			}
		}
		all = append(all, f)
	}
	return all
}

// partitionName is the consumer of a partition of the command queue.
func partitionName(n int) string { return fmt.Sprintf("partition-%d", n) }
