package eventlog_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/internal/natstest"
)

// fillBlocks appends until a store has two blocks that are full, and two more. It
// returns the last sequence.
func fillBlocks(t *testing.T, p *place) (last uint64) {
	t.Helper()
	text := strings.Repeat("x", 60_000)
	for range 135 { // four blocks of eight megabytes
		change := change(prod, last, began{UID: "01UID"}, noted{1, text}, noted{2, text}, noted{}, noted{3, text}, noted{4, text})
		last = p.append(t, decision(change))[5].Seq
	}
	find(t, p.dir, "4.blk")
	return last
}

// TestWhatIsNearbyIsTheLog reads full blocks where they lie, and the same events
// through the server.
func TestWhatIsNearbyIsTheLog(t *testing.T) {
	p := open(t)
	end := fillBlocks(t, p)
	far, err := eventlog.Open(natstest.Deadline(t), p.nc, vocabulary, &filestore.Guard{})
	if err != nil {
		t.Fatal(err)
	}
	want := read(t, far, 0, end)
	if got := read(t, p.log, 0, end); !reflect.DeepEqual(got, want) {
		t.Error("not the same events")
	}
	var near []events.Recorded
	see := func(d []events.Recorded) error { near = append(near, d...); return nil }
	last, err := p.log.TailBlocks(natstest.Deadline(t), 0, end, see)
	whole := len(near)
	if err != nil || last < end/3 || whole == 0 || !reflect.DeepEqual(near, want[:whole]) {
		t.Fatalf("%d of %d are nearby, %d in whole decisions: %v", last, end, whole, err)
	}
	for _, after := range []uint64{6, 300, uint64(whole), end - 6} { // some are in the second block, the last in none
		if got := read(t, p.log, after, end); !reflect.DeepEqual(got, want[after:]) {
			t.Errorf("after %d: not the same events", after)
		}
	}
	near = nil
	if last, err := p.log.TailBlocks(natstest.Deadline(t), 0, 13, see); err != nil || last != 13 || len(near) != 12 {
		t.Errorf("up to the end of the log as it was told: %d, %d, %v", last, len(near), err)
	}
	if err := p.log.Tail(natstest.Deadline(t), 0, func([]events.Recorded) error { return errEnough }); !errors.Is(err, errEnough) {
		t.Error(err)
	}
}

// TestReadNearby reads single events, of full blocks and of others, and the same through
// the server. Where a block is damaged or gone, they are what they were, or an error.
func TestReadNearby(t *testing.T) {
	p := open(t)
	end := fillBlocks(t, p)
	far, err := eventlog.Open(natstest.Deadline(t), p.nc, vocabulary, &filestore.Guard{})
	if err != nil {
		t.Fatal(err)
	}
	want := read(t, far, 0, end)
	near := 0
	for seq := end; seq > 0; seq-- {
		got, err := p.log.Read(natstest.Deadline(t), seq)
		if err != nil || !reflect.DeepEqual(got, want[seq-1]) {
			t.Fatalf("event %d: %+v, %v", seq, got, err)
		}
		if _, ok := p.log.ReadNearby(seq); ok {
			near++
		}
	}
	if near < int(end)/3 {
		t.Errorf("%d of %d are read nearby", near, end)
	}
	for _, at := range []int{0, 4, 21, 60, 700, 1_000_000, 8_000_000} {
		edit(t, find(t, p.dir, "1.blk"), func(data []byte) []byte { data[at] ^= 1; return data })
		again, err := eventlog.Open(natstest.Deadline(t), p.nc, vocabulary, p.g)
		if err != nil {
			t.Fatal(err)
		}
		for seq := uint64(1); seq <= end; seq += 7 {
			if got, ok := again.ReadNearby(seq); ok && !reflect.DeepEqual(got, want[seq-1]) {
				t.Fatalf("a bit of byte %d: event %d is %+v", at, seq, got)
			}
		}
		edit(t, find(t, p.dir, "1.blk"), func(data []byte) []byte { data[at] ^= 1; return data })
	}
}

// TestDamageNearby flips a bit in each of some places of a full block while the server
// runs. What is handed over is what was written, up to the damage or beyond.
func TestDamageNearby(t *testing.T) {
	p := open(t)
	end := fillBlocks(t, p)
	want := read(t, p.log, 0, end)
	path := find(t, p.dir, "1.blk")
	for _, at := range []int{4, 21, 60, 700, 1_000_000, 8_000_000} {
		edit(t, path, func(data []byte) []byte { data[at] ^= 1; return data })
		var near []events.Recorded
		last, err := p.log.TailBlocks(natstest.Deadline(t), 0, end, func(d []events.Recorded) error { near = append(near, d...); return nil })
		if err != nil || last >= end/3 || !reflect.DeepEqual(near, append([]events.Recorded(nil), want[:len(near)]...)) {
			t.Errorf("a bit of byte %d: %d are nearby: %v", at, last, err)
		}
		edit(t, path, func(data []byte) []byte { data[at] ^= 1; return data })
	}
}
