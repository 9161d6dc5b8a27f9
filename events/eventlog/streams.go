package eventlog

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// copies is on how many servers of a cluster each stream is kept: one of them
// may be lost without a pause, and an answer means that two have it.
const copies = 3

// madeSoon is the pause until a stream that another makes is looked for.
const madeSoon = 50 * time.Millisecond

// OpenStream opens a stream. Where there is none it makes it, unless absent, which
// may be nil, objects. It refuses one that is made differently, and never changes it.
func OpenStream(ctx context.Context, nc *nats.Conn, js jetstream.JetStream, want jetstream.StreamConfig,
	absent func() error) (jetstream.Stream, error) {
	stream, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if absent != nil {
			if err := absent(); err != nil {
				return nil, err
			}
		}
		stream, err = makeStream(ctx, nc, js, want)
	}
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another makes it just now, and lets it begin elsewhere
		Wait(ctx, madeSoon)
		return OpenStream(ctx, nc, js, want, absent)
	}
	if err != nil {
		return nil, err
	}
	return stream, sameConfig(want, stream.CachedInfo().Config)
}

// makeStream makes a stream with as many copies as the server can have. Several
// may do it at once: JetStream makes one, and all are told of it.
func makeStream(ctx context.Context, nc *nats.Conn, js jetstream.JetStream, config jetstream.StreamConfig) (jetstream.Stream, error) {
	config.Replicas = 1
	if nc.ConnectedClusterName() != "" {
		config.Replicas = copies
	}
	stream, err := js.CreateStream(ctx, config)
	if err != nil && config.Replicas > 1 {
		return nil, fmt.Errorf("make the stream %s on %d servers of the cluster %s: %w: start all its servers, with JetStream", config.Name, copies, nc.ConnectedClusterName(), err)
	}
	if err != nil {
		return nil, fmt.Errorf("make the stream %s: %w", config.Name, err)
	}
	return stream, nil
}

// sameConfig says in which settings an existing stream differs from the one
// wanted. Where it is kept, and how often, is the operator's.
func sameConfig(want, have jetstream.StreamConfig) error {
	have.Replicas, have.Placement, have.Metadata = want.Replicas, want.Placement, want.Metadata
	have.Description, have.Compression, have.Duplicates = want.Description, want.Compression, want.Duplicates
	have.FirstSeq = want.FirstSeq // says where it began
	have.MaxConsumers = want.MaxConsumers
	var differ []string
	w, h := reflect.ValueOf(want), reflect.ValueOf(have)
	for i := range w.NumField() {
		x, y := w.Field(i), h.Field(i)
		if x.Kind() == reflect.Slice && x.Len() == 0 && y.Len() == 0 || reflect.DeepEqual(x.Interface(), y.Interface()) {
			continue
		}
		name, _, _ := strings.Cut(w.Type().Field(i).Tag.Get("json"), ",")
		differ = append(differ, fmt.Sprintf("%s is %v, want %v", name, plain(y), plain(x)))
	}
	if differ == nil {
		return nil
	}
	return fmt.Errorf("the stream %s is not as aerie makes it (%s): it was not touched; change it back, or use another server",
		want.Name, strings.Join(differ, "; "))
}

// plain is a setting as it can be printed.
func plain(v reflect.Value) any {
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	return v.Interface()
}
