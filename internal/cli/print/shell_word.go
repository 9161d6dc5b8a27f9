package print

import (
	"regexp"
	"strings"
)

// bare is what a shell reads as one word, and as it is.
var bare = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// ShellWord is a text as it is pasted into a shell: in quotes where a shell would read it as something else.
func ShellWord(text string) string {
	if bare.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
