package eventlog

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strconv"

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
	begins, err := g.Epoch()
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
