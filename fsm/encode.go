package fsm

import (
	"encoding/binary"
	"reflect"
	"slices"

	ev "github.com/aeriehq/aerie/events"
)

// Packed is an entity as few bytes, without its reference. It is a string, so that
// what is read from it is a part of it and not a copy.
type Packed string

// packer packs the entities of a kind: their phase, what all kinds have in common,
// and the kind's own data.
type packer[D Data] struct {
	phases []Phase
	base   layout
	data   layout
}

func newPacker[D Data](k *Kind[D]) packer[D] {
	return packer[D]{k.Phases(), layoutOf(reflect.TypeFor[Base]()), layoutOf(reflect.TypeFor[D]())}
}

func (p packer[D]) append(b []byte, e Entity[D]) []byte {
	return p.data.write(p.appendBase(b, e.Base), reflect.ValueOf(&e.Data).Elem())
}

func (p packer[D]) appendBase(b []byte, base Base) []byte {
	b = binary.AppendUvarint(b, uint64(slices.Index(p.phases, base.Phase())))
	return p.base.write(b, reflect.ValueOf(&base).Elem())
}

// Unpack reads an entity. An error means that the bytes are no entity.
func (p packer[D]) Unpack(ref ev.Ref, s Packed) (e Entity[D], err error) {
	u := unpacker{text: string(s)}
	phase := u.uint()
	p.base.read(&u, reflect.ValueOf(&e.Base).Elem())
	p.data.read(&u, reflect.ValueOf(&e.Data).Elem())
	if u.err != nil || u.text != "" || phase >= uint64(len(p.phases)) {
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
