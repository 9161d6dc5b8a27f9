// Package idindex keeps in files which ids of commands have caused events in a log, and where.
//
// It is derived, and it is not proof: whoever finds an id has to look in the log, and whoever loses
// the index reads the log again. Begin with Index; segment.go reads one file, write.go makes one. An
// Index is safe for concurrent use, but only one goroutine may change it at a time. A file is whole or
// not there, and every page of it is held against a checksum when it is read, so that a kill or a
// damaged disk costs time and never a wrong answer.
package idindex

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Entry says that an id caused events, the first of them at a sequence. Of the id it
// has 64 bits: who finds it has to look whether it is the same.
type Entry struct {
	key uint64
	Seq uint64
}

// EntryOf makes the entry of an id.
func EntryOf(id string, seq uint64) Entry { return Entry{keyOf(id), seq} }

func keyOf(id string) uint64 {
	sum := sha256.Sum256([]byte(id))
	return binary.BigEndian.Uint64(sum[:8])
}

func compare(a, b Entry) int {
	switch {
	case a.key < b.key:
		return -1
	case a.key > b.key:
		return 1
	}
	return int(int64(a.Seq - b.Seq))
}

// Index finds ids in the segments of a directory. It is safe for concurrent use, but
// only one goroutine may change it at a time.
type Index struct {
	dir      string
	mu       sync.RWMutex
	segments []*segment // each begins where the one before ends, the first with the log
}

const (
	segmentEnd = ".ids"
	unfinished = ".new"
)

// Open opens the index in a directory, which it makes. It removes what a kill has left
// over, and what does not go on from the rest.
func Open(dir string) (*Index, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the index of ids: %w", err)
	}
	x := &Index{dir: dir}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open the index of ids: %w", err)
	}
	var found []*segment
	for _, f := range files {
		path := filepath.Join(dir, f.Name())
		switch {
		case strings.HasSuffix(f.Name(), segmentEnd+unfinished):
			err = errors.Join(err, os.Remove(path))
		case strings.HasSuffix(f.Name(), segmentEnd):
			s, wrong := openSegment(path)
			if wrong != nil {
				err = errors.Join(err, os.Remove(path))
				continue
			}
			found = append(found, s)
		}
	}
	err = errors.Join(err, x.chain(found))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the index of ids: %w", err), x.Close())
	}
	return x, nil
}

// chain takes the segments that follow one another, the longest where several begin at
// one place, and removes all others.
func (x *Index) chain(found []*segment) (err error) {
	slices.SortFunc(found, func(a, b *segment) int {
		if a.from != b.from {
			return int(int64(a.from - b.from))
		}
		return int(int64(b.to - a.to))
	})
	for _, s := range found {
		if s.from == x.end().to {
			x.segments = append(x.segments, s)
			continue
		}
		err = errors.Join(err, s.remove())
	}
	return err
}

// end is the newest segment, an empty one if there is none.
func (x *Index) end() *segment {
	if len(x.segments) == 0 {
		return &segment{}
	}
	return x.segments[len(x.segments)-1]
}

// Covers is up to which sequence of the log the index knows all ids, and the id of the
// event there: in another log that is another one.
func (x *Index) Covers() (seq uint64, event string) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.end().to, x.end().event
}

// Find lists where events are that an id may have caused, ascending, and up to which
// sequence that is all. An error means that a file is damaged.
func (x *Index) Find(id string) (seqs []uint64, covers uint64, err error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	key := keyOf(id)
	for _, s := range x.segments {
		some, err := s.find(key)
		if err != nil {
			return nil, 0, fmt.Errorf("look for an id: %w", err)
		}
		seqs = append(seqs, some...)
	}
	return seqs, x.end().to, nil
}

// Extend adds what is known of the log after Covers, up to an event. It takes the
// entries over.
func (x *Index) Extend(to uint64, event string, entries []Entry) error {
	slices.SortFunc(entries, compare)
	from := x.end().to
	s, err := writeSegment(x.dir, label{from, to, uint64(len(entries)), event}, func(yield func(Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	})
	if err != nil {
		return fmt.Errorf("extend the index of ids: %w", err)
	}
	x.mu.Lock()
	x.segments = append(x.segments, s)
	x.mu.Unlock()
	for n := len(x.segments); n > 1 && x.segments[n-2].count <= 2*x.segments[n-1].count; n-- {
		if err := x.merge(n - 2); err != nil {
			return fmt.Errorf("extend the index of ids: %w", err)
		}
	}
	return nil
}

// merge makes one segment of two neighbours: so there are few, however many ids.
func (x *Index) merge(i int) error {
	a, b := x.segments[i], x.segments[i+1]
	s, err := writeSegment(x.dir, label{a.from, b.to, a.count + b.count, b.event}, merged(a.all(), b.all()))
	if err != nil {
		return err
	}
	x.mu.Lock()
	x.segments = slices.Replace(slices.Clone(x.segments), i, i+2, s)
	x.mu.Unlock()
	return errors.Join(a.remove(), b.remove())
}

// Shorten forgets the newest segment: it is of another log.
func (x *Index) Shorten() error {
	x.mu.Lock()
	s := x.end()
	x.segments = x.segments[:len(x.segments)-1]
	x.mu.Unlock()
	return s.remove()
}

// Clear forgets all: a part of it is damaged.
func (x *Index) Clear() error {
	x.mu.Lock()
	old := x.segments
	x.segments = nil
	x.mu.Unlock()
	var err error
	for _, s := range slices.Backward(old) {
		err = errors.Join(err, s.remove())
	}
	return err
}

// Close closes the files.
func (x *Index) Close() (err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range x.segments {
		err = errors.Join(err, s.file.Close())
	}
	x.segments = nil
	return err
}
