package state

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/sequence"
)

// Read reads Entities that a Frozen has written. beside is given what was written beside
// each entity, in the order of their numbers, and the entities as far as they are read: the
// names up to that entity's. What Read reads must have been checked to be what was
// written: it notices damage, but not all of it.
func Read(r *bufio.Reader, beside func(w *Entities, text []byte) error) (*Entities, error) {
	in := reading{r: r}
	w := New()
	w.Seq, w.Time = in.uint(), in.time()
	n := in.uint()
	w.store.expect(n)
	for ; n > 0 && in.err == nil; n-- {
		text := in.entity(w)
		if in.err == nil {
			in.err = beside(w, text)
		}
	}
	in.tables(w)
	w.reofferAll()
	if in.err != nil {
		return nil, fmt.Errorf("read a world: %w", in.err)
	}
	return w, nil
}

// reading reads what a writing wrote, until an error comes.
type reading struct {
	r      *bufio.Reader
	buffer []byte
	err    error
}

// longest is more than anything that is written at once.
const longest = 64 << 20

func (i *reading) uint() (v uint64) {
	if i.err == nil {
		v, i.err = binary.ReadUvarint(i.r)
	}
	return v
}

func (i *reading) int() (v int64) {
	if i.err == nil {
		v, i.err = binary.ReadVarint(i.r)
	}
	return v
}

// each calls f as often as is written, until an error comes.
func (i *reading) each(f func()) {
	for n := i.uint(); n > 0 && i.err == nil; n-- {
		f()
	}
}

// bytes reads some bytes, which stay until the next are read.
func (i *reading) bytes() []byte {
	n := i.uint()
	if i.err != nil || n > longest {
		i.err = cmp.Or(i.err, fsm.ErrPacked)
		return nil
	}
	if uint64(cap(i.buffer)) < n {
		i.buffer = make([]byte, n)
	}
	i.buffer = i.buffer[:n]
	_, i.err = io.ReadFull(i.r, i.buffer)
	return i.buffer
}

func (i *reading) string() string { return string(i.bytes()) }

func (i *reading) time() time.Time {
	return time.Unix(i.int(), int64(i.uint())).UTC()
}

func (i *reading) ref() ev.Ref {
	k := i.uint()
	if k >= uint64(len(ev.Kinds)) {
		i.err = cmp.Or(i.err, fsm.ErrPacked)
		return ev.Ref{}
	}
	return ev.Ref{Kind: ev.Kinds[k], Owner: i.string(), ID: i.string()}
}

// entity reads one entity into w, and returns what was written beside it.
func (i *reading) entity(w *Entities) []byte {
	ref, state := i.ref(), i.uint()
	if i.err != nil {
		return nil
	}
	n := w.store.add(ref)
	i.each(func() {
		used := uint32(i.uint())
		w.users[used] = w.users[used].with(n)
	})
	p := fsm.Packed(i.bytes())
	i.long(w, n)
	if i.err == nil {
		i.err = w.restore(n, p, state)
	}
	return i.bytes()
}

// long reads what is kept of an entity with many events.
func (i *reading) long(w *Entities, n uint32) {
	var l long
	before := uint64(0)
	i.each(func() {
		g := new(sequence.Group)
		for b := range g {
			g[b] = new(sequence.Block)
			for k := range g[b] {
				before += i.uint()
				g[b][k] = before
			}
		}
		l.groups = append(l.groups, g)
	})
	i.each(func() {
		c := checkpoint{base: fsm.Packed(i.bytes())}
		switch last := len(l.checkpoints) - 1; {
		case i.uint() == 1:
			c.data = fsm.Packed(i.bytes())
		case last >= 0:
			c.data = l.checkpoints[last].data
		default:
			i.err = cmp.Or(i.err, fsm.ErrPacked)
		}
		l.checkpoints = append(l.checkpoints, c)
	})
	if len(l.groups)+len(l.checkpoints) > 0 {
		w.store.long[n] = l
	}
}

// restore puts back an entity as it was packed, and what it is owed.
func (w *Entities) restore(n uint32, p fsm.Packed, state uint64) error {
	r := w.store.refs[n]
	w.store.set(n, p)
	if state != owedNothing {
		w.owing[r] = true
	}
	if numerous[r.Kind] && state != owedWaiting {
		return nil
	}
	e, err := fsm.Machines[r.Kind].Unpack(r, p)
	if err != nil {
		return err
	}
	e.History = e.History.Behind(w.store.long[n].groups)
	if !numerous[r.Kind] {
		w.entities[r.Kind][r] = e
	}
	if state == owedWaiting {
		w.fresh[r] = struct{}{} // what it waits for may not be read yet
	}
	return nil
}

func (i *reading) tables(w *Entities) {
	i.each(func() {
		at := i.string()
		w.placed[at] = int(i.int())
	})
	i.each(func() {
		uid := i.string()
		w.makers[uid] = i.ref()
	})
	for _, k := range ev.Kinds {
		if seq := i.uint(); seq > 0 {
			w.last[k] = seq
		}
		i.each(func() {
			p := fsm.Phase(i.string())
			w.phases[k][p] = int(i.int())
		})
		i.each(func() {
			code := ev.ReasonCode(i.string())
			w.count(k, code, int(i.int()))
		})
	}
	w.answers.gone, w.answers.until = i.given()
	i.each(func() {
		if g, seq := i.given(); len(w.answers.order) < remembered {
			w.answers.add(g, seq)
		}
	})
}

func (i *reading) given() (given, uint64) {
	g := given{id: i.string(), at: i.time()}
	return g, i.uint()
}
