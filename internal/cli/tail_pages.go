package cli

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

const (
	unheard = 10 * time.Second      // a tail looks for events by itself after this long, in case nothing has told it of them
	soon    = 20 * time.Millisecond // and until the pages have what it has heard of
)

// streams tells whether a caller has JetStream: on the embedded NATS server those of the staff have who may read everything, and nobody
// else.
func streams(me *client.Whoami) bool {
	return me.NATS == "" && !me.Role.OfCustomer() && me.Reads(events.Builtin, events.Token, events.Platform)
}

// heardBy are the subjects on which a caller hears events as they happen.
func heardBy(me *client.Whoami) string {
	if me.Role.OfCustomer() {
		return events.EventPrefix + me.Owner + ".>"
	}
	return events.EventPrefix + ">"
}

// followPages is follow for who can't read the log's stream itself. What is told live says that there is something; what that is, is
// read in pages after the last one. So nothing is missed or told twice.
func followPages(ctx context.Context, c *client.Client, nc *nats.Conn, live string, config jetstream.OrderedConsumerConfig,
	end tailEnd, take func(client.Event) error) error {
	var heard atomic.Uint64 // the last sequence
	news := make(chan struct{}, 1)
	sub, err := nc.Subscribe(live, func(m *nats.Msg) {
		if seq, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64); err == nil {
			heard.Store(seq)
		}
		select {
		case news <- struct{}{}:
		default: // it has not looked since
		}
	})
	if err != nil {
		return c.Unanswered(err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection ends too
	p := eventPages{Client: c, subjects: config.FilterSubjects}
	log, err := p.begin(ctx, config)
	if err == nil {
		err = end.within(log)
	}
	if err != nil {
		return unread(ctx, err)
	}
	for {
		found, more, err := p.next(ctx)
		if err != nil {
			return unread(ctx, err)
		}
		for _, h := range found {
			if end.before(h) {
				return nil
			}
			if err := take(h); err != nil {
				return err
			}
		}
		if more {
			continue
		}
		if end.once {
			return nil
		}
		if heard.Load() > p.asOf {
			client.Sleep(ctx, soon)
			continue
		}
		select {
		case <-news:
		case <-time.After(unheard):
		case <-ctx.Done():
			return nil
		}
	}
}

// unread is what went wrong, unless it was told to end.
func unread(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// eventPages reads the log's events page by page.
type eventPages struct {
	*client.Client
	subjects []string   // those that are wanted, as a consumer has them
	query    url.Values // of the next page
	asOf     uint64     // the last sequence that was read, wanted or not
}

// begin finds where a consumer of this configuration begins, and says the log's last sequence.
func (p *eventPages) begin(ctx context.Context, config jetstream.OrderedConsumerConfig) (last uint64, err error) {
	p.query = url.Values{"limit": {"1"}}
	if owners := ownersOf(p.subjects); len(owners) == 1 && owners[0] != "*" {
		p.query.Set("owner", owners[0]) // another one's are refused
	}
	l, err := p.read(ctx)
	if err != nil {
		return 0, err
	}
	p.query.Set("limit", strconv.Itoa(client.PageSize))
	switch config.DeliverPolicy {
	case jetstream.DeliverNewPolicy:
		p.after(l.Seq())
	case jetstream.DeliverByStartSequencePolicy:
		p.after(config.OptStartSeq - 1)
	case jetstream.DeliverByStartTimePolicy:
		p.query.Set("since", config.OptStartTime.UTC().Format(time.RFC3339Nano))
	}
	return l.Seq(), nil
}

func (p *eventPages) after(seq uint64) { p.query.Set("after", strconv.FormatUint(seq, 10)) }

func (p *eventPages) read(ctx context.Context) (client.List, error) {
	raw, err := p.Get(ctx, "/v1/events", p.query)
	if err != nil {
		return client.List{}, err
	}
	return client.DecodeList(raw)
}

// next reads a page, and keeps those events of it that are wanted. More tells whether the log had more.
func (p *eventPages) next(ctx context.Context) (wanted []client.Event, more bool, err error) {
	l, err := p.read(ctx)
	if err != nil {
		return nil, false, err
	}
	for _, raw := range l.Items {
		var h client.Event
		if err := json.Unmarshal(raw, &h); err != nil {
			return nil, false, events.Refuse(events.Internal, "read an event: %v", err)
		}
		subject := strings.Join([]string{h.Owner, string(h.Kind), h.Entity, h.Type}, ".")
		if slices.ContainsFunc(p.subjects, func(s string) bool { return covers(strings.TrimPrefix(s, events.EventPrefix), subject) }) {
			wanted = append(wanted, h)
		}
	}
	if l.Next != nil {
		p.query.Set("after", *l.Next)
		return wanted, true, nil
	}
	p.asOf = l.Seq()
	p.after(p.asOf)
	return wanted, false, nil
}

// covers tells whether a subject with * for any token is one of another.
func covers(pattern, subject string) bool {
	want, has := strings.Split(pattern, "."), strings.Split(subject, ".")
	return len(want) == len(has) && !slices.ContainsFunc(want, func(w string) bool {
		h := has[0]
		has = has[1:]
		return w != "*" && w != h
	})
}

// ownersOf are the owners that subjects of events name, each once.
func ownersOf(subjects []string) (owners []string) {
	for _, s := range subjects {
		owner, _, _ := strings.Cut(strings.TrimPrefix(s, events.EventPrefix), ".")
		if !slices.Contains(owners, owner) {
			owners = append(owners, owner)
		}
	}
	return owners
}
