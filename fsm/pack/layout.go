// Package pack writes Go values as few bytes and reads them again: the entities that a process keeps in memory, and those of its
// snapshots. The bytes do not say what they are. Only the program that wrote them, or one whose types are the same, can read them,
// so none of them is ever sent to another program.
//
// What is read is damaged at worst, never trusted: a list is at most as long as the bytes that are left, objects nest 200 deep at most,
// and a reader says at the end whether all was as it had been written.
package pack

import (
	"encoding/binary"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/aeriehq/aerie/fsm/sequence"
)

// Layout writes values of one type and reads them again. It may be used by many at once.
type Layout struct {
	write func([]byte, reflect.Value) []byte
	read  func(*Reader, reflect.Value)
}

// Append writes what v points to behind b.
func (l Layout) Append(b []byte, v any) []byte { return l.write(b, reflect.ValueOf(v).Elem()) }

// Read reads what v points to. Whether it was there is told by the reader at its end.
func (l Layout) Read(r *Reader, v any) { l.read(r, reflect.ValueOf(v).Elem()) }

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

// LayoutOf makes the layout of a type: of a structure all fields, but for those with the tag `pack:"-"`, and of a
// sequence.List what is no full group: whoever packs keeps those beside it. It panics for a type that
// can't be kept, such as one with an unexported field: that is a wrong type, found by every test.
func LayoutOf(t reflect.Type) Layout {
	switch t {
	case reflect.TypeFor[time.Time]():
		return Layout{writeTime, readTime}
	case reflect.TypeFor[sequence.List]():
		return Layout{writeHistory, readHistory}
	case reflect.TypeFor[map[string]string]():
		return Layout{writeStrings, readStrings}
	case reflect.TypeFor[map[string]any]():
		return Layout{writeObject, readObject}
	}
	switch t.Kind() {
	case reflect.Struct:
		return structLayout(t)
	case reflect.Slice:
		return sliceLayout(t, LayoutOf(t.Elem()))
	case reflect.Pointer:
		return pointerLayout(t, LayoutOf(t.Elem()))
	}
	return scalarLayout(t)
}

func scalarLayout(t reflect.Type) Layout {
	switch t.Kind() {
	case reflect.String:
		return Layout{func(b []byte, v reflect.Value) []byte { return appendString(b, v.String()) },
			func(r *Reader, v reflect.Value) { v.SetString(r.string()) }}
	case reflect.Int, reflect.Int64:
		return Layout{func(b []byte, v reflect.Value) []byte { return binary.AppendVarint(b, v.Int()) },
			func(r *Reader, v reflect.Value) { v.SetInt(r.int()) }}
	case reflect.Uint64:
		return Layout{func(b []byte, v reflect.Value) []byte { return binary.AppendUvarint(b, v.Uint()) },
			func(r *Reader, v reflect.Value) { v.SetUint(r.Uint()) }}
	case reflect.Bool:
		return Layout{func(b []byte, v reflect.Value) []byte { return appendBool(b, v.Bool()) },
			func(r *Reader, v reflect.Value) { v.SetBool(r.Uint() == 1) }}
	}
	panic(fmt.Sprintf("pack: %s can't be kept", t))
}

func appendBool(b []byte, yes bool) []byte {
	if yes {
		return append(b, 1)
	}
	return append(b, 0)
}

func structLayout(t reflect.Type) Layout {
	var at []int
	var fields []Layout
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("pack") == "-" {
			continue
		}
		if !f.IsExported() {
			panic(fmt.Sprintf("pack: field %s of %s can't be kept", f.Name, t))
		}
		at, fields = append(at, i), append(fields, LayoutOf(f.Type))
	}
	return Layout{
		func(b []byte, v reflect.Value) []byte {
			for i, f := range fields {
				b = f.write(b, v.Field(at[i]))
			}
			return b
		},
		func(r *Reader, v reflect.Value) {
			for i, f := range fields {
				f.read(r, v.Field(at[i]))
			}
		}}
}

func sliceLayout(t reflect.Type, of Layout) Layout {
	return Layout{
		func(b []byte, v reflect.Value) []byte {
			b = appendLength(b, v)
			for i := range v.Len() {
				b = of.write(b, v.Index(i))
			}
			return b
		},
		func(r *Reader, v reflect.Value) {
			n, there := r.length()
			if !there {
				return
			}
			v.Set(reflect.MakeSlice(t, n, n))
			for i := range n {
				of.read(r, v.Index(i))
			}
		}}
}

func pointerLayout(t reflect.Type, to Layout) Layout {
	return Layout{
		func(b []byte, v reflect.Value) []byte {
			if v.IsNil() {
				return append(b, 0)
			}
			return to.write(append(b, 1), v.Elem())
		},
		func(r *Reader, v reflect.Value) {
			if r.Uint() == 0 {
				return
			}
			p := reflect.New(t.Elem())
			to.read(r, p.Elem())
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

func readTime(r *Reader, v reflect.Value) {
	ns := r.Uint()
	if ns == 0 {
		return
	}
	t := time.Unix(r.int(), int64((ns-1)%uint64(time.Second))).UTC()
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

func readHistory(r *Reader, v reflect.Value) {
	n := r.Uint()
	if n > uint64(len(r.text)) || n >= sequence.GroupLen {
		r.fail()
		return
	}
	all, before := make([]uint64, n), uint64(0)
	for i := range all {
		before += r.Uint()
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

func readStrings(r *Reader, v reflect.Value) {
	n, there := r.length()
	if !there {
		return
	}
	m := make(map[string]string, n)
	for range n {
		k := r.string()
		m[k] = r.string()
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

func readObject(r *Reader, v reflect.Value) {
	m, _ := r.any(0).(map[string]any)
	*v.Addr().Interface().(*map[string]any) = m
}
