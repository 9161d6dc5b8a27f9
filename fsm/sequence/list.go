// Package sequence has the sequences of an entity's events as a list that is cheap to extend and to share.
//
// It knows nothing of events or entities. Begin with List.
//
// A List is a value that is never changed, so it may be read from any goroutine. There is nothing to hold after a crash: a
// fold of the log makes the same one.
package sequence

import (
	"iter"
	"slices"
	"sort"
)

// List lists the sequences of an entity's events, ascending. It is a value: With
// returns a longer one that shares all full blocks with it, so that an event costs
// the same however many came before. The zero value is empty.
type List struct {
	last []uint64 // the newest, fewer than a block has
	full *full    // what comes before them; nil if nothing does
}

// full is the part of a history that is in full blocks. It is never changed.
type full struct {
	groups []*Group // the oldest ones
	blocks []*Block // after them, fewer than a group has
}

const (
	blockLen = 32
	// GroupLen is how many sequences a full group has.
	GroupLen = 32 * blockLen
)

type (
	// Block is so many sequences in ascending order. It is never changed.
	Block [blockLen]uint64
	// Group is so many full blocks in ascending order. It is never changed.
	Group [GroupLen / blockLen]*Block
)

// With is the history with one more event. The sequence must be greater than all others.
func (h List) With(seq uint64) List {
	last := make([]uint64, len(h.last)+1)
	copy(last, h.last)
	last[len(h.last)] = seq
	if h.last = last; len(last) < blockLen {
		return h
	}
	return List{full: h.fullPart().with((*Block)(last))}
}

// fullPart is what is in full blocks, perhaps nothing.
func (h List) fullPart() full {
	if h.full == nil {
		return full{}
	}
	return *h.full
}

func (f full) with(b *Block) *full {
	f.blocks = append(slices.Clip(f.blocks), b)
	if len(f.blocks) == len(Group{}) {
		f.groups, f.blocks = append(slices.Clip(f.groups), (*Group)(f.blocks)), nil
	}
	return &f
}

func (f *full) len() int {
	if f == nil {
		return 0
	}
	return len(f.groups)*GroupLen + len(f.blocks)*blockLen
}

// Groups are the full groups: they are kept beside a packed entity.
func (h List) Groups() []*Group { return h.fullPart().groups }

// Behind is the history behind some groups.
func (h List) Behind(groups []*Group) List {
	if len(groups) > 0 {
		h.full = &full{groups, h.fullPart().blocks}
	}
	return h
}

// Len is how many events there are.
func (h List) Len() int { return h.full.len() + len(h.last) }

// At is the sequence of the event with a place, from 0.
func (h List) At(i int) uint64 {
	n := h.full.len()
	if i >= n {
		return h.last[i-n]
	}
	if g := i / GroupLen; g < len(h.full.groups) {
		return h.full.groups[g][i%GroupLen/blockLen][i%blockLen]
	}
	i -= len(h.full.groups) * GroupLen
	return h.full.blocks[i/blockLen][i%blockLen]
}

// UpTo is how many events there are up to a sequence.
func (h List) UpTo(seq uint64) int {
	return sort.Search(h.Len(), func(i int) bool { return h.At(i) > seq })
}

// Between lists the sequences from one place up to another, which is not included.
func (h List) Between(from, to int) []uint64 {
	some := make([]uint64, 0, to-from)
	for i := from; i < to; i++ {
		some = append(some, h.At(i))
	}
	return some
}

// All goes through the sequences, the oldest first.
func (h List) All() iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for i := range h.Len() {
			if !yield(h.At(i)) {
				return
			}
		}
	}
}

// Recent lists the sequences that are in no full group.
func (h List) Recent() []uint64 { return h.Between(len(h.Groups())*GroupLen, h.Len()) }

// Of makes a list of ascending sequences, which become a part of it.
func Of(seqs []uint64) (h List) {
	if len(seqs) < blockLen {
		return List{last: seqs}
	}
	var f full
	for ; len(seqs) >= blockLen; seqs = seqs[blockLen:] {
		f = *f.with((*Block)(seqs))
	}
	return List{last: seqs, full: &f}
}
