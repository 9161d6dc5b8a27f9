package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxDepth is how deep JSON may be nested: Kubernetes objects stay far below.
const maxDepth = 100

// Encode writes a value as JSON in one line, without the escapes that only a page of HTML or JavaScript needs: with them a
// value of angle brackets is six times as large.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return plainSeparators(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// plainSeparators writes U+2028 and U+2029 as they are, which encoding/json escapes whatever it is told. It changes data.
func plainSeparators(data []byte) []byte {
	if !bytes.Contains(data, []byte(`\u202`)) {
		return data
	}
	out := data[:0]
	for rest := data; len(rest) > 0; {
		n := 1
		switch {
		case bytes.HasPrefix(rest, []byte(`\u2028`)):
			out, n = append(out, "\u2028"...), 6
		case bytes.HasPrefix(rest, []byte(`\u2029`)):
			out, n = append(out, "\u2029"...), 6
		case rest[0] == '\\':
			out, n = append(out, rest[:2]...), 2
		default:
			out = append(out, rest[0])
		}
		rest = rest[n:]
	}
	return out
}

// Canonical is the body of a command in the one form that all bodies have which say the same in other white space or in
// another order of keys.
func Canonical(body []byte) ([]byte, error) {
	raw, err := parseJSON(body)
	if err != nil {
		return nil, err
	}
	return Encode(raw)
}

// parseJSON reads one JSON value and nothing after it; an empty input is an empty
// object. A key that is there twice is an error: readers disagree about which
// counts. Numbers stay as they are written.
func parseJSON(data []byte) (any, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return map[string]any{}, nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := parseValue(d, 0)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	return v, nil
}

func parseValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		return parseObject(d, depth)
	case json.Delim('['):
		return parseList(d, depth)
	}
	return t, nil
}

func parseObject(d *json.Decoder, depth int) (any, error) {
	m := map[string]any{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string) // the decoder lets nothing else be a key
		if _, twice := m[name]; twice {
			return nil, fmt.Errorf("the key %q is there twice", Clip(name))
		}
		if m[name], err = parseValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return m, err
}

func parseList(d *json.Decoder, depth int) (any, error) {
	list := []any{}
	for d.More() {
		v, err := parseValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.Token()
	return list, err
}
