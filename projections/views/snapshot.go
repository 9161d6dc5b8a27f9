package views

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/tidwall/btree"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/operations"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/projections/views/snapshot"
)

const (
	// snapshotEvery is after how many events a snapshot is written.
	snapshotEvery = 250_000
	// snapshotAtEnd is how many new events are worth a snapshot when the program ends.
	snapshotAtEnd = 10_000
)

// code is the program that folds: its own bytes. A snapshot of another one may hold what this one would fold otherwise.
var code = sync.OnceValues(func() (string, error) {
	path := "/proc/self/exe" // the one that runs, though another may have taken its place
	if _, err := os.Stat(path); err != nil {
		if path, err = os.Executable(); err != nil {
			return "", err
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
})

// frozen is the state at one moment, to be written down.
type frozen struct {
	World       *state.Frozen
	order       map[events.Kind]*btree.BTreeG[place]
	entries     []entry
	descriptors []descriptor
	operations  *operations.Book
	folded      map[string]uint64 // counters
}

// freeze takes the present state; it takes milliseconds.
func (v *Views) freeze() (s frozen) {
	v.fold.Keep(func(w *state.Entities) {
		s = frozen{w.Freeze(), map[events.Kind]*btree.BTreeG[place]{}, v.events.entries, v.events.descriptors.all, v.index.ops.Copy(), nil}
		if v.counters.Get != nil {
			s.folded = v.counters.Get()
		}
		for k, o := range v.index.order {
			s.order[k] = o.Copy()
		}
	})
	return s
}

func (s frozen) Write(w io.Writer) error {
	if err := s.World.Write(w, appendFacts); err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	for _, k := range events.Kinds {
		_, _ = out.Write(binary.AppendUvarint(nil, uint64(s.order[k].Len())))
		s.order[k].Scan(func(p place) bool {
			_, err := out.Write(binary.AppendUvarint(out.AvailableBuffer(), uint64(p.number)))
			return err == nil
		})
	}
	if err := s.operations.Write(out); err != nil {
		return err
	}
	_, _ = out.Write(binary.AppendUvarint(nil, uint64(len(s.descriptors))))
	for _, d := range s.descriptors {
		b := appendText(appendText(nil, d.typ), d.actor)
		if d.last {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
		_, _ = out.Write(b)
	}
	_, _ = out.Write(binary.AppendUvarint(nil, uint64(len(s.folded))))
	for name, n := range s.folded {
		_, _ = out.Write(binary.AppendUvarint(appendText(nil, name), n))
	}
	for _, m := range s.entries {
		b := binary.LittleEndian.AppendUint64(out.AvailableBuffer(), uint64(m.at))
		b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, m.entity), m.descriptor)
		if _, err := out.Write(b); err != nil {
			return err
		}
	}
	return out.Flush() // it tells of every error before
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendFacts(b []byte, e entity) []byte {
	f := factsOf(e)
	b = binary.AppendUvarint(binary.AppendUvarint(b, f.born), f.seq)
	for _, s := range append([]string{f.phase, f.dataplane, f.plan}, f.labels...) {
		b = appendText(b, s)
	}
	return b
}

func readFacts(b []byte) (f facts, err error) {
	var words []string
	n, m := 0, 0
	f.born, n = binary.Uvarint(b)
	f.seq, m = binary.Uvarint(b[max(n, 0):])
	if n <= 0 || m <= 0 {
		return f, snapshot.ErrDamaged
	}
	for b = b[n+m:]; len(b) > 0; {
		l, n := binary.Uvarint(b)
		if n <= 0 || l > uint64(len(b)-n) {
			return f, snapshot.ErrDamaged
		}
		words = append(words, string(b[n:n+int(l)]))
		b = b[n+int(l):]
	}
	if len(words) < 3 {
		return f, snapshot.ErrDamaged
	}
	f.phase, f.dataplane, f.plan, f.labels = words[0], words[1], words[2], words[3:]
	return f, nil
}

// readState reads a state that a frozen one has written, but for its index of events.
func readState(r *bufio.Reader) (*indexedState, error) {
	x := newIndex(nil)
	w, err := state.Read(r, func(w *state.Entities, text []byte) error {
		x.world = w
		return x.read(text)
	})
	if err != nil {
		return nil, err
	}
	x.world = w
	for n := range x.rows {
		if name := w.Named(uint32(n)); kindViews[name.Kind].within != "" {
			x.propagateFromParent(uint32(n))
		}
	}
	if err := x.readOrder(r, uint64(len(x.rows))); err != nil {
		return nil, err
	}
	x.ops, err = operations.Read(r, len(x.rows))
	return &indexedState{World: w, index: x}, err
}

// read makes the row of the next entity from its facts.
func (x *index) read(text []byte) error {
	f, err := readFacts(text)
	if err != nil {
		return err
	}
	n := uint32(len(x.rows))
	kind := x.world.Named(n).Kind
	x.add(n, kind)
	x.fill(n, kind, f)
	return nil
}

// readOrder reads the names in order.
func (x *index) readOrder(r *bufio.Reader, all uint64) error {
	for _, k := range events.Kinds {
		n, err := binary.ReadUvarint(r)
		for ; n > 0 && err == nil; n-- {
			var number uint64
			if number, err = binary.ReadUvarint(r); err == nil && number >= all {
				err = snapshot.ErrDamaged
			}
			if err == nil {
				x.order[k].Load(place{number: uint32(number)})
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readEventIndex reads the index of events of a state that was read before, and the counters.
func readEventIndex(r *bufio.Reader, seq uint64) (j eventIndex, folded map[string]uint64, err error) {
	j, folded = newEventIndex(), map[string]uint64{}
	n, err := binary.ReadUvarint(r)
	for ; n > 0 && err == nil; n-- {
		var d descriptor
		if d, err = readDescriptor(r); err == nil {
			j.descriptors.of(d)
		}
	}
	if err == nil {
		n, err = binary.ReadUvarint(r)
	}
	for ; n > 0 && err == nil; n-- {
		var name string
		if name, err = readText(r); err == nil {
			folded[name], err = binary.ReadUvarint(r)
		}
	}
	if err != nil {
		return j, nil, err
	}
	j.entries = make([]entry, 0, min(seq, 1<<24))
	var b [16]byte
	for range seq {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return j, nil, err
		}
		j.note(entry{int64(binary.LittleEndian.Uint64(b[:])), binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])})
	}
	if _, more := r.ReadByte(); !errors.Is(more, io.EOF) {
		return j, nil, snapshot.ErrDamaged
	}
	return j, folded, nil
}

func readDescriptor(r *bufio.Reader) (d descriptor, err error) {
	if d.typ, err = readText(r); err == nil {
		d.actor, err = readText(r)
	}
	if err != nil {
		return d, err
	}
	last, err := r.ReadByte()
	d.last = last == 1
	return d, err
}

func readText(r *bufio.Reader) (string, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil || n > 1<<20 {
		return "", errors.Join(snapshot.ErrDamaged, err)
	}
	text := make([]byte, n)
	_, err = io.ReadFull(r, text)
	return string(text), err
}
