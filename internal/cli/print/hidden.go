package print

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
	"go.yaml.in/yaml/v3"
	sigs "sigs.k8s.io/yaml"
)

// EscapeJSON escapes what hides itself in JSON: for a program it stays the same. Outside of strings there is none but
// line ends.
func EscapeJSON(text []byte) []byte {
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

// YAMLText writes JSON as YAML. What hides itself is escaped, for which its text has to be in double quotes.
func YAMLText(raw json.RawMessage) ([]byte, error) {
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
	return escapeHidden(text, client.EscapeRune), nil
}

func quote(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && hides([]byte(n.Value)) {
		n.Style = yaml.DoubleQuotedStyle
	}
	for _, c := range n.Content {
		quote(c)
	}
}
