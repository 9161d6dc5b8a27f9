package state

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// Frozen is Entities as they were at one moment, for whoever writes them down while
// the log goes on. It is never changed.
type Frozen struct {
	Seq     uint64
	Time    time.Time
	refs    []ev.Ref
	cold    [][]fsm.Packed
	long    map[uint32]long
	warm    map[ev.Ref]fsm.Entity[fsm.Data]
	placed  map[string]int
	makers  map[string]ev.Ref
	last    map[ev.Kind]uint64
	phases  map[ev.Kind]map[fsm.Phase]int
	trouble map[ev.Kind]map[ev.ReasonCode]int
	answers answers
}

// Freeze keeps the moment. It takes milliseconds, however much there is: what is
// packed is shared, and copied when the entities go on to change it.
func (w *Entities) Freeze() *Frozen {
	clear(w.store.own)
	s := &Frozen{Seq: w.Seq, Time: w.Time, refs: w.store.refs,
		cold: slices.Clone(w.store.cold), long: maps.Clone(w.store.long), warm: map[ev.Ref]fsm.Entity[fsm.Data]{},
		placed: maps.Clone(w.placed), makers: maps.Clone(w.makers), last: maps.Clone(w.last),
		phases: map[ev.Kind]map[fsm.Phase]int{}, trouble: map[ev.Kind]map[ev.ReasonCode]int{}, answers: w.answers}
	for k, phases := range w.phases {
		s.phases[k] = maps.Clone(phases)
	}
	for k, codes := range w.trouble {
		s.trouble[k] = maps.Clone(codes)
	}
	s.answers.seqs, s.answers.order = maps.Clone(w.answers.seqs), slices.Clone(w.answers.order)
	for _, of := range w.entities {
		maps.Copy(s.warm, of)
	}
	return s
}

// entity is the entity of a number, and as it is packed; buffer is for that.
func (s *Frozen) entity(n int, buffer []byte) (fsm.Entity[fsm.Data], []byte) {
	r := s.refs[n]
	m := fsm.Machines[r.Kind]
	if e, isWarm := s.warm[r]; isWarm {
		return e, m.Pack(buffer[:0], e)
	}
	p := s.cold[n/chunked][n%chunked]
	e, err := m.Unpack(r, p)
	if err != nil {
		panic(fmt.Sprintf("fsm: read %s: %v", r, err)) // we wrote it ourselves
	}
	return e, append(buffer[:0], p...)
}

// Write writes the entities down, and what beside says of each with it. Read of the
// same program reads them again.
func (s *Frozen) Write(w io.Writer, beside func([]byte, fsm.Entity[fsm.Data]) []byte) error {
	out := writing{bufio.NewWriterSize(w, 1<<16), nil}
	out.uint(s.Seq)
	out.time(s.Time)
	out.uint(uint64(len(s.refs)))
	numbers := make(map[ev.Ref]uint32, len(s.refs))
	var buffer []byte
	for n, r := range s.refs {
		numbers[r] = uint32(n)
	}
	for n := 0; n < len(s.refs) && out.err == nil; n++ {
		var e fsm.Entity[fsm.Data]
		e, buffer = s.entity(n, buffer)
		out.entity(e, numbers)
		out.bytes(buffer)
		out.long(s.long[uint32(n)])
		buffer = beside(buffer[:0], e)
		out.bytes(buffer)
	}
	out.tables(s)
	return errors.Join(out.err, out.w.Flush())
}

// long writes what is kept of an entity with many events.
func (o *writing) long(l long) {
	o.uint(uint64(len(l.groups)))
	before := uint64(0)
	for _, g := range l.groups {
		for _, b := range g {
			for _, seq := range b {
				o.uint(seq - before)
				before = seq
			}
		}
	}
	o.uint(uint64(len(l.checkpoints)))
	for i, c := range l.checkpoints {
		o.string(string(c.base))
		if i > 0 && l.checkpoints[i-1].data == c.data {
			o.uint(0)
			continue
		}
		o.uint(1)
		o.string(string(c.data))
	}
}

// writing writes, until an error comes.
type writing struct {
	w   *bufio.Writer
	err error
}

func (o *writing) bytes(b []byte) {
	o.uint(uint64(len(b)))
	if o.err == nil {
		_, o.err = o.w.Write(b)
	}
}

func (o *writing) string(s string) {
	o.uint(uint64(len(s)))
	if o.err == nil {
		_, o.err = o.w.WriteString(s)
	}
}

func (o *writing) uint(v uint64) {
	if o.err == nil {
		_, o.err = o.w.Write(binary.AppendUvarint(o.w.AvailableBuffer(), v))
	}
}

func (o *writing) int(v int64) {
	if o.err == nil {
		_, o.err = o.w.Write(binary.AppendVarint(o.w.AvailableBuffer(), v))
	}
}

func (o *writing) ref(r ev.Ref) {
	o.uint(uint64(slices.Index(ev.Kinds, r.Kind)))
	o.string(r.Owner)
	o.string(r.ID)
}

// What an entity is owed, as it is written down.
const (
	owedNothing = iota
	owedWork
	owedWaiting
)

// entity writes what of an entity stands in the indexes.
func (o *writing) entity(e fsm.Entity[fsm.Data], number map[ev.Ref]uint32) {
	o.ref(e.Ref)
	state := owedNothing
	switch fsm.Machines[e.Ref.Kind].Owed(e).(type) {
	case nil:
	case fsm.WaitFor:
		state = owedWaiting
	default:
		state = owedWork
	}
	o.uint(uint64(state))
	used := fsm.UsedBy(e)
	used = slices.DeleteFunc(used, func(r ev.Ref) bool { _, known := number[r]; return !known })
	o.uint(uint64(len(used)))
	for _, r := range used {
		o.uint(uint64(number[r]))
	}
}

func (o *writing) tables(s *Frozen) {
	o.uint(uint64(len(s.placed)))
	for at, n := range s.placed {
		o.string(at)
		o.int(int64(n))
	}
	o.uint(uint64(len(s.makers)))
	for uid, r := range s.makers {
		o.string(uid)
		o.ref(r)
	}
	for _, k := range ev.Kinds {
		o.uint(s.last[k])
		o.uint(uint64(len(s.phases[k])))
		for p, n := range s.phases[k] {
			o.string(string(p))
			o.int(int64(n))
		}
		o.uint(uint64(len(s.trouble[k])))
		for code, n := range s.trouble[k] {
			o.string(string(code))
			o.int(int64(n))
		}
	}
	a := s.answers
	o.given(a.gone, a.until)
	o.uint(uint64(len(a.order)))
	for i := range a.order { // the oldest first
		g := a.order[(a.next+i)%len(a.order)]
		o.given(g, a.seqs[g.id])
	}
}

func (o *writing) time(t time.Time) {
	o.int(t.Unix())
	o.uint(uint64(t.Nanosecond()))
}

func (o *writing) given(g given, seq uint64) {
	o.string(g.id)
	o.time(g.at)
	o.uint(seq)
}
