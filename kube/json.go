package kube

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// Decode reads an object from JSON. Whole numbers stay whole: encoding/json alone would make floats of them.
func Decode(data []byte) (Object, error) {
	var m map[string]any
	if err := decode(data, &m); err != nil {
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

func decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(into)
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

// asRead is a copy of the object in the types that it has when it is read from a cluster: as if it were written as JSON
// and decoded again.
func (o Object) asRead() (Object, error) {
	v, err := asRead(map[string]any(o))
	return table(v), err
}

func asRead(v any) (any, error) {
	switch x := v.(type) {
	case nil, bool, int64:
		return v, nil
	case int:
		return int64(x), nil
	case string:
		if utf8.ValidString(x) {
			return x, nil
		}
	case Object:
		return asRead(map[string]any(x))
	case map[string]any:
		if x != nil {
			return tableAsRead(x)
		}
	case []any:
		if x != nil {
			return listAsRead(x)
		}
	}
	return throughJSON(v)
}

func tableAsRead(m map[string]any) (any, error) {
	c := make(map[string]any, len(m))
	for k, e := range m {
		if !utf8.ValidString(k) {
			return throughJSON(m)
		}
		read, err := asRead(e)
		if err != nil {
			return nil, err
		}
		c[k] = read
	}
	return c, nil
}

func listAsRead(l []any) (any, error) {
	c := make([]any, len(l))
	for i, e := range l {
		read, err := asRead(e)
		if err != nil {
			return nil, err
		}
		c[i] = read
	}
	return c, nil
}

// throughJSON is the long way, for all that is rare.
func throughJSON(v any) (any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var read any
	err = decode(data, &read)
	return plain(read), err
}
