package fsm

import (
	"iter"
	"slices"
	"sort"
)

// History lists the sequences of an entity's events, ascending. It is a value: With
// returns a longer one that shares all full blocks with it, so that an event costs
// the same however many came before. The zero value is empty.
type History struct {
	groups []*group // the oldest ones
	blocks []*block // after them, fewer than a group has
	last   []uint64 // the newest, fewer than a block has
}

const (
	blockLen = 32
	groupLen = 32 * blockLen
)

type (
	block [blockLen]uint64
	group [groupLen / blockLen]*block
)

// With is the history with one more event. The sequence must be greater than all others.
func (h History) With(seq uint64) History {
	last := make([]uint64, len(h.last)+1)
	copy(last, h.last)
	last[len(h.last)] = seq
	if h.last = last; len(last) < blockLen {
		return h
	}
	h.blocks, h.last = append(slices.Clip(h.blocks), (*block)(last)), nil
	if len(h.blocks) == len(group{}) {
		h.groups, h.blocks = append(slices.Clip(h.groups), (*group)(h.blocks)), nil
	}
	return h
}

// Len is how many events there are.
func (h History) Len() int { return len(h.groups)*groupLen + len(h.blocks)*blockLen + len(h.last) }

// At is the sequence of the event with a place, from 0.
func (h History) At(i int) uint64 {
	g := i / groupLen
	if g < len(h.groups) {
		return h.groups[g][i%groupLen/blockLen][i%blockLen]
	}
	i -= len(h.groups) * groupLen
	if b := i / blockLen; b < len(h.blocks) {
		return h.blocks[b][i%blockLen]
	}
	return h.last[i%blockLen]
}

// UpTo is how many events there are up to a sequence.
func (h History) UpTo(seq uint64) int {
	return sort.Search(h.Len(), func(i int) bool { return h.At(i) > seq })
}

// Between lists the sequences from one place up to another, which is not included.
func (h History) Between(from, to int) []uint64 {
	some := make([]uint64, 0, to-from)
	for i := from; i < to; i++ {
		some = append(some, h.At(i))
	}
	return some
}

// All goes through the sequences, the oldest first.
func (h History) All() iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for i := range h.Len() {
			if !yield(h.At(i)) {
				return
			}
		}
	}
}

// recent is the history without its full groups: those are kept beside packed entities.
func (h History) recent() []uint64 {
	h.groups = nil
	return h.Between(0, h.Len())
}

// historyOf makes a history of ascending sequences, which become a part of it.
func historyOf(seqs []uint64) (h History) {
	for ; len(seqs) >= blockLen; seqs = seqs[blockLen:] {
		h.blocks = append(h.blocks, (*block)(seqs))
		if len(h.blocks) == len(group{}) {
			h.groups, h.blocks = append(h.groups, (*group)(h.blocks)), nil
		}
	}
	h.last = seqs
	return h
}
