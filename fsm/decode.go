package fsm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// unpacker reads what a layout wrote. What is read may be parts of text, so that
// nothing has to be copied.
type unpacker struct {
	text string
	err  error
}

// ErrPacked says that a packed entity cannot be read.
var ErrPacked = errors.New("it is not as it was written")

func (u *unpacker) fail() { u.err, u.text = ErrPacked, "" }

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
