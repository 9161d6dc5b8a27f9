// Package bitmap has sets of small numbers, such as those that the views give entities: a list while a set is small, a roaring
// bitmap once it is not. It knows nothing of what the numbers mean. Begin with Set; its zero value, and nil where it is only
// read, are empty sets. A set is not safe for concurrent use while it is changed: the views hold their lock. It is in memory
// only, and made anew from the log or from a snapshot after a crash.
// A set that has become large stays a bitmap, though it shrinks.
package bitmap

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// few is how many numbers a set keeps as a list. Most sets are that small: a
// customer's, or those that have a label.
const few = 32

// Set is a set of numbers.
type Set struct {
	list []uint32 // ascending, while they are few
	many *roaring.Bitmap
}

// Of is the set of a list that ascends, and keeps it.
func Of(list []uint32) *Set { return &Set{list: list} }

// OfRoaring is the set of a bitmap, and keeps it.
func OfRoaring(b *roaring.Bitmap) *Set { return &Set{many: b} }

// Len is how many numbers there are.
func (s *Set) Len() int {
	switch {
	case s == nil:
		return 0
	case s.many != nil:
		return int(s.many.GetCardinality())
	}
	return len(s.list)
}

// Has tells whether a number is in it.
func (s *Set) Has(n uint32) bool {
	switch {
	case s == nil:
		return false
	case s.many != nil:
		return s.many.Contains(n)
	}
	_, there := slices.BinarySearch(s.list, n)
	return there
}

// Add puts a number in, if it is not there.
func (s *Set) Add(n uint32) {
	if s.many != nil {
		s.many.Add(n)
		return
	}
	at, there := slices.BinarySearch(s.list, n)
	if there {
		return
	}
	s.list = slices.Insert(s.list, at, n)
	if len(s.list) > few {
		s.many, s.list = roaring.BitmapOf(s.list...), nil
	}
}

// Remove takes a number out, if it is there.
func (s *Set) Remove(n uint32) {
	if s.many != nil {
		s.many.Remove(n)
		return
	}
	if at, there := slices.BinarySearch(s.list, n); there {
		s.list = slices.Delete(s.list, at, at+1)
	}
}

// Each calls f for every number, ascending, until it says no.
func (s *Set) Each(f func(uint32) bool) {
	switch {
	case s == nil:
	case s.many != nil:
		s.many.Iterate(f)
	default:
		for _, n := range s.list {
			if !f(n) {
				return
			}
		}
	}
}

// Roaring is the set as a bitmap that must not be changed.
func (s *Set) Roaring() *roaring.Bitmap {
	switch {
	case s == nil:
		return roaring.New()
	case s.many != nil:
		return s.many
	}
	return roaring.BitmapOf(s.list...)
}
