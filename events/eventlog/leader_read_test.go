package eventlog_test

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestABucketFindsWhatWasPut reads each value right after it was put, on three servers of which two may be behind. The bucket is one
// that nats.go has made, from before: its values are kept, and of such a one some two reads in a hundred find nothing.
func TestABucketFindsWhatWasPut(t *testing.T) {
	t.Parallel()
	nc := natstest.Dial(t, natstest.StartExternal(t, 3, nil))
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx := natstest.Deadline(t)
	before, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "SOME", Replicas: 3})
	if err == nil {
		_, err = before.Create(ctx, "old", []byte("kept"))
	}
	if err != nil {
		t.Fatal(err)
	}
	kv, err := eventlog.OpenBucket(ctx, nc, "SOME", "something", 3)
	if err != nil {
		t.Fatal(err)
	}
	if e, err := kv.Get(ctx, "old"); err != nil || string(e.Value()) != "kept" {
		t.Fatal(e, err)
	}
	for i := range 500 {
		key := fmt.Sprint("k", i)
		revision, err := kv.Create(ctx, key, []byte(key))
		if err != nil {
			t.Fatal(err)
		}
		if e, err := kv.Get(ctx, key); err != nil || string(e.Value()) != key || e.Revision() != revision {
			t.Errorf("%s, put at %d, is read as %v: %v", key, revision, e, err)
		}
	}
}
