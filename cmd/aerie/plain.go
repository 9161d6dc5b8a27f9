package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	sigs "sigs.k8s.io/yaml"

	"github.com/aeriehq/aerie/events"
)

// plain makes one line of a text that shows all it has: messages come from clouds and charts, values from anybody. What
// would move the cursor, colour the terminal or turn the text around is written as Go would write it.
func plain(s string) string {
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
			b.WriteString(escape(r))
		default:
			b.WriteRune(r)
		}
		s = s[size:]
	}
	return b.String()
}

// escape writes a character as \x1b, \u202e or \U000e0001, as Go and YAML do.
func escape(r rune) string {
	switch {
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// escapeJSON escapes what hides itself in JSON: for a program it stays the same. Outside of strings there is none but
// line ends.
func escapeJSON(text []byte) []byte {
	return escapeHidden(text, func(r rune) string {
		if high, low := utf16.EncodeRune(r); r >= 0x10000 {
			return fmt.Sprintf(`\u%04x\u%04x`, high, low)
		}
		return fmt.Sprintf(`\u%04x`, r)
	})
}

// escapeHidden writes what hides itself in a text of lines in another way.
func escapeHidden(text []byte, as func(rune) string) []byte {
	if !hides(text) {
		return text
	}
	var b bytes.Buffer
	for _, r := range string(text) {
		if hidesInLines(r) {
			b.WriteString(as(r))
		} else {
			b.WriteRune(r)
		}
	}
	return b.Bytes()
}

// hides tells whether anything in a text of lines hides itself.
func hides(text []byte) bool { return bytes.ContainsFunc(text, hidesInLines) }

func hidesInLines(r rune) bool { return r != '\n' && r != utf8.RuneError && events.Disguises(r) }

// yamlText writes JSON as YAML. What hides itself is escaped, for which its text has to be in double quotes.
func yamlText(raw json.RawMessage) ([]byte, error) {
	readable := escapeHidden(raw, func(r rune) string {
		if r >= 0x10000 {
			return string(r) // the library reads no pairs
		}
		return fmt.Sprintf(`\u%04x`, r)
	})
	text, err := sigs.JSONToYAML(readable)
	if err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	if !hides(text) {
		return text, nil
	}
	var n yaml.Node
	if err := yaml.Unmarshal(text, &n); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	quote(&n)
	if text, err = yaml.Marshal(&n); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	return escapeHidden(text, escape), nil
}

func quote(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && hides([]byte(n.Value)) {
		n.Style = yaml.DoubleQuotedStyle
	}
	for _, c := range n.Content {
		quote(c)
	}
}
