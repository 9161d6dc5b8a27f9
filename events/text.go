package events

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// checkText refuses what no text may have, wherever it stands: bytes that are not UTF-8, and NUL, at which programs in C
// end a string.
func checkText(path, s string) []FieldError {
	switch {
	case !utf8.ValidString(s):
		return []FieldError{{path, "has bytes that are not UTF-8"}}
	case strings.Contains(s, "\x00"):
		return []FieldError{{path, "has a NUL character (U+0000): leave it out"}}
	}
	return nil
}

// checkLine refuses in a field of one line also what would break the line, or move or turn what stands beside it.
func checkLine(path, s string) []FieldError {
	if faults := checkText(path, s); faults != nil {
		return faults
	}
	if i := strings.IndexFunc(s, Disguises); i >= 0 {
		r, _ := utf8.DecodeRuneInString(s[i:])
		return []FieldError{{path, fmt.Sprintf("has the character %U, which is invisible: want one line of plain text", r)}}
	}
	return nil
}

// Disguises tells whether a character shows nothing and changes how the text around it looks: controls, marks of the
// direction of writing, ends of lines and paragraphs, the byte order mark. Joiners, which Persian, Hindi and emoji are
// written with, are not among them.
func Disguises(r rune) bool {
	const zeroWidthNonJoiner, zeroWidthJoiner = '\u200c', '\u200d'
	if r == zeroWidthNonJoiner || r == zeroWidthJoiner {
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r == utf8.RuneError
}
