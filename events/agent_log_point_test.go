package events_test

import (
	"fmt"
	"testing"

	"github.com/aeriehq/aerie/events"
)

// A revision is later than those of its epoch with lower sequences, and than all of earlier epochs.
func TestRevisionsOfEpochs(t *testing.T) {
	const most = 1<<40 - 1
	points := []events.LogPoint{{}, {0, 1}, {0, 900}, {0, most}, {1, 0}, {1, 1}, {1, 500}, {1, most}, {2, 1}, {480_000, 1}, {1<<24 - 1, most}}
	for i, a := range points {
		r := events.Revision(a.Epoch, a.Seq)
		if events.EpochOf(r) != a.Epoch || events.SeqOf(r) != a.Seq {
			t.Errorf("%v comes back as %d, %d", a, events.EpochOf(r), events.SeqOf(r))
		}
		if a.Epoch == 0 && r != a.Seq {
			t.Errorf("without an epoch the revision of %d is %d", a.Seq, r)
		}
		for j, b := range points {
			if later := r > events.Revision(b.Epoch, b.Seq); later != (i > j) {
				t.Errorf("%v is later than %v: %v", a, b, later)
			}
		}
	}
}

// A log goes on from a point if it is no shorter, and of the same epoch.
func TestLogsThatGoOn(t *testing.T) {
	for _, c := range []struct {
		was, now events.LogPoint
		goesOn   bool
	}{
		{events.LogPoint{}, events.LogPoint{0, 1}, true},
		{events.LogPoint{0, 900}, events.LogPoint{0, 900}, true},
		{events.LogPoint{0, 900}, events.LogPoint{0, 901}, true},
		{events.LogPoint{0, 900}, events.LogPoint{0, 500}, false}, // copied back
		{events.LogPoint{0, 900}, events.LogPoint{7, 500}, false}, // restored
		{events.LogPoint{0, 900}, events.LogPoint{7, 950}, false}, // restored, and grown
		{events.LogPoint{7, 500}, events.LogPoint{7, 501}, true},
		{events.LogPoint{7, 500}, events.LogPoint{0, 900}, false}, // back to the one that was given up
	} {
		if got := c.now.Continues(c.was); got != c.goesOn {
			t.Errorf("%s: %v", fmt.Sprint(c.was, " then ", c.now), got)
		}
	}
}
