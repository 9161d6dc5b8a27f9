package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

// watching shows entities when something happens to them.
type watching struct {
	*getting
	cl    *client.Client
	out   io.Writer
	query url.Values            // of the list; nil: only what was named
	shown map[events.Ref]uint64 // the sequence at which each was shown
	asOf  uint64                // up to which the list was read
}

// follow shows what there is, and then what changes, until somebody stops it.
func (g *getting) follow(cmd *cobra.Command, cl *client.Client, refs []events.Ref) error {
	w := &watching{getting: g, cl: cl, out: cmd.OutOrStdout(), shown: map[events.Ref]uint64{}}
	all, err := w.begin(cmd, refs)
	if err != nil {
		return err
	}
	if err := w.show(all); err != nil {
		return err
	}
	take := func(h client.Event) error { return w.take(cmd.Context(), h) }
	err = follow(cmd.Context(), cl, eventsOf(g.Kind, g.owner, refs, w.asOf), tailEnd{}, take)
	if cmd.Context().Err() != nil {
		return nil
	}
	return err
}

// begin reads what there is.
func (w *watching) begin(cmd *cobra.Command, refs []events.Ref) (all []client.Entity, err error) {
	if len(refs) > 0 {
		all, err = w.find(cmd.Context(), w.cl, refs)
		for _, e := range all {
			if w.asOf == 0 || e.Seq < w.asOf {
				w.asOf = e.Seq
			}
		}
		return all, err
	}
	if w.query, err = w.getting.query(); err != nil {
		return nil, err
	}
	l, err := w.list(cmd, w.cl)
	if err != nil {
		return nil, err
	}
	if w.asOf, err = seqOf(l); err != nil {
		return nil, err
	}
	return l.Entities()
}

// seqOf is the sequence up to which a list knows the log.
func seqOf(l client.List) (uint64, error) {
	var as struct {
		Seq uint64 `json:"seq"`
	}
	if err := json.Unmarshal(l.AsOf, &as); err != nil {
		return 0, fmt.Errorf("read a list: %w", err)
	}
	return as.Seq, nil
}

func (w *watching) show(all []client.Entity) error {
	var items []json.RawMessage
	for _, e := range all {
		w.shown[e.Ref()] = e.Seq
		items = append(items, e.Raw)
	}
	if len(items) == 0 {
		return nil
	}
	return w.Items(w.out, items)
}

// take shows what an event has changed, as it is now: one look at the list may show what many events did.
func (w *watching) take(ctx context.Context, h client.Event) error {
	ref := h.Ref()
	if w.query != nil && h.Seq > w.asOf {
		changed, err := w.changed(ctx, h.Seq)
		if err != nil {
			return err
		}
		if err := w.show(changed); err != nil {
			return err
		}
	}
	seq, was := w.shown[ref]
	if seq >= h.Seq || w.query != nil && !was {
		return nil // shown already, or none of those that are asked for
	}
	var e client.Entity
	err := w.cl.Retry(ctx, "read "+ref.String(), func(ctx context.Context) (err error) {
		e, err = w.cl.Entity(ctx, ref, h.Seq)
		return err
	})
	if isNotFound(err) {
		return nil // a command about what is not there was refused
	}
	if err != nil {
		return err
	}
	err = w.show([]client.Entity{e})
	if w.query != nil {
		delete(w.shown, ref) // it is no longer what was asked for, and was shown as it is for the last time
	}
	return err
}

// changed reads what of the list has changed since the last look, the first change first.
func (w *watching) changed(ctx context.Context, seq uint64) (all []client.Entity, err error) {
	q := url.Values{"sort": {"-seq"}, "limit": {strconv.Itoa(client.PageSize / 10)}, "min_seq": {strconv.FormatUint(seq, 10)}}
	for name, values := range w.query {
		q[name] = values
	}
	after := w.asOf
	for {
		var l client.List
		err := w.cl.Retry(ctx, "read a list", func(ctx context.Context) error {
			raw, err := w.cl.Get(ctx, "/v1/"+w.Kind.Plural(), q)
			if err == nil {
				l, err = client.DecodeList(raw)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		page, err := l.Entities()
		if err != nil {
			return nil, err
		}
		if !q.Has("cursor") {
			if w.asOf, err = seqOf(l); err != nil {
				return nil, err
			}
		}
		old := slices.IndexFunc(page, func(e client.Entity) bool { return e.Seq <= after })
		if old >= 0 || l.Next == nil {
			if old >= 0 {
				page = page[:old]
			}
			all = append(all, page...)
			slices.Reverse(all)
			return all, nil
		}
		all = append(all, page...)
		q.Set("cursor", *l.Next)
	}
}
