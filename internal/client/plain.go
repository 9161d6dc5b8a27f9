package client

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/aeriehq/aerie/events"
)

// Plain makes one line of a text that shows all it has: messages come from clouds and charts, values from anybody. What
// would move the cursor, colour the terminal or turn the text around is written as Go would write it.
func Plain(s string) string {
	if strings.IndexFunc(s, events.Disguises) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == '\n' || r == '\t':
			b.WriteByte(' ')
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case r != utf8.RuneError && events.Disguises(r):
			b.WriteString(EscapeRune(r))
		default:
			b.WriteRune(r)
		}
		s = s[size:]
	}
	return b.String()
}

// EscapeRune writes a character as \x1b, \u202e or \U000e0001, as Go and YAML do.
func EscapeRune(r rune) string {
	switch {
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}
