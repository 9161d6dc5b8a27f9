package eventlog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// storesWithin is how long a server may take to store what its cluster has agreed on, before what it lacks counts as lost.
const storesWithin = 2 * time.Second

// Copy is what one server of a cluster has of the log.
type Copy struct {
	Server string `json:"server"`
	Events uint64 `json:"events"` // how many there are
	Last   uint64 `json:"last"`   // the sequence of the newest
	Sum    string `json:"sum"`    // over all of them
	Wrong  string `json:"wrong"`  // in what it differs from the others; empty: in nothing
}

// ReadCopy reads what the server behind a connection has of the log, up to a sequence. It
// is asked itself, if it keeps a copy: NATS prefers who is on the same server. A server
// that is known to be behind must not be asked, since another answers for it. One that
// is current may still have to store what it agreed to: it is given a moment for that.
func ReadCopy(ctx context.Context, nc *nats.Conn, to uint64) (Copy, error) {
	c := Copy{Server: nc.ConnectedServerName()}
	sum := sha256.New()
	for grew := time.Now(); c.Last < to && time.Since(grew) < storesWithin; {
		n, err := c.readSome(ctx, nc, sum, to)
		if err != nil {
			return c, fmt.Errorf("read the log on the NATS server %s: %w", c.Server, err)
		}
		if n > 0 {
			grew = time.Now()
			continue
		}
		select {
		case <-ctx.Done():
			return c, fmt.Errorf("read the log on the NATS server %s: %w", c.Server, ctx.Err())
		case <-time.After(storesWithin / 100):
		}
	}
	c.Sum = hex.EncodeToString(sum.Sum(nil)[:8])
	return c, nil
}

// readSome reads some of the events after the last.
func (c *Copy) readSome(ctx context.Context, nc *nats.Conn, sum hash.Hash, to uint64) (n int, err error) {
	err = askDirectly(ctx, nc, c.Last+1, func(m *nats.Msg) error {
		seq, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
		if err != nil {
			return err
		}
		if n++; seq > to || seq <= c.Last {
			c.Last = max(c.Last, min(seq, to))
			return nil
		}
		c.Events, c.Last = c.Events+1, seq
		h := headOf(m.Header)
		fmt.Fprintf(sum, "%d %s %q %d:", seq, m.Header.Get(jetstream.SubjectHeader), h[:], len(m.Data))
		_, _ = sum.Write(m.Data)
		if subject := m.Header.Get(jetstream.SubjectHeader); c.Wrong == "" && h[headSum] != h.checksum(subject, m.Data) {
			c.Wrong = fmt.Sprintf("event %d is not as it was written", seq)
		}
		return nil
	})
	return n, err
}

// Compare says of each copy in what it differs from what most have. It is an error if no
// majority of the copies is equal: then nobody can say which is right.
func Compare(copies []Copy) error {
	count := map[string]int{}
	for _, c := range copies {
		count[c.Sum]++
	}
	for _, right := range copies {
		if count[right.Sum] <= len(copies)/2 || right.Wrong != "" {
			continue
		}
		for i := range copies {
			copies[i].differs(right)
		}
		return nil
	}
	return errors.New("no two servers have the same log")
}

func (c *Copy) differs(right Copy) {
	switch {
	case c.Sum == right.Sum || c.Wrong != "":
	case c.Last < right.Last:
		c.Wrong = fmt.Sprintf("it ends at %d of %d", c.Last, right.Last)
	case c.Events < right.Events:
		c.Wrong = fmt.Sprintf("it has %d events of %d", c.Events, right.Events)
	default:
		c.Wrong = "it has another content"
	}
}

// Keepers are the servers of a cluster that keep the log, as its leader says.
type Keepers struct {
	Current []string // have all of it, as far as they know
	Behind  []string // are behind, or away
	Last    uint64   // where the leader's log ends
}

// KeepersOf asks who keeps the log. There are none where one server is alone.
func KeepersOf(ctx context.Context, nc *nats.Conn) (k Keepers, err error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return k, err
	}
	stream, err := js.Stream(ctx, Stream)
	if err != nil {
		return k, fmt.Errorf("ask who keeps the log: %w", err)
	}
	info := stream.CachedInfo()
	if info.Cluster == nil || len(info.Cluster.Replicas) == 0 {
		return k, nil
	}
	k.Current, k.Last = append(k.Current, info.Cluster.Leader), info.State.LastSeq
	for _, p := range info.Cluster.Replicas {
		if p.Current && !p.Offline {
			k.Current = append(k.Current, p.Name)
			continue
		}
		k.Behind = append(k.Behind, p.Name)
	}
	return k, nil
}
