package kube

import (
	"encoding/json"
	"strconv"
)

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
