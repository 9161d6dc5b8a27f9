package print

import (
	"cmp"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"

	"github.com/aeriehq/aerie/internal/client"
)

// Screen is what a table is written for.
type Screen struct {
	Width  int  // in columns; 0: no terminal, so that a line may be as long as it must be
	Colour bool // phases that are trouble may have a colour
}

// ScreenOf finds out what is written to. NO_COLOR and TERM=dumb forbid colours.
func ScreenOf(w io.Writer) Screen {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return Screen{}
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		width = 0
	}
	return Screen{Width: width, Colour: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

const (
	gap      = 2  // columns between two cells
	leastFit = 10 // columns that are left of a cell when a table is made to fit
)

// colours are those of phases: red is over, yellow is not as it should be.
var colours = map[string]string{"Failed": "\x1b[31m", "Degraded": "\x1b[33m"}

const plainColour = "\x1b[0m"

// grid is a table as text: cells in columns that fit a screen.
type grid struct {
	screen Screen
	head   []string
	keep   []bool // columns that are never cut, such as names; nil: none
	widths []int  // of the columns so far
}

// add makes lines of rows. Columns that were made for earlier rows stay as wide at least.
func (g *grid) add(rows [][]string) []string {
	for _, row := range rows {
		for i, cell := range row {
			row[i] = cmp.Or(client.Plain(cell), "-")
		}
	}
	g.measure(rows)
	var lines []string
	for _, row := range rows {
		lines = append(lines, g.line(row))
	}
	return lines
}

// measure makes the columns as wide as their cells, and cuts the widest until a line fits.
func (g *grid) measure(rows [][]string) {
	if g.widths == nil {
		g.widths = make([]int, len(g.head))
	}
	for _, row := range append(rows[:len(rows):len(rows)], g.head) {
		for i, cell := range row {
			g.widths[i] = max(g.widths[i], runewidth.StringWidth(cell))
		}
	}
	for over := g.over(); g.screen.Width > 0 && over > 0; over = g.over() {
		widest, next := -1, leastFit
		for i, n := range g.widths {
			switch least := max(leastFit, runewidth.StringWidth(g.head[i])); {
			case g.keeps(i) || n <= least:
			case widest < 0 || n > g.widths[widest]:
				if widest >= 0 {
					next = max(next, g.widths[widest])
				}
				widest = i
			default:
				next = max(next, n)
			}
		}
		if widest < 0 {
			return // nothing can be cut any more: the terminal breaks the lines
		}
		least := max(leastFit, runewidth.StringWidth(g.head[widest]))
		g.widths[widest] = max(least, g.widths[widest]-over, min(next, g.widths[widest]-1))
	}
}

func (g *grid) keeps(i int) bool { return i < len(g.keep) && g.keep[i] }

// over is by how much a line is too long.
func (g *grid) over() int {
	n := -gap
	for _, w := range g.widths {
		n += w + gap
	}
	return n - g.screen.Width
}

// line writes one row.
func (g *grid) line(row []string) string {
	var b strings.Builder
	for i, cell := range row {
		n := g.widths[i]
		if g.screen.Width > 0 {
			cell = runewidth.Truncate(cell, n, "…")
		}
		pad := strings.Repeat(" ", max(0, n-runewidth.StringWidth(cell))+gap)
		if c := colours[cell]; c != "" && g.screen.Colour && g.head[i] == phaseHead {
			cell = c + cell + plainColour
		}
		b.WriteString(cell + pad)
	}
	return strings.TrimRight(b.String(), " ")
}

// Rows writes rows under a head, each column as wide as it must be, or as fits.
func Rows(w io.Writer, head []string, rows [][]string) error {
	g := grid{screen: ScreenOf(w), head: head}
	lines := g.add(rows)
	return writeLines(w, slices.Insert(lines, 0, g.line(head)))
}

// MoreRows writes rows as Rows does, of a table whose head was written before.
func MoreRows(w io.Writer, head []string, rows [][]string) error {
	g := grid{screen: ScreenOf(w), head: head}
	return writeLines(w, g.add(rows))
}

func writeLines(w io.Writer, lines []string) error {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
	return Write(w, []byte(b.String()))
}
