package places

import (
	"errors"
	"fmt"
	"testing"

	"github.com/aeriehq/aerie/events"
)

// TestWhoComesNextFindsRoom: however many flood, each takes all that it gets, and one more finds as much as they have.
func TestWhoComesNextFindsRoom(t *testing.T) {
	const most, each = 1024, 600
	for _, n := range []int{1, 7, 8, 16, 100, 1000} {
		r := New(most, each)
		flood(r, n)
		free := r.free
		if free < most/(n+1) {
			t.Errorf("%d who flood leave %d of %d", n, free, most)
		}
		for i := range max(1, free/2) {
			if err := r.Enter("next", 1); err != nil {
				t.Errorf("beside %d who flood the next finds %d of %d that are free: %v", n, i, free, err)
				break
			}
		}
		for who, held := range r.held {
			r.Leave(who, held)
		}
		if r.free != most || len(r.held) > 0 {
			t.Errorf("all have left, and %d of %d are free: %v", r.free, most, r.held)
		}
	}
}

// flood has n take places until none of them gets more.
func flood(r *Room, n int) {
	for more := true; more; {
		more = false
		for i := range n {
			more = r.Enter(fmt.Sprint(i), 1) == nil || more
		}
	}
}

// TestShares: nobody has more than each may, or than is free; what is nobody's has no share.
func TestShares(t *testing.T) {
	r := New(10, 4)
	for i, row := range []struct {
		who  string
		n    int
		want events.Code
	}{
		{"acme", 5, events.TooMany},
		{"acme", 4, ""},
		{"acme", 1, events.TooMany},
		{"birch", 3, ""},
		{"birch", 1, events.TooMany}, // three are free
		{"cedar", 4, events.Unavailable},
		{"", 3, ""},
		{"", 1, events.Unavailable},
		{"cedar", 1, events.Unavailable},
	} {
		var refusal *events.Refusal
		err := r.Enter(row.who, row.n)
		if errors.As(err, &refusal); err == nil && row.want != "" || err != nil && (refusal == nil || refusal.Code != row.want || !refusal.Retryable) {
			t.Errorf("%d: %q takes %d: %v, want %q", i, row.who, row.n, err, row.want)
		}
	}
	r.Leave("", 3)
	if err := r.Enter("birch", 0); err != nil {
		t.Error(err)
	}
}
