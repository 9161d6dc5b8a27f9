// Package document reads the files that people have: several documents in YAML or JSON, one after the other, in the text
// encodings and with the line ends of any system. It makes of each what encoding/json would make of it, and where
// something would be lost without a word it has a fault, with the key and the line. It knows nothing of entities. Begin
// reading at Split and Document.Decode. Nothing here keeps anything: all may be called at once.
// An input is read whole, so whoever gives it bounds it. After a crash there is nothing to clean up.
package document

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/aeriehq/aerie/events"
)

// Document is one document of an input, in YAML or JSON.
type Document struct {
	text []byte
	line int  // where it begins in its input, from 1
	json bool // it is JSON beyond doubt
}

// Fault is a fault and the line of the input it is in; 0 if that is not known.
type Fault struct {
	Line int
	events.FieldError
}

func faultAt(line int, field, format string, args ...any) Fault {
	return Fault{line, events.FieldError{Field: field, Message: fmt.Sprintf(format, args...)}}
}

// Text is what is wrong, with the line.
func (f Fault) Text() string {
	if f.Line == 0 {
		return f.Message
	}
	return fmt.Sprintf("%s (line %d)", f.Message, f.Line)
}

const byteOrderMark = "\ufeff"

// Split cuts an input into its documents. YAML has markers between them; JSON documents may also follow each
// other without. What is between documents and is none is a fault.
func Split(data []byte) (docs []Document, faults []Fault) {
	text, fault := plainText(data)
	if fault != nil {
		return nil, []Fault{*fault}
	}
	for _, piece := range splitYAML(text) {
		some, wrong := piece.splitJSON()
		docs, faults = append(docs, some...), append(faults, wrong...)
	}
	return docs, faults
}

// plainText is an input as UTF-8 with a line feed at the end of each line. UTF-16 is what some editors and shells of
// Windows write; it is known by its byte order mark.
func plainText(data []byte) ([]byte, *Fault) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	}
	if order != nil {
		text, ok := fromUTF16(data[2:], order)
		if !ok {
			fault := faultAt(0, "input", "begins as UTF-16 text and is none: save it as UTF-8")
			return nil, &fault
		}
		data = text
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	if i := notText(data); i >= 0 {
		fault := faultAt(1+bytes.Count(data[:i], []byte("\n")), "input", "not UTF-8 text: save it as UTF-8")
		return nil, &fault
	}
	return data, nil
}

func fromUTF16(data []byte, order binary.ByteOrder) ([]byte, bool) {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	var text []byte
	for i := 0; i < len(units); i++ {
		r := rune(units[i])
		if utf16.IsSurrogate(r) {
			if i++; i == len(units) {
				return nil, false
			}
			if r = utf16.DecodeRune(r, rune(units[i])); r == utf8.RuneError {
				return nil, false
			}
		}
		text = utf8.AppendRune(text, r)
	}
	return text, len(data)%2 == 0
}

