package fsm

import (
	"encoding/binary"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/aeriehq/aerie/fsm/sequence"
)

// layout writes values of one type as few bytes and reads them again. The bytes
// do not say what they are: only the program that wrote them, or one whose types
// are the same, can read them. That is enough for what is kept in memory and for
// snapshots, which are read by the very program that wrote them.
type layout struct {
	write func([]byte, reflect.Value) []byte
	read  func(*unpacker, reflect.Value)
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendLength writes the length of a list or a map, or that it is nil.
func appendLength(b []byte, v reflect.Value) []byte {
	if v.IsNil() {
		return append(b, 0)
	}
	return binary.AppendUvarint(b, uint64(v.Len())+1)
}

// layoutOf makes the layout of a type. It panics for one that can't be kept: that
// is a wrong type, found by every test.
func layoutOf(t reflect.Type) layout {
	switch t {
	case reflect.TypeFor[time.Time]():
		return layout{writeTime, readTime}
	case reflect.TypeFor[sequence.List]():
		return layout{writeHistory, readHistory}
	case reflect.TypeFor[map[string]string]():
		return layout{writeStrings, readStrings}
	case reflect.TypeFor[map[string]any]():
		return layout{writeObject, readObject}
	}
	switch t.Kind() {
	case reflect.Struct:
		return structLayout(t)
	case reflect.Slice:
		return sliceLayout(t, layoutOf(t.Elem()))
	case reflect.Pointer:
		return pointerLayout(t, layoutOf(t.Elem()))
	}
	return scalarLayout(t)
}

func scalarLayout(t reflect.Type) layout {
	switch t.Kind() {
	case reflect.String:
		return layout{func(b []byte, v reflect.Value) []byte { return appendString(b, v.String()) },
			func(u *unpacker, v reflect.Value) { v.SetString(u.string()) }}
	case reflect.Int, reflect.Int64:
		return layout{func(b []byte, v reflect.Value) []byte { return binary.AppendVarint(b, v.Int()) },
			func(u *unpacker, v reflect.Value) { v.SetInt(u.int()) }}
	case reflect.Uint64:
		return layout{func(b []byte, v reflect.Value) []byte { return binary.AppendUvarint(b, v.Uint()) },
			func(u *unpacker, v reflect.Value) { v.SetUint(u.uint()) }}
	case reflect.Bool:
		return layout{func(b []byte, v reflect.Value) []byte { return appendBool(b, v.Bool()) },
			func(u *unpacker, v reflect.Value) { v.SetBool(u.uint() == 1) }}
	}
	panic(fmt.Sprintf("fsm: %s can't be kept", t))
}

func appendBool(b []byte, yes bool) []byte {
	if yes {
		return append(b, 1)
	}
	return append(b, 0)
}

// structLayout keeps every field. Only of what all entities have it leaves out the
// phase, which is no one's to set, and the reference: whoever keeps an entity keeps
// these beside it.
func structLayout(t reflect.Type) layout {
	var at []int
	var fields []layout
	for i := range t.NumField() {
		f := t.Field(i)
		if t == reflect.TypeFor[Base]() && (f.Name == "phase" || f.Name == "Ref") {
			continue
		}
		if !f.IsExported() {
			panic(fmt.Sprintf("fsm: field %s of %s can't be kept", f.Name, t))
		}
		at, fields = append(at, i), append(fields, layoutOf(f.Type))
	}
	return layout{
		func(b []byte, v reflect.Value) []byte {
			for i, f := range fields {
				b = f.write(b, v.Field(at[i]))
			}
			return b
		},
		func(u *unpacker, v reflect.Value) {
			for i, f := range fields {
				f.read(u, v.Field(at[i]))
			}
		}}
}

func sliceLayout(t reflect.Type, of layout) layout {
	return layout{
		func(b []byte, v reflect.Value) []byte {
			b = appendLength(b, v)
			for i := range v.Len() {
				b = of.write(b, v.Index(i))
			}
			return b
		},
		func(u *unpacker, v reflect.Value) {
			n, there := u.length()
			if !there {
				return
			}
			v.Set(reflect.MakeSlice(t, n, n))
			for i := range n {
				of.read(u, v.Index(i))
			}
		}}
}

func pointerLayout(t reflect.Type, to layout) layout {
	return layout{
		func(b []byte, v reflect.Value) []byte {
			if v.IsNil() {
				return append(b, 0)
			}
			return to.write(append(b, 1), v.Elem())
		},
		func(u *unpacker, v reflect.Value) {
			if u.uint() == 0 {
				return
			}
			p := reflect.New(t.Elem())
			to.read(u, p.Elem())
			v.Set(p)
		}}
}

// A time is kept to the nanosecond, as UTC; no time in a byte.
func writeTime(b []byte, v reflect.Value) []byte {
	t, _ := reflect.TypeAssert[time.Time](v)
	if t.IsZero() {
		return append(b, 0)
	}
	return binary.AppendVarint(binary.AppendUvarint(b, uint64(t.Nanosecond())+1), t.Unix())
}

func readTime(u *unpacker, v reflect.Value) {
	ns := u.uint()
	if ns == 0 {
		return
	}
	t := time.Unix(u.int(), int64((ns-1)%uint64(time.Second))).UTC()
	*v.Addr().Interface().(*time.Time) = t
}

// Of a history the full groups are left out: they are kept beside what is packed. The
// other sequences are kept as the differences from one to the next.
func writeHistory(b []byte, v reflect.Value) []byte {
	h, _ := reflect.TypeAssert[sequence.List](v)
	return appendSequences(b, h.Recent())
}

func appendSequences(b []byte, seqs []uint64) []byte {
	b = binary.AppendUvarint(b, uint64(len(seqs)))
	before := uint64(0)
	for _, seq := range seqs {
		b, before = binary.AppendUvarint(b, seq-before), seq
	}
	return b
}

func readHistory(u *unpacker, v reflect.Value) {
	n := u.uint()
	if n > uint64(len(u.text)) || n >= sequence.GroupLen {
		u.fail()
		return
	}
	all, before := make([]uint64, n), uint64(0)
	for i := range all {
		before += u.uint()
		all[i] = before
	}
	*v.Addr().Interface().(*sequence.List) = sequence.Of(all)
}

func writeStrings(b []byte, v reflect.Value) []byte {
	m, _ := reflect.TypeAssert[map[string]string](v)
	b = appendLength(b, v)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		b = appendString(appendString(b, k), m[k])
	}
	return b
}

func readStrings(u *unpacker, v reflect.Value) {
	n, there := u.length()
	if !there {
		return
	}
	m := make(map[string]string, n)
	for range n {
		k := u.string()
		m[k] = u.string()
	}
	*v.Addr().Interface().(*map[string]string) = m
}

func writeObject(b []byte, v reflect.Value) []byte {
	m, _ := reflect.TypeAssert[map[string]any](v)
	if m == nil {
		return append(b, 'n')
	}
	return appendAny(b, m)
}

func readObject(u *unpacker, v reflect.Value) {
	m, _ := u.any(0).(map[string]any)
	*v.Addr().Interface().(*map[string]any) = m
}
