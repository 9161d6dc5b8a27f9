package fsm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"time"
)

// layout writes values of one type as few bytes and reads them again. The bytes
// do not say what they are: only the program that wrote them, or one whose types
// are the same, can read them. That is enough for what is kept in memory and for
// snapshots, which name the types they were written with.
type layout struct {
	name  string // of the type and all that is in it
	write func([]byte, reflect.Value) []byte
	read  func(*unpacker, reflect.Value)
}

// unpacker reads what a layout wrote. What is read may be parts of text, so that
// nothing has to be copied.
type unpacker struct {
	text string
	err  error
}

var errPacked = errors.New("it is not as it was written")

func (u *unpacker) fail() { u.err, u.text = errPacked, "" }

func (u *unpacker) take(n uint64) string {
	if n > uint64(len(u.text)) {
		u.fail()
		return ""
	}
	s := u.text[:n]
	u.text = u.text[n:]
	return s
}

func (u *unpacker) uint() (v uint64) {
	for i, shift := 0, 0; i < len(u.text) && i < binary.MaxVarintLen64; i, shift = i+1, shift+7 {
		c := u.text[i]
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			u.text = u.text[i+1:]
			return v
		}
	}
	u.fail()
	return 0
}

func (u *unpacker) int() int64 {
	v := u.uint()
	return int64(v>>1) ^ -int64(v&1)
}

func (u *unpacker) string() string { return u.take(u.uint()) }

// length reads the length of a list or a map; there = false is nil. Each entry
// takes a byte at least, so that damage can't ask for all the memory there is.
func (u *unpacker) length() (n int, there bool) {
	v := u.uint()
	if v > uint64(len(u.text))+1 {
		u.fail()
	}
	if v == 0 || u.err != nil {
		return 0, false
	}
	return int(v - 1), true
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
		return layout{"time", writeTime, readTime}
	case reflect.TypeFor[[]uint64]():
		return layout{"sequences", writeSequences, readSequences}
	case reflect.TypeFor[map[string]string]():
		return layout{"strings", writeStrings, readStrings}
	case reflect.TypeFor[map[string]any]():
		return layout{"object", writeObject, readObject}
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
		return layout{"string", func(b []byte, v reflect.Value) []byte { return appendString(b, v.String()) },
			func(u *unpacker, v reflect.Value) { v.SetString(u.string()) }}
	case reflect.Int, reflect.Int64:
		return layout{"int", func(b []byte, v reflect.Value) []byte { return binary.AppendVarint(b, v.Int()) },
			func(u *unpacker, v reflect.Value) { v.SetInt(u.int()) }}
	case reflect.Uint64:
		return layout{"uint", func(b []byte, v reflect.Value) []byte { return binary.AppendUvarint(b, v.Uint()) },
			func(u *unpacker, v reflect.Value) { v.SetUint(u.uint()) }}
	case reflect.Bool:
		return layout{"bool", func(b []byte, v reflect.Value) []byte { return appendBool(b, v.Bool()) },
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
	name := t.Name() + "{"
	for i := range t.NumField() {
		f := t.Field(i)
		if t == reflect.TypeFor[Base]() && (f.Name == "phase" || f.Name == "Ref") {
			continue
		}
		if !f.IsExported() {
			panic(fmt.Sprintf("fsm: field %s of %s can't be kept", f.Name, t))
		}
		l := layoutOf(f.Type)
		at, fields = append(at, i), append(fields, l)
		name += f.Name + ":" + l.name + " "
	}
	return layout{name + "}",
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
	return layout{"[]" + of.name,
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
	return layout{"*" + to.name,
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

// A time is kept to the nanosecond, as UTC.
func writeTime(b []byte, v reflect.Value) []byte {
	t, _ := reflect.TypeAssert[time.Time](v)
	return binary.AppendUvarint(binary.AppendVarint(b, t.Unix()), uint64(t.Nanosecond()))
}

func readTime(u *unpacker, v reflect.Value) {
	t := time.Unix(u.int(), int64(u.uint()%uint64(time.Second))).UTC()
	*v.Addr().Interface().(*time.Time) = t
}

// Sequences are kept as the differences from one to the next.
func writeSequences(b []byte, v reflect.Value) []byte {
	all, _ := reflect.TypeAssert[[]uint64](v)
	b, before := appendLength(b, v), uint64(0)
	for _, seq := range all {
		b, before = binary.AppendUvarint(b, seq-before), seq
	}
	return b
}

func readSequences(u *unpacker, v reflect.Value) {
	n, there := u.length()
	if !there {
		return
	}
	all, before := make([]uint64, n), uint64(0)
	for i := range all {
		before += u.uint()
		all[i] = before
	}
	*v.Addr().Interface().(*[]uint64) = all
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

// appendAny writes what JSON can hold, each value after a letter for its sort.
func appendAny(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, 'n')
	case bool:
		return appendBool(append(b, 'b'), v)
	case float64:
		return binary.BigEndian.AppendUint64(append(b, 'f'), math.Float64bits(v))
	case string:
		return appendString(append(b, 's'), v)
	case []any:
		b = binary.AppendUvarint(append(b, 'l'), uint64(len(v))+1)
		for _, x := range v {
			b = appendAny(b, x)
		}
		return b
	case map[string]any:
		b = binary.AppendUvarint(append(b, 'm'), uint64(len(v))+1)
		for _, k := range slices.Sorted(maps.Keys(v)) {
			b = appendAny(appendString(b, k), v[k])
		}
		return b
	}
	panic(fmt.Sprintf("fsm: a %T in JSON", v))
}

// deepest is how deep objects may be nested: deeper ones are never decoded.
const deepest = 200

func (u *unpacker) any(depth int) any {
	sort := u.take(1)
	if depth > deepest {
		u.fail()
	}
	switch sort {
	case "n":
		return nil
	case "b":
		return u.uint() == 1
	case "f":
		return u.float()
	case "s":
		return u.string()
	case "l":
		n, _ := u.length()
		list := make([]any, n)
		for i := range list {
			list[i] = u.any(depth + 1)
		}
		return list
	case "m":
		n, _ := u.length()
		m := make(map[string]any, n)
		for range n {
			k := u.string()
			m[k] = u.any(depth + 1)
		}
		return m
	}
	u.fail()
	return nil
}

func (u *unpacker) float() float64 {
	raw := u.take(8)
	if len(raw) < 8 {
		return 0
	}
	return math.Float64frombits(binary.BigEndian.Uint64([]byte(raw)))
}
