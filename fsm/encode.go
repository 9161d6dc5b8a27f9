package fsm

import (
	"encoding/binary"
	"errors"
	"reflect"
	"slices"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm/pack"
)

// Packed is an entity as few bytes, without its reference. It is a string, so that
// what is read from it is a part of it and not a copy.
type Packed string

// ErrPacked says that a packed entity cannot be read.
var ErrPacked = errors.New("it is not as it was written")

// packer packs the entities of a kind: their phase, what all kinds have in common,
// and the kind's own data.
type packer[D Data] struct {
	phases []Phase
	base   pack.Layout
	data   pack.Layout
}

func newPacker[D Data](k *Kind[D]) packer[D] {
	return packer[D]{k.Phases(), pack.LayoutOf(reflect.TypeFor[Base]()), pack.LayoutOf(reflect.TypeFor[D]())}
}

func (p packer[D]) append(b []byte, e Entity[D]) []byte {
	return p.data.Append(p.appendBase(b, e.Base), &e.Data)
}

func (p packer[D]) appendBase(b []byte, base Base) []byte {
	b = binary.AppendUvarint(b, uint64(slices.Index(p.phases, base.Phase())))
	return p.base.Append(b, &base)
}

// Unpack reads an entity. An error means that the bytes are no entity.
func (p packer[D]) Unpack(ref ev.Ref, s Packed) (e Entity[D], err error) {
	r := pack.NewReader(string(s))
	phase := r.Uint()
	p.base.Read(r, &e.Base)
	p.data.Read(r, &e.Data)
	if !r.Whole() || phase >= uint64(len(p.phases)) {
		return Entity[D]{}, ErrPacked
	}
	e.Ref, e.phase = ref, p.phases[phase]
	return e, nil
}

func (m machine[D]) Pack(b []byte, e Entity[Data]) []byte { return m.packer.append(b, typed[D](e)) }

func (m machine[D]) PackBase(b []byte, e Entity[Data]) []byte { return m.packer.appendBase(b, e.Base) }

func (m machine[D]) Unpack(ref ev.Ref, s Packed) (Entity[Data], error) {
	e, err := m.packer.Unpack(ref, s)
	return Entity[Data]{e.Base, e.Data}, err
}
