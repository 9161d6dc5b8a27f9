package idindex

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"os"
	"slices"
	"sort"
)

// A segment is a file of pages: one that says what it is, and the entries in order, each
// page with its checksum at the end.
const (
	pageLen  = 4096
	body     = pageLen - crc32.Size
	entryLen = 16
	perPage  = body / entryLen
	magic    = "aerie command ids 1\n"
	eventMax = 255
)

// ErrDamaged says that a file is not as it was written.
var ErrDamaged = errors.New("it is damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// label says what a segment has: the ids of the events after one sequence up to another,
// and the id of the last of these events.
type label struct {
	from, to, count uint64
	event           string
}

func (l label) pages() uint64 { return (l.count + perPage - 1) / perPage }

// page writes the label as a page, and returns its checksum.
func (l label) page() (page []byte, sum uint32) {
	page = append(make([]byte, 0, pageLen), magic...)
	for _, n := range []uint64{l.from, l.to, l.count, uint64(len(l.event))} {
		page = binary.BigEndian.AppendUint64(page, n)
	}
	page = append(page, l.event...)[:body]
	sum = crc32.Checksum(page, castagnoli)
	return binary.BigEndian.AppendUint32(page, sum), sum
}

func readLabel(page []byte) (l label, sum uint32, err error) {
	sum = crc32.Checksum(page[:body], castagnoli)
	if string(page[:len(magic)]) != magic || binary.BigEndian.Uint32(page[body:]) != sum {
		return l, 0, ErrDamaged
	}
	var n [4]uint64
	for i := range n {
		n[i] = binary.BigEndian.Uint64(page[len(magic)+8*i:])
	}
	if n[3] > eventMax || n[0] > n[1] {
		return l, 0, ErrDamaged
	}
	text := page[len(magic)+8*len(n):]
	return label{n[0], n[1], n[2], string(text[:n[3]])}, sum, nil
}

// segment is an open one.
type segment struct {
	label
	file *os.File
	sum  uint32 // of its first page: a part of every other page's
}

func openSegment(path string) (*segment, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s := &segment{file: f}
	page := make([]byte, pageLen)
	if _, err = f.ReadAt(page, 0); err == nil {
		s.label, s.sum, err = readLabel(page)
	}
	info, trouble := f.Stat()
	if err = errors.Join(err, trouble); err == nil && uint64(info.Size()) != pageLen*(1+s.pages()) {
		err = ErrDamaged
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

// remove removes the file. Who reads it goes on reading until it is closed.
func (s *segment) remove() error { return errors.Join(os.Remove(s.file.Name()), s.file.Close()) }

// pageSum is the checksum of a page of entries: it fits at its own place in its own file alone.
func pageSum(file uint32, number uint64, page []byte) uint32 {
	place := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, file), number)
	return crc32.Update(crc32.Checksum(place, castagnoli), castagnoli, page[:body])
}

// pageRead is called for each page that is read: tests count.
var pageRead = func() {}

// read reads the entries of a page, from 0.
func (s *segment) read(number uint64, page []byte) ([]Entry, error) {
	pageRead()
	if _, err := s.file.ReadAt(page, int64(pageLen*(1+number))); err != nil {
		return nil, fmt.Errorf("%s: %w", s.file.Name(), err)
	}
	if binary.BigEndian.Uint32(page[body:]) != pageSum(s.sum, number, page) {
		return nil, fmt.Errorf("%s: page %d: %w", s.file.Name(), number, ErrDamaged)
	}
	some := make([]Entry, min(perPage, s.count-number*perPage))
	for i := range some {
		at := page[entryLen*i:]
		some[i] = Entry{binary.BigEndian.Uint64(at), binary.BigEndian.Uint64(at[8:])}
	}
	return some, nil
}

// find lists the sequences of a key. It reads as many pages as the number of all has
// binary digits.
func (s *segment) find(key uint64) (seqs []uint64, err error) {
	page := make([]byte, pageLen)
	first := sort.Search(int(s.pages()), func(i int) bool { // whose last entry is not before the key
		some, wrong := s.read(uint64(i), page)
		if wrong != nil {
			err = wrong
			return true
		}
		return some[len(some)-1].key >= key
	})
	for n := uint64(first); n < s.pages() && err == nil; n++ {
		var some []Entry
		if some, err = s.read(n, page); err != nil {
			break
		}
		at, _ := slices.BinarySearchFunc(some, Entry{key: key}, compare)
		for ; at < len(some) && some[at].key == key; at++ {
			seqs = append(seqs, some[at].Seq)
		}
		if at < len(some) {
			break
		}
	}
	return seqs, err
}

// all goes through the entries in order.
func (s *segment) all() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		page := make([]byte, pageLen)
		for n := range s.pages() {
			some, err := s.read(n, page)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range some {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}
