package eventlog

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events/eventlog/filestore"
)

// metaEpoch names the log's epoch in the metadata of its stream, where all replicas read it.
const metaEpoch = "aerie-epoch"

// Epoch is that of the log: a higher one each time it was put back from a backup, from which on its sequences come once more with
// other events. It is zero in a log that never was.
func (l *Log) Epoch() uint64 { return l.epoch }

// openEpoch reads the epoch of the log, and begins that of a restored directory. The directory goes on saying so: whoever is
// killed before the stream has it begins it at the next start, and nothing was done in between.
func (l *Log) openEpoch(ctx context.Context, config jetstream.StreamConfig, g *filestore.Guard) (err error) {
	if at := config.Metadata[metaEpoch]; at != "" {
		if l.epoch, err = strconv.ParseUint(at, 10, 64); err != nil {
			return fmt.Errorf("read the log's epoch: %w", err)
		}
	}
	begins, err := g.RestoredEpoch()
	if err != nil || begins <= l.epoch {
		return err
	}
	config.Metadata = maps.Clone(config.Metadata)
	if config.Metadata == nil {
		config.Metadata = map[string]string{}
	}
	config.Metadata[metaEpoch] = strconv.FormatUint(begins, 10)
	if _, err := l.js.UpdateStream(ctx, config); err != nil {
		return fmt.Errorf("begin epoch %d of the log: %w", begins, err)
	}
	l.epoch = begins
	slog.Info("the log was restored: a new epoch begins", "epoch", begins)
	return nil
}

// epochEvery is how often a process looks whether an epoch has begun under it. What it does until then has revisions of the epoch
// before, which are older than all of the new one.
const epochEvery = time.Second

// WatchEpoch returns an error when the log was put back from a backup under this process, which another one has found: all that
// this one knows is of a log that is gone. It returns nil when ctx ends.
func (l *Log) WatchEpoch(ctx context.Context) error {
	for ; ctx.Err() == nil; Wait(ctx, epochEvery) {
		begun, err := l.begunEpoch(ctx)
		if err != nil {
			continue // no answer now, or none that can be read: whoever appends or reads says so
		}
		if begun > l.epoch {
			return fmt.Errorf("the log was restored, its epoch is %d: this process is of epoch %d and has to start anew", begun, l.epoch)
		}
	}
	return nil
}

// begunEpoch is the epoch of the stream as it is now.
func (l *Log) begunEpoch(ctx context.Context) (epoch uint64, err error) {
	ctx, cancel := Bounded(ctx)
	defer cancel()
	info, err := l.stream.Info(ctx)
	if err != nil || info.Config.Metadata[metaEpoch] == "" {
		return 0, err
	}
	return strconv.ParseUint(info.Config.Metadata[metaEpoch], 10, 64)
}
