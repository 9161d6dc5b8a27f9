package eventlog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// LastFromLeader reads the newest message of a subject from the server that is never behind.
func LastFromLeader(ctx context.Context, nc *nats.Conn, stream, subject string) (*jetstream.RawStreamMsg, error) {
	ask, err := json.Marshal(map[string]string{"last_by_subj": subject})
	if err != nil {
		return nil, err
	}
	return fromLeader(ctx, nc, stream, string(ask))
}

// fromLeader reads one message from the leader of a stream. Every server that keeps a copy
// answers a direct get, also one that is behind.
func fromLeader(ctx context.Context, nc *nats.Conn, stream, ask string) (*jetstream.RawStreamMsg, error) {
	reply, err := nc.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, []byte(ask))
	if err != nil {
		return nil, err
	}
	var out struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Subject string `json:"subject"`
			Seq     uint64 `json:"seq"`
			Header  []byte `json:"hdrs"`
			Data    []byte `json:"data"`
		} `json:"message"`
	}
	if err := json.Unmarshal(reply.Data, &out); err != nil {
		return nil, err
	}
	if out.Error != nil && out.Error.Is(jetstream.ErrMsgNotFound) {
		return nil, jetstream.ErrMsgNotFound
	}
	if out.Error != nil {
		return nil, out.Error
	}
	m := &jetstream.RawStreamMsg{Subject: out.Message.Subject, Sequence: out.Message.Seq, Data: out.Message.Data}
	if len(out.Message.Header) > 0 {
		m.Header, err = nats.DecodeHeadersMsg(out.Message.Header)
	}
	return m, err
}

// OpenBucket opens a bucket that keeps the newest value of each key on so many servers, and makes it where there is none. Its values
// are read from the server that leads it, so that what was put before is found: of buckets as nats.go makes them, any server
// answers that keeps a copy, also one that is behind. The stream is as NATS's ADR-8 has it.
func OpenBucket(ctx context.Context, nc *nats.Conn, name, description string, copies int) (jetstream.KeyValue, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	_, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:              "KV_" + name,
		Description:       description,
		Subjects:          []string{"$KV." + name + ".>"},
		MaxMsgsPerSubject: 1,
		MaxMsgs:           -1,
		MaxBytes:          -1,
		MaxMsgSize:        -1,
		MaxConsumers:      -1,
		Duplicates:        2 * time.Minute,
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardNew,
		Replicas:          copies,
		AllowRollup:       true,
		DenyDelete:        true,
		AllowDirect:       false,
	})
	if err != nil {
		return nil, fmt.Errorf("make the bucket %s: %w", name, err)
	}
	return js.KeyValue(ctx, name)
}
