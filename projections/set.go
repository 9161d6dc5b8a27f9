package projections

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// few is how many numbers a set keeps as a list. Most sets are that small: a
// customer's, or those that have a label.
const few = 32

// set is a set of entities' numbers.
type set struct {
	list []uint32 // ascending, while they are few
	many *roaring.Bitmap
}

func (s *set) len() int {
	switch {
	case s == nil:
		return 0
	case s.many != nil:
		return int(s.many.GetCardinality())
	}
	return len(s.list)
}

func (s *set) has(n uint32) bool {
	switch {
	case s == nil:
		return false
	case s.many != nil:
		return s.many.Contains(n)
	}
	_, there := slices.BinarySearch(s.list, n)
	return there
}

func (s *set) add(n uint32) {
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

func (s *set) remove(n uint32) {
	if s.many != nil {
		s.many.Remove(n)
		return
	}
	if at, there := slices.BinarySearch(s.list, n); there {
		s.list = slices.Delete(s.list, at, at+1)
	}
}

// each calls f for every number, ascending, until it says no.
func (s *set) each(f func(uint32) bool) {
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

// bitmap is the set as a bitmap that must not be changed.
func (s *set) bitmap() *roaring.Bitmap {
	switch {
	case s == nil:
		return roaring.New()
	case s.many != nil:
		return s.many
	}
	return roaring.BitmapOf(s.list...)
}
