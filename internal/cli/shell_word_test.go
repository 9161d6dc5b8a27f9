package cli

import (
	"os/exec"
	"testing"

	"github.com/aeriehq/aerie/internal/cli/print"
)

// What is printed to be pasted is one word to a shell, whatever is in it.
func TestShellWord(t *testing.T) {
	for text, want := range map[string]string{"/tmp/a-b_c.d": "/tmp/a-b_c.d", "a b": "'a b'", "it's $HOME": `'it'\''s $HOME'`, "": "''", "a;b": "'a;b'", "é\n": "'é\n'"} {
		word := print.ShellWord(text)
		if word != want {
			t.Errorf("%q is %s", text, word)
		}
		if out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+word).Output(); err != nil || string(out) != text {
			t.Errorf("a shell reads %s as %q, %v", word, out, err)
		}
	}
}
