package pack

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Reader reads what layouts wrote, one value after the other. The strings it gives are parts of its text, so that nothing has to be
// copied. It is for one goroutine.
type Reader struct {
	text    string
	damaged bool
}

// NewReader reads from a text.
func NewReader(text string) *Reader { return &Reader{text: text} }

// Whole tells whether all that was read was as it had been written, and nothing is left.
func (r *Reader) Whole() bool { return !r.damaged && r.text == "" }

func (r *Reader) fail() { r.damaged, r.text = true, "" }

func (r *Reader) take(n uint64) string {
	if n > uint64(len(r.text)) {
		r.fail()
		return ""
	}
	s := r.text[:n]
	r.text = r.text[n:]
	return s
}

// Uint reads a number.
func (r *Reader) Uint() (v uint64) {
	for i, shift := 0, 0; i < len(r.text) && i < binary.MaxVarintLen64; i, shift = i+1, shift+7 {
		c := r.text[i]
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			r.text = r.text[i+1:]
			return v
		}
	}
	r.fail()
	return 0
}

func (r *Reader) int() int64 {
	v := r.Uint()
	return int64(v>>1) ^ -int64(v&1)
}

func (r *Reader) string() string { return r.take(r.Uint()) }

// length reads the length of a list or a map; there = false is nil. Each entry
// takes a byte at least, so that damage can't ask for all the memory there is.
func (r *Reader) length() (n int, there bool) {
	v := r.Uint()
	if v > uint64(len(r.text))+1 {
		r.fail()
	}
	if v == 0 || r.damaged {
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
	panic(fmt.Sprintf("pack: a %T in JSON", v))
}

// deepest is how deep objects may be nested: deeper ones are never decoded.
const deepest = 200

func (r *Reader) any(depth int) any {
	sort := r.take(1)
	if depth > deepest {
		r.fail()
	}
	switch sort {
	case "n":
		return nil
	case "b":
		return r.Uint() == 1
	case "f":
		return r.float()
	case "s":
		return r.string()
	case "l":
		n, _ := r.length()
		list := make([]any, n)
		for i := range list {
			list[i] = r.any(depth + 1)
		}
		return list
	case "m":
		n, _ := r.length()
		m := make(map[string]any, n)
		for range n {
			k := r.string()
			m[k] = r.any(depth + 1)
		}
		return m
	}
	r.fail()
	return nil
}

func (r *Reader) float() float64 {
	raw := r.take(8)
	if len(raw) < 8 {
		return 0
	}
	return math.Float64frombits(binary.BigEndian.Uint64([]byte(raw)))
}
