package main

import (
	"bytes"
)

// splitDocuments cuts a YAML stream at its markers, --- and ... at the start of
// a line; YAML allows them nowhere else. Pieces without content are left out.
func splitDocuments(data []byte) (docs [][]byte) {
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	start, content, pos := 0, false, 0
	flush := func(end int) {
		if content {
			docs = append(docs, data[start:end])
		}
		content = false
	}
	directives := false
	for line := range bytes.Lines(data) {
		next := pos + len(line)
		switch {
		case isMarker(line, "---"):
			if !directives || content { // a directive belongs to what follows the marker
				flush(pos)
				start = pos
			}
			directives = false
			content = hasContent(line[3:])
		case isMarker(line, "..."):
			flush(pos)
			start, directives = next, false
		case !content && bytes.HasPrefix(line, []byte("%")):
			if !directives {
				start = pos
			}
			directives = true
		default:
			content = content || hasContent(line)
		}
		pos = next
	}
	flush(len(data))
	return docs
}

func isMarker(line []byte, marker string) bool {
	rest, ok := bytes.CutPrefix(line, []byte(marker))
	return ok && (len(rest) == 0 || bytes.ContainsAny(rest[:1], " \t\n"))
}

// hasContent tells a line with something on it from blanks and comments.
func hasContent(line []byte) bool {
	line = bytes.TrimLeft(line, " \t\n\ufeff")
	return len(line) > 0 && line[0] != '#'
}
