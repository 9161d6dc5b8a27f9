package views_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/apitest"
	"github.com/aeriehq/aerie/projections/views"
)

// TestALongHistoryIsReadInPart: an entity with thousands of events is read as it was, and
// its history by the page, with few reads; what comes of it is what all events give.
func TestALongHistoryIsReadInPart(t *testing.T) {
	s := apitest.New(t)
	acme := apitest.Ref(events.Customer, "acme")
	s.Customer("acme", nil)
	var ends []uint64
	for i := range 60 {
		var some []events.Event
		for n := range 50 {
			some = append(some, events.LabelsChanged{Labels: map[string]string{"n": fmt.Sprint(50*i + n)}})
		}
		ends = append(ends, s.Happen(acme, some...))
	}
	var reads atomic.Int64
	s.Views.ReadEvent = func(ctx context.Context, seq uint64) (events.Recorded, error) {
		reads.Add(1)
		return s.Log.Read(ctx, seq)
	}
	for i, end := range ends {
		reads.Store(0)
		got := apitest.Fetch[views.Entity[events.CustomerSpec, any]](s, fmt.Sprintf("/v1/customers/acme?at=%d", end))
		if want := fmt.Sprint(50*i + 49); got.Labels["n"] != want || got.Seq != end || reads.Load() > 63 {
			t.Errorf("at %d: n is %s of %d after %d reads, want %s", end, got.Labels["n"], got.Seq, reads.Load(), want)
		}
	}
	for _, order := range []string{"seq", "-seq"} {
		cursor, seen := "", uint64(0)
		for {
			reads.Store(0)
			l := apitest.Fetch[views.List[views.Event]](s, "/v1/customers/acme/history?limit=700&sort="+order+cursor)
			if n := reads.Load(); n != int64(len(l.Items)) {
				t.Errorf("%d events were read for a page of %d", n, len(l.Items))
			}
			for _, e := range l.Items {
				seen++
				if want := map[string]uint64{"seq": seen, "-seq": 3002 - seen}[order]; e.Seq != want {
					t.Fatalf("%s: event %d of the history is %d", order, seen, e.Seq)
				}
			}
			if l.Next == nil {
				break
			}
			cursor = "&cursor=" + *l.Next
		}
		if seen != 3001 {
			t.Errorf("%s: %d events", order, seen)
		}
	}
	if got := s.Seqs("/v1/customers/acme/history?sort=-seq&limit=3&at=101"); got != "101 100 99" {
		t.Errorf("the last before a moment: %s", got)
	}
	next := *apitest.Fetch[views.List[views.Event]](s, "/v1/customers/acme/history?limit=1").Next
	if a := s.Ask("GET", "/v1/customers/acme/history?sort=-seq&cursor="+next, ""); a.StatusCode != 400 || !strings.Contains(a.Body, "cursor") {
		t.Errorf("a cursor of the other order: %d %s", a.StatusCode, a.Body)
	}
}