// notText is where the first byte is that no text has; -1 if there is none.
func notText(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == 0 || r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// splitYAML cuts a YAML stream at its markers, --- and ... at the start of a line; YAML allows them nowhere else. Before
// each document there may be a byte order mark, as where files were joined. Pieces without content are left out.
func splitYAML(data []byte) (docs []Document) {
	s := splitter{data: data}
	at := 0
	for line := range bytes.Lines(data) {
		s.line++
		s.take(at, line)
		at += len(line)
	}
	s.flush(len(data))
	return s.docs
}

// splitter goes through a stream line by line.
type splitter struct {
	data       []byte
	docs       []Document
	line       int  // the one that is taken, from 1
	start      int  // where the piece at hand begins
	startLine  int  // 0: with the first line of its content
	content    bool // something of it was seen
	directives bool // a directive was, which belongs to what follows the next marker
}

func (s *splitter) take(at int, line []byte) {
	end := at
	if bare := bytes.TrimPrefix(line, []byte(byteOrderMark)); len(bare) < len(line) && (!s.content || isMarker(bare, "---") || isMarker(bare, "...")) {
		at, line = at+len(byteOrderMark), bare
		if !s.content && !s.directives {
			s.begin(at)
		}
	}
	switch {
	case isMarker(line, "---"):
		if !s.directives || s.content {
			s.flush(end)
			s.begin(at)
		}
		s.directives = false
		s.content = hasContent(line[3:])
	case isMarker(line, "..."):
		s.flush(end)
		s.begin(at + len(line))
		s.startLine, s.directives = s.line+1, false
	case !s.content && bytes.HasPrefix(line, []byte("%")):
		if !s.directives {
			s.begin(at)
		}
		s.directives = true
	default:
		s.content = s.content || hasContent(line)
	}
}

func (s *splitter) begin(at int) { s.start, s.startLine = at, s.line }

func (s *splitter) flush(end int) {
	if s.content {
		s.docs = append(s.docs, Document{text: s.data[s.start:end], line: max(s.startLine, 1)})
	}
	s.content = false
}

func isMarker(line []byte, marker string) bool {
	rest, ok := bytes.CutPrefix(line, []byte(marker))
	return ok && (len(rest) == 0 || bytes.ContainsAny(rest[:1], " \t\n"))
}

// hasContent tells a line with something on it from blanks and comments.
func hasContent(line []byte) bool {
	line = bytes.TrimLeft(line, " \t\n")
	return len(line) > 0 && line[0] != '#'
}

// splitJSON cuts what begins as JSON into JSON documents, which need no marker between them. What begins with a brace
// and is no JSON may be YAML; what follows a JSON document may not.
func (d Document) splitJSON() (docs []Document, faults []Fault) {
	rest := Document{text: bytes.TrimPrefix(d.text, []byte("---")), line: d.line, json: true}.trimmed()
	for len(rest.text) > 0 {
		if c := rest.text[0]; c != '{' && c != '[' {
			if docs == nil {
				return []Document{d}, nil
			}
			return docs, []Fault{faultAt(rest.line, "document", "something follows the JSON document before it: put --- before a document in YAML")}
		}
		_, size, wrong := events.ParseJSON(rest.text)
		if n := len(wrong); n > 0 && wrong[n-1].Field == "" {
			if docs == nil {
				return []Document{d}, nil
			}
			return docs, []Fault{faultAt(rest.lineAt(size), "document", "not JSON, as the document before it: %s", wrong[n-1].Message)}
		}
		docs = append(docs, Document{rest.text[:size], rest.line, true})
		rest = rest.from(size).trimmed()
	}
	return docs, nil
}

// lineAt is the line of a byte of the document.
func (d Document) lineAt(offset int) int { return d.line + bytes.Count(d.text[:offset], []byte("\n")) }

func (d Document) from(offset int) Document {
	return Document{d.text[offset:], d.lineAt(offset), d.json}
}

// trimmed leaves out blanks and comments at the beginning.
func (d Document) trimmed() Document {
	for {
		d = d.from(len(d.text) - len(bytes.TrimLeft(d.text, " \t\n"+byteOrderMark)))
		if !bytes.HasPrefix(d.text, []byte("#")) {
			return d
		}
		end := bytes.IndexByte(d.text, '\n')
		if end < 0 {
			end = len(d.text)
		}
		d = d.from(end)
	}
}

// Decode reads the document into what encoding/json would have made of it, with numbers as json.Number.
func (d Document) Decode() (value any, faults []Fault) {
	switch {
	case len(d.text) > events.MaxBody && !list.Match(d.text):
		return nil, []Fault{faultAt(d.line, "document", "%d bytes: at most %d", len(d.text), events.MaxBody)}
	case d.json:
		return d.decodeJSON()
	case hidesMarker(d.text):
		return nil, []Fault{faultAt(d.line, "document", "a --- or ... follows an unusual line break: use plain line ends")}
	}
	r := newYAMLReader(d)
	value = r.document()
	return value, r.faults
}

func (d Document) decodeJSON() (value any, faults []Fault) {
	value, _, wrong := events.ParseJSON(d.text)
	for _, f := range wrong {
		faults = append(faults, Fault{d.lineAt(f.Offset), f.FieldError})
	}
	return value, faults
}

// list finds what a list of entities begins with, or has at the left margin. It may be as long as an input; each of its
// items is held to the length of a document when it is read.
var list = regexp.MustCompile(`(?m)\A\{\s*("as_of":[^\[]*,\s*)?"items"\s*:|^items:`)

// hidesMarker finds the document markers that splitYAML does not see: YAML ends lines at three more characters than
// anybody's editor.
func hidesMarker(doc []byte) bool {
	for _, br := range []string{"\u0085", "\u2028", "\u2029"} {
		if bytes.Contains(doc, []byte(br+"---")) || bytes.Contains(doc, []byte(br+"...")) {
			return true
		}
	}
	return false
}

// notInYAML are the escapes of JSON that YAML does not have, or not by halves.
var notInYAML = regexp.MustCompile(`\\(u[0-9a-fA-F]{4}|/)`)

// Lines says in which lines the fields of the document are. It reads it once more: who asks has a fault to tell.
func (d Document) Lines() Lines {
	if d.json { // YAML but for these, and for tabs
		d.text = bytes.ReplaceAll(notInYAML.ReplaceAll(d.text, []byte(`\u0041`)), []byte("\t"), []byte(" "))
	}
	r := newYAMLReader(d)
	r.lines = Lines{"": d.line}
	r.document()
	return r.lines
}

// Lines has the line of each field of a document, by its path.
type Lines map[string]int

// Of is the line of a field, or of the nearest that it would be in.
func (l Lines) Of(path string) int {
	for {
		if line, known := l[path]; known || path == "" {
			return line
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
}
