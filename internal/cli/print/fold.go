package print

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// leastColumn is the narrowest column that words are still put into.
const leastColumn = 20

// Fold breaks the lines of a help text that are longer than a width: paragraphs as a whole, flags and commands below their
// descriptions. Examples stay as they are, to be copied.
func Fold(text string, width int) string {
	var b strings.Builder
	examples := false
	var paragraph []string
	end := func() {
		b.WriteString(wrapParagraph(paragraph, width))
		paragraph = nil
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line != "" && line[0] != ' ' {
			examples = line == "Examples:"
			paragraph = append(paragraph, line)
			continue
		}
		end()
		if examples || runewidth.StringWidth(line) <= width {
			b.WriteString(line + "\n")
			continue
		}
		b.WriteString(wrapWords(line[:described(line)], line[described(line):], width))
	}
	end()
	return b.String()
}

// described is where the description of a flag or a command begins: after a name and two spaces or more.
func described(line string) int {
	name := len(line) - len(strings.TrimLeft(line, " "))
	if gap := strings.Index(line[name:], "  "); gap >= 0 {
		rest := line[name+gap:]
		return name + gap + len(rest) - len(strings.TrimLeft(rest, " "))
	}
	return name
}

// wrapParagraph breaks lines anew if one of them is too long.
func wrapParagraph(lines []string, width int) string {
	for _, l := range lines {
		if runewidth.StringWidth(l) > width {
			return wrapWords("", strings.Join(lines, " "), width)
		}
	}
	return strings.Join(append(lines, ""), "\n")
}

// wrapWords writes words behind what a line begins with; further lines are indented as far.
func wrapWords(begin, words string, width int) string {
	indent := runewidth.StringWidth(begin)
	if width-indent < leastColumn {
		return begin + words + "\n" // too narrow for a column: the terminal breaks it
	}
	var b strings.Builder
	b.WriteString(begin)
	at := indent
	for i, w := range strings.Fields(words) {
		n := runewidth.StringWidth(w)
		switch {
		case i == 0:
		case at+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(w)
		at += n
	}
	return b.String() + "\n"
}
