package eventlog

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"maps"
	"slices"
	"sync"
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

// mostPlaces is how many consumers are tried at most until each server has one: the cluster chooses where one goes.
const mostPlaces = 100

// fetchFor is how long a server may take to say what it has next.
const fetchFor = 250 * time.Millisecond

// ReadCopies reads what each of some servers has of the log, after a sequence and up to another. Each reads its own copy for a
// consumer that stands on it alone. A direct get would not do: any server of the cluster answers it, whichever is asked. One
// that is current may still have to store what it agreed to: it is given a moment for that.
func ReadCopies(ctx context.Context, nc *nats.Conn, servers []string, after, to uint64) (copies []Copy, err error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	at, err := placeConsumers(ctx, js, servers, after)
	defer forgetAll(ctx, js, at)
	if err != nil {
		return nil, err
	}
	for _, server := range servers {
		c := Copy{Server: server, Last: after}
		if err := c.read(ctx, at[server], to); err != nil {
			return nil, fmt.Errorf("read the log on the NATS server %s: %w", server, err)
		}
		copies = append(copies, c)
	}
	return copies, nil
}

// placeConsumers makes one consumer on each of some servers. With an error it returns those that it made.
func placeConsumers(ctx context.Context, js jetstream.JetStream, servers []string, after uint64) (map[string]jetstream.Consumer, error) {
	at := map[string]jetstream.Consumer{}
	for n := 0; len(at) < len(servers); n++ {
		c, err := js.CreateConsumer(ctx, Stream, jetstream.ConsumerConfig{
			DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
			OptStartSeq:       after + 1,
			AckPolicy:         jetstream.AckNonePolicy,
			MemoryStorage:     true,
			Replicas:          1,
			InactiveThreshold: time.Minute,
		})
		if err != nil {
			return at, fmt.Errorf("make a consumer on %s: %w", Stream, err)
		}
		info := c.CachedInfo()
		if info.Cluster != nil && slices.Contains(servers, info.Cluster.Leader) && at[info.Cluster.Leader] == nil {
			at[info.Cluster.Leader] = c
			continue
		}
		forgetAll(ctx, js, map[string]jetstream.Consumer{"": c})
		if n >= mostPlaces {
			return at, fmt.Errorf("make a consumer on each server that keeps %s: %d made, and none on some of %v", Stream, n, servers)
		}
	}
	return at, nil
}

// forgetAll deletes consumers. Those that it can't the servers delete by themselves, after a minute.
func forgetAll(ctx context.Context, js jetstream.JetStream, all map[string]jetstream.Consumer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	for _, c := range all {
		_ = js.DeleteConsumer(ctx, Stream, c.CachedInfo().Name)
	}
}

// read reads what a consumer brings, up to a sequence, until nothing comes any more.
func (c *Copy) read(ctx context.Context, from jetstream.Consumer, to uint64) error {
	sum := sha256.New()
	for grew := time.Now(); c.Last < to && time.Since(grew) < storesWithin; {
		some, err := from.Fetch(int(min(directEvents, to-c.Last)), jetstream.FetchMaxWait(fetchFor))
		if err != nil {
			return err
		}
		for m := range some.Messages() {
			meta, err := m.Metadata()
			if err != nil {
				return err
			}
			if grew = time.Now(); meta.Sequence.Stream <= to {
				c.add(sum, meta.Sequence.Stream, m)
			}
			c.Last = max(c.Last, min(meta.Sequence.Stream, to))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := some.Error(); err != nil && !errors.Is(err, nats.ErrTimeout) {
			return err
		}
	}
	c.Sum = hex.EncodeToString(sum.Sum(nil)[:8])
	return nil
}

// add adds an event to the checksum.
func (c *Copy) add(sum hash.Hash, seq uint64, m jetstream.Msg) {
	c.Events++
	h := headOf(m.Headers())
	fmt.Fprintf(sum, "%d %s %q %d:", seq, m.Subject(), h[:], len(m.Data()))
	_, _ = sum.Write(m.Data())
	if c.Wrong == "" && h[headSum] != h.checksum(m.Subject(), m.Data()) {
		c.Wrong = fmt.Sprintf("event %d is not as it was written", seq)
	}
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

// stretch is how many events of each copy one look of a Comparison reads at most.
const stretch = 2000

// Comparison goes through the log again and again, a stretch at each look, and compares what the servers of a cluster have
// of it: so damage is seen that nobody has come across yet. Its methods may be called from any goroutine, Look by one at
// a time.
type Comparison struct {
	nc      *nats.Conn
	after   uint64 // where the next stretch begins
	mu      sync.Mutex
	servers map[string]Compared
}

// Compared is what a Comparison knows of one server.
type Compared struct {
	Server  string
	Differs string    // in what, this time through the log or the time before; empty: in nothing
	Last    uint64    // up to where it was read this time
	At      time.Time // when it was read last

	now, before string // in what it differs this time through the log, and did the time before
	read        bool   // some of it, this time
}

// NewComparison compares the servers that a connection leads to.
func NewComparison(nc *nats.Conn) *Comparison {
	return &Comparison{nc: nc, servers: map[string]Compared{}}
}

// Servers is what is known now, by their names.
func (c *Comparison) Servers() (all []Compared) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.servers {
		s.Differs = cmp.Or(s.now, s.before)
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Compared) int { return cmp.Compare(a.Server, b.Server) })
	return all
}

// Look compares the next stretch, and begins anew after the last. It returns who was found to differ in it. A server that is behind or
// away is passed over. One that differs is read twice: the first time it may just have been started.
func (c *Comparison) Look(ctx context.Context) (differ []Copy, err error) {
	for attempt := range 2 {
		keepers, err := KeepersOf(ctx, c.nc)
		if err != nil || len(keepers.Current) == 0 {
			return nil, err
		}
		if c.after >= keepers.Last {
			c.after = 0
		}
		to := min(c.after+stretch, keepers.Last)
		copies, err := ReadCopies(ctx, c.nc, keepers.Current, c.after, to)
		if err != nil {
			return nil, err
		}
		if err := Compare(copies); err != nil {
			for i := range copies {
				copies[i].Wrong = cmp.Or(copies[i].Wrong, err.Error())
			}
		}
		differ = slices.DeleteFunc(slices.Clone(copies), func(one Copy) bool { return one.Wrong == "" })
		if len(differ) > 0 && attempt == 0 {
			Wait(ctx, storesWithin)
			continue
		}
		c.note(copies, to, keepers)
		break
	}
	return differ, ctx.Err()
}

// note keeps what was found up to a sequence. A server that is none any more is forgotten; one that was not read this time through the
// log differs as it did.
func (c *Comparison) note(copies []Copy, to uint64, keepers Keepers) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range copies {
		s := c.servers[one.Server]
		s.Server, s.Last, s.At, s.now, s.read = one.Server, to, time.Now(), cmp.Or(s.now, one.Wrong), true
		c.servers[one.Server] = s
	}
	maps.DeleteFunc(c.servers, func(name string, _ Compared) bool {
		return !slices.Contains(keepers.Current, name) && !slices.Contains(keepers.Behind, name)
	})
	if c.after = to; to < keepers.Last {
		return
	}
	c.after = 0
	for name, s := range c.servers {
		if s.read {
			s.before, s.now, s.read = s.now, "", false
			c.servers[name] = s
		}
	}
}
