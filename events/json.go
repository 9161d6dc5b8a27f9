package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is how deep JSON may be nested: Kubernetes objects stay far below.
const MaxDepth = 100

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

// TextFault is a fault of a text and the byte at which it was found. The field is empty where the text is no JSON.
type TextFault struct {
	FieldError
	Offset int
}

// ParseJSON reads the JSON value that a text begins with and says how many bytes it has. Numbers stay as they are
// written. What encoding/json would change without a word is a fault: a key that is there twice, bytes that are not
// UTF-8, half of a surrogate pair. All such faults are told; a text that is no JSON has one fault more, the last.
func ParseJSON(data []byte) (value any, size int, faults []TextFault) {
	r := &jsonReader{}
	r.d.Reset(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	value, err := r.value()
	at := int(r.d.InputOffset())
	if err == nil {
		return value, at, r.faults
	}
	message, syntax := err.Error(), (*jsontext.SyntacticError)(nil)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF): // what is missing is missed behind what was read last
		message = io.ErrUnexpectedEOF.Error()
	case errors.As(err, &syntax):
		at, message = min(int(syntax.ByteOffset), len(data)), syntax.Err.Error()
	}
	return nil, at, append(r.faults, TextFault{FieldError{"", message}, at})
}

// parseJSON reads one JSON value and nothing after it; an empty input is an empty object.
func parseJSON(data []byte) (any, []FieldError) {
	if len(bytes.TrimSpace(data)) == 0 {
		return map[string]any{}, nil
	}
	v, size, found := ParseJSON(data)
	var faults []FieldError
	for _, f := range found {
		if f.Field == "" {
			f.FieldError = FieldError{"body", "not JSON: " + f.Message}
		}
		faults = append(faults, f.FieldError)
	}
	if faults == nil && len(bytes.TrimLeft(data[size:], " \t\r\n")) > 0 {
		faults = []FieldError{{"body", "not JSON: something follows the JSON value"}}
	}
	return v, faults
}

// jsonReader reads a value token by token and knows the path to where it is.
type jsonReader struct {
	d      jsontext.Decoder
	path   []pathStep
	faults []TextFault
}

// pathStep is a key of an object, or the index of a list's entry.
type pathStep struct {
	key   string
	index int // -1 for a key
}

func (r *jsonReader) fault(at int, message string) {
	path := ""
	for _, s := range r.path {
		if s.index < 0 {
			path = join(path, Truncate(s.key))
		} else {
			path += "[" + strconv.Itoa(s.index) + "]"
		}
	}
	if path == "" {
		path = "body"
	}
	r.faults = append(r.faults, TextFault{FieldError{path, message}, at})
}

func (r *jsonReader) value() (any, error) {
	if len(r.path) > MaxDepth {
		return nil, fmt.Errorf("nested deeper than %d", MaxDepth)
	}
	switch r.d.PeekKind() {
	case '{':
		return r.object()
	case '[':
		return r.list()
	case '"':
		raw, err := r.d.ReadValue()
		if err != nil {
			return nil, err
		}
		return r.text(raw, false), nil
	}
	raw, err := r.d.ReadValue()
	if err != nil {
		return nil, err
	}
	switch raw.Kind() {
	case 't', 'f':
		return raw.Kind() == 't', nil
	case 'n':
		return nil, nil
	}
	return json.Number(raw), nil
}

// text is what a string says that has been read just now. What of it is no text is a fault, of a key one of what it names.
func (r *jsonReader) text(raw []byte, key bool) string {
	text, err := jsontext.AppendUnquote(nil, raw)
	if key {
		r.path = append(r.path, pathStep{string(text), -1})
	}
	switch at := int(r.d.InputOffset()) - len(raw); {
	case err != nil && !utf8.Valid(raw):
		r.fault(at, "has bytes that are not UTF-8")
	case err != nil:
		r.fault(at, "has half of a surrogate pair")
	}
	return string(text)
}

func (r *jsonReader) object() (any, error) {
	m := map[string]any{}
	depth := len(r.path)
	if _, err := r.d.ReadToken(); err != nil {
		return nil, err
	}
	for r.d.PeekKind() != '}' {
		raw, err := r.d.ReadValue()
		if err != nil {
			return nil, err
		}
		key := r.text(raw, true)
		if _, twice := m[key]; twice {
			r.fault(int(r.d.InputOffset()), "this key is there twice")
		}
		if m[key], err = r.value(); err != nil {
			return nil, err
		}
		r.path = r.path[:depth]
	}
	_, err := r.d.ReadToken()
	return m, err
}

func (r *jsonReader) list() (any, error) {
	list := []any{}
	depth := len(r.path)
	if _, err := r.d.ReadToken(); err != nil {
		return nil, err
	}
	for r.d.PeekKind() != ']' {
		r.path = append(r.path, pathStep{"", len(list)})
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		r.path = r.path[:depth]
	}
	_, err := r.d.ReadToken()
	return list, err
}
