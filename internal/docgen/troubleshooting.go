package docgen

import (
	"fmt"
	"slices"
	"strings"

	ev "github.com/aeriehq/aerie/events"
)

// troubleshooting is the page that is written by hand but for what each code of a reason means.
const troubleshooting = "troubleshooting.md"

// The bounds of what is generated in a page that is written by hand.
const (
	fromHere  = "<!-- generated: make generate -->\n"
	untilHere = "<!-- end of generated -->\n"
)

// Troubleshooting writes the generated lines of that page anew: under the heading of each code what it means and what
// follows. A code without a heading gets one, at the end of the chapter, where a person has to say what to do.
func Troubleshooting(text string) string {
	before, chapter, after := reasonChapter(text)
	intro, sections := splitSections(chapter)
	for _, r := range reasonCodes {
		head := heading(r.code)
		i := slices.IndexFunc(sections, func(s string) bool { return strings.HasPrefix(s, head) })
		if i < 0 {
			i, sections = len(sections), append(sections, head+"\n")
		}
		sections[i] = head + "\n" + fromHere + meaning(r.code, r.doc) + "\n" + untilHere + "\n" + advice(sections[i]) + "\n\n"
	}
	return before + intro + strings.Join(sections, "") + after
}

const chapterOfReasons = "\n## By reason code\n"

// reasonChapter finds the chapter that has a section for each code.
func reasonChapter(text string) (before, chapter, after string) {
	before, rest, _ := strings.Cut(text, chapterOfReasons)
	chapter, after, found := strings.Cut(rest, "\n## ")
	if found {
		after = "## " + after
	}
	return before + chapterOfReasons, strings.TrimRight(chapter, "\n") + "\n\n", after
}

// splitSections takes a chapter apart at the headings of its codes.
func splitSections(chapter string) (intro string, sections []string) {
	parts := strings.Split(chapter, "\n### ")
	for _, s := range parts[1:] {
		sections = append(sections, "### "+strings.TrimRight(s, "\n")+"\n")
	}
	return strings.TrimRight(parts[0], "\n") + "\n\n", sections
}

// advice is what a person wrote in a section.
func advice(section string) string {
	if _, written, found := strings.Cut(section, untilHere); found {
		return strings.TrimSpace(written)
	}
	_, written, _ := strings.Cut(section, "\n")
	return strings.TrimSpace(written)
}

func heading(c ev.ReasonCode) string { return fmt.Sprintf("### `%s`\n", c) }

// meaning is what a code says, and what follows by itself.
func meaning(c ev.ReasonCode, doc string) string {
	next := consequence(c)
	if next == "-" {
		next = "it is not a failed attempt"
	}
	if (ev.Reason{Code: c}).Waits() {
		next += "; waiting does not use up the time of its phase"
	}
	return fmt.Sprintf("*%s.* %s.", capital(doc), capital(next))
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
