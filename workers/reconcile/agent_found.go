package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	ev "github.com/aeriehq/aerie/events"
)

// mostFound is how many bytes an agent tells at once of what it has found that the log does not know: one message holds it, and the rest
// is counted.
const mostFound = 200 << 10

// noteUnknown tells what was found that the log does not know, so that people may decide about it, when it is another than was told
// over this connection of the incarnation that is at the place: a control plane keeps it in mind alone, and forgets it with that.
func (t *told) noteUnknown(ctx context.Context, site ev.Target, in Cluster, found map[string][]string) (err error) {
	f := ev.Finding{Region: site.Region}
	t.mu.Lock()
	places := t.accounts[site]
	t.mu.Unlock()
	if in.Name != "" {
		f.Region, places = "", []livesAt{{t.at(in.Dataplane.ID), in.UID}}
	}
	size := 0
	for _, mark := range slices.Sorted(maps.Keys(found)) {
		one := ev.FoundMark{Mark: mark}
		for _, what := range found[mark][:min(len(found[mark]), ev.MostResources)] {
			one.Resources = append(one.Resources, ev.Truncate(what))
			size += len(what)
		}
		if size += len(mark); size > mostFound || len(f.Marks) == ev.MostMarks {
			f.More++
			continue
		}
		f.Marks = append(f.Marks, one)
	}
	for _, at := range places {
		err = errors.Join(err, t.tellFound(ctx, at, f))
	}
	return err
}

func (t *told) tellFound(ctx context.Context, of livesAt, f ev.Finding) error {
	what, err := ev.Encode(f)
	if err != nil {
		return fmt.Errorf("tell what was found: %w", err)
	}
	at, news := fmt.Sprint(of.Place, f.Region), fmt.Sprint(of.Conn.Stats().Reconnects, of.uid, string(what))
	t.mu.Lock()
	same := t.orphans[at] == news
	t.mu.Unlock()
	if same {
		return nil
	}
	if _, err := askEnded(ctx, of.Channel, ev.EndedQuestion{Marks: []string{}, Found: &f}); err != nil {
		return fmt.Errorf("tell what was found: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.orphans == nil {
		t.orphans = map[string]string{}
	}
	t.orphans[at] = news
	return nil
}
