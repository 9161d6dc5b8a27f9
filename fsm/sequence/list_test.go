package sequence

import (
	"slices"
	"testing"
)

// TestList holds histories that share what came before against plain lists, two of
// them going on from each one in different ways.
func TestList(t *testing.T) {
	var h List
	var want []uint64
	for i := range uint64(3*GroupLen + 3*blockLen + 3) {
		fork := h.With(7*i + 1)
		h = h.With(7 * i)
		want = append(want, 7*i)
		if n := len(want); h.Len() != n || fork.Len() != n || h.At(n-1) != 7*i || fork.At(n-1) != 7*i+1 {
			t.Fatalf("after %d: %d and %d, %d and %d", n, h.Len(), fork.Len(), h.At(h.Len()-1), fork.At(n-1))
		}
	}
	if got := slices.Collect(h.All()); !slices.Equal(got, want) {
		t.Error("it is another list")
	}
	for _, seq := range []uint64{0, 1, 6, 7, 8, 7 * 5000, 1 << 40} {
		n, _ := slices.BinarySearch(want, seq+1)
		if got := h.UpTo(seq); got != n {
			t.Errorf("up to %d there are %d, want %d", seq, got, n)
		}
	}
	back := Of(slices.Clone(want))
	if got := slices.Collect(back.All()); !slices.Equal(got, want) {
		t.Error("made of a list, it is another")
	}
}

// TestAnEventCostsTheSame: an event of a long history takes no more room than one of a
// short one.
func TestAnEventCostsTheSame(t *testing.T) {
	most := func(h List) float64 { // With of a full block copies most
		return testing.AllocsPerRun(10, func() {
			for seq := range uint64(GroupLen) {
				h.With(1<<40 + seq)
			}
		}) / GroupLen
	}
	var long List
	for seq := range uint64(100_000) {
		long = long.With(seq)
	}
	short := List{last: slices.Clone(long.last)}
	if a, b := most(short), most(long); b > a+1 {
		t.Errorf("%v allocations for an event of a short history, %v of a long one", a, b)
	}
	if n := len(long.full.blocks) + len(long.last) + len(long.full.groups); n > 2*blockLen+100_000/GroupLen {
		t.Errorf("%d words are copied", n)
	}
}
