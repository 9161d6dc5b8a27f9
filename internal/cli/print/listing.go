package print

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

// Listing says how entities of a kind are shown. Its zero value, but for kind and format, is what fits anywhere.
type Listing struct {
	Kind       events.Kind
	Format     string // of -o
	NoHeaders  bool
	ShowLabels bool
	SortBy     string // a path; empty: as they come
	Screen     Screen
	Now        time.Time // ages are told by it; zero: the present

	columns []customColumn
	path    path
	grid    *grid
	headed  bool
}

// Flags adds what goes with -o.
func (l *Listing) Flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&l.NoHeaders, "no-headers", false, "leave out the heads of a table")
	f.BoolVar(&l.ShowLabels, "show-labels", false, "show the labels in a table")
	f.StringVar(&l.SortBy, "sort-by", "", "put what was read in the order of a field, by its path, such as .spec.plan")
}

// Prepare reads what the format and the order have behind them.
func (l *Listing) Prepare() (err error) {
	if spec, is := strings.CutPrefix(l.Format, CustomColumns); is {
		if l.columns, err = parseColumns(spec); err != nil {
			return err
		}
	}
	if template, is := strings.CutPrefix(l.Format, JSONPath); is {
		if l.path, err = newPath("-o", template); err != nil {
			return err
		}
	}
	if l.SortBy != "" {
		_, err = newFieldPath("--sort-by", l.SortBy)
	}
	return err
}

// Sorted is a list in the order that is wanted.
func (l *Listing) Sorted(all client.List) (client.List, error) {
	if l.SortBy == "" {
		return all, nil
	}
	p, err := newFieldPath("--sort-by", l.SortBy)
	if err != nil {
		return all, err
	}
	all = client.List{AsOf: all.AsOf, Items: slices.Clone(all.Items), Next: all.Next}
	return all, sortBy(p, all.Items)
}

// List writes a list.
func (l *Listing) List(w io.Writer, all client.List) error {
	all, err := l.Sorted(all)
	if err != nil {
		return err
	}
	if l.Format != JSON && l.Format != YAML && l.path.JSONPath == nil {
		return l.Items(w, all.Items)
	}
	raw, err := all.JSON()
	if err != nil {
		return err
	}
	return l.document(w, raw)
}

// One writes one entity.
func (l *Listing) One(w io.Writer, raw json.RawMessage) error {
	if l.Format == JSON || l.Format == YAML || l.path.JSONPath != nil {
		return l.document(w, raw)
	}
	return l.Items(w, []json.RawMessage{raw})
}

// document writes an answer as such.
func (l *Listing) document(w io.Writer, raw json.RawMessage) error {
	if l.path.JSONPath == nil {
		return Raw(w, l.Format, raw)
	}
	text, err := l.path.write(raw)
	if err != nil {
		return err
	}
	return Write(w, text)
}

// RawList writes a list as the HTTP answer has it.
func RawList(w io.Writer, format string, l client.List) error {
	raw, err := l.JSON()
	if err != nil {
		return err
	}
	return Raw(w, format, raw)
}

// Items writes entities as rows, names, or one document after the other. Called again it goes on below: the heads are
// written once, and columns do not become narrower.
func (l *Listing) Items(w io.Writer, items []json.RawMessage) error {
	switch {
	case l.columns != nil:
		return l.custom(w, items)
	case l.Format == JSON || l.Format == YAML || l.path.JSONPath != nil:
		return l.documents(w, items)
	}
	all, err := client.List{Items: items}.Entities()
	if err != nil {
		return err
	}
	return l.Entities(w, all)
}

func (l *Listing) documents(w io.Writer, items []json.RawMessage) error {
	for _, raw := range items {
		if l.Format == YAML {
			if err := Write(w, []byte("---\n")); err != nil {
				return err
			}
		}
		if err := l.document(w, raw); err != nil {
			return err
		}
	}
	return nil
}

// Entities writes entities as rows or names.
func (l *Listing) Entities(w io.Writer, all []client.Entity) error {
	if l.Format == Name {
		var b bytes.Buffer
		for _, e := range all {
			fmt.Fprintln(&b, client.Plain(e.Ref().Path()))
		}
		return Write(w, b.Bytes())
	}
	now := l.Now
	if now.IsZero() {
		now = time.Now()
	}
	columns := columnsOf(l.Kind, l.Format == Wide, l.ShowLabels)
	if l.grid == nil {
		l.grid = &grid{screen: l.Screen}
		if l.Format == Wide {
			l.grid.screen.Width = 0 // all of it was asked for: the terminal breaks the lines
		}
		for _, c := range columns {
			l.grid.head = append(l.grid.head, c.head)
			l.grid.keep = append(l.grid.keep, c.head == ownerColumn.head || c.head == nameColumn.head)
		}
	}
	var rows [][]string
	for _, e := range all {
		var row []string
		for _, c := range columns {
			cell := c.cell(e, now)
			if l.Format == Table && l.grid.screen.Width == 0 && c.head != labelsColumn.head {
				cell = events.Truncate(cell)
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return l.rows(w, rows)
}

// custom writes the columns that a user has made.
func (l *Listing) custom(w io.Writer, items []json.RawMessage) error {
	if l.grid == nil {
		l.grid = &grid{} // what a user asks for is not cut
		for _, c := range l.columns {
			l.grid.head = append(l.grid.head, c.head)
		}
	}
	var rows [][]string
	for _, raw := range items {
		var row []string
		for _, c := range l.columns {
			cell, err := c.path.cell(raw)
			if err != nil {
				return err
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return l.rows(w, rows)
}

func (l *Listing) rows(w io.Writer, rows [][]string) error {
	lines := l.grid.add(rows)
	if !l.NoHeaders && !l.headed {
		lines = append([]string{l.grid.line(l.grid.head)}, lines...)
	}
	l.headed = true
	return writeLines(w, lines)
}
