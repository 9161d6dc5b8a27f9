package kube

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Decode reads an object from JSON. Whole numbers stay whole: encoding/json alone would make floats of them.
func Decode(data []byte) (Object, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return nil, &Error{Code: Invalid, Op: "decode", Message: err.Error(), Err: err}
	}
	for k, v := range m {
		m[k] = plain(v)
	}
	return m, nil
}

// UnmarshalJSON is Decode, so that an object within another document is read the same way.
func (o *Object) UnmarshalJSON(data []byte) error {
	read, err := Decode(data)
	*o = read
	return err
}

// plain turns numbers as written into int64 where they are whole and fit, into float64 else.
func plain(v any) any {
	switch x := v.(type) {
	case json.Number:
		if i, err := x.Int64(); err == nil {
			return i
		}
		f, _ := x.Float64()
		return f
	case map[string]any:
		for k, e := range x {
			x[k] = plain(e)
		}
	case []any:
		for i, e := range x {
			x[i] = plain(e)
		}
	}
	return v
}

// AsRead is the object in the types that it has when it is read from a cluster: as if it were written as JSON and decoded
// again. It shares with the original what it can.
func (o Object) AsRead() (Object, error) {
	m := map[string]any(o)
	if isRead(m) {
		return o, nil
	}
	data, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return Decode(data)
}

// isRead says whether a value has those types already. It says no where it would be long to tell.
func isRead(v any) bool {
	switch x := v.(type) {
	case nil, bool, int64:
		return true
	case string:
		return utf8.ValidString(x)
	case map[string]any:
		for k, e := range x {
			if !utf8.ValidString(k) || !isRead(e) {
				return false
			}
		}
		return x != nil
	case []any:
		return x != nil && !slices.ContainsFunc(x, func(e any) bool { return !isRead(e) })
	}
	return false
}

// AppendJSON appends the object as JSON, its fields in no order. It is for who writes many: encoding/json finds out by
// reflection what stands in them, and sorts.
func (o Object) AppendJSON(b []byte) ([]byte, error) { return appendMap(b, o) }

func appendMap(b []byte, m map[string]any) (_ []byte, err error) {
	b = append(b, '{')
	first := true
	for k, v := range m {
		if !first {
			b = append(b, ',')
		}
		first = false
		if b, err = appendText(b, k); err != nil {
			return nil, err
		}
		if b, err = appendValue(append(b, ':'), v); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func appendValue(b []byte, v any) ([]byte, error) {
	switch x := v.(type) {
	case string:
		return appendText(b, x)
	case int64:
		return strconv.AppendInt(b, x, 10), nil
	case map[string]any:
		if x != nil {
			return appendMap(b, x)
		}
	case []any:
		if x != nil {
			return appendList(b, x)
		}
	}
	return appendOther(b, v)
}

func appendList(b []byte, list []any) (_ []byte, err error) {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendValue(b, v); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

// appendText appends a string: nearly all of them stand in JSON as they are.
func appendText(b []byte, s string) ([]byte, error) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return appendOther(b, s)
		}
	}
	return append(append(append(b, '"'), s...), '"'), nil
}

func appendOther(b []byte, v any) ([]byte, error) {
	data, err := json.Marshal(v)
	return append(b, data...), err
}
