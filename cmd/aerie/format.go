package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
)

// The formats of -o.
const (
	asTable = "table"
	asWide  = "wide"
	asJSON  = "json"
	asYAML  = "yaml"
	asName  = "name"
)

// output is a format chosen with -o.
type output struct {
	format string
	known  []string
}

func (o *output) flags(cmd *cobra.Command, known ...string) {
	o.known = known
	cmd.Flags().StringVarP(&o.format, "output", "o", known[0], "one of "+strings.Join(known, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(known, cobra.ShellCompDirectiveNoFileComp))
}

func (o *output) check() error {
	if slices.Contains(o.known, o.format) {
		return nil
	}
	return invalid("-o", "%q is no format here%s", events.Clip(o.format), events.Nearest(o.format, o.known))
}

// writeRaw writes an answer of the API as JSON or YAML.
func writeRaw(w io.Writer, format string, raw json.RawMessage) error {
	if format == asYAML {
		text, err := yamlText(raw)
		if err != nil {
			return err
		}
		return write(w, text)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	b.WriteByte('\n')
	return write(w, escapeJSON(b.Bytes()))
}

func write(w io.Writer, data []byte) error {
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	return nil
}

// writeTable writes rows under a head, each column as wide as it must be.
func writeTable(w io.Writer, head []string, rows [][]string) error {
	var b bytes.Buffer
	t := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	for _, row := range append([][]string{head}, rows...) {
		for i, cell := range row {
			row[i] = or(plain(cell), "-")
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write a table: %w", err)
	}
	var out bytes.Buffer
	for line := range bytes.Lines(b.Bytes()) {
		out.Write(bytes.TrimRight(line, " \n"))
		out.WriteByte('\n')
	}
	return write(w, out.Bytes())
}

// ago writes a time span in its largest unit that says something: 42s, 7m, 3h, 2d.
func ago(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// since is ago, of a time that may not be there.
func since(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ago(now.Sub(t))
}

// pairs writes labels as k=v, sorted.
func pairs(labels map[string]string) string {
	var all []string
	for k, v := range labels {
		all = append(all, k+"="+v)
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}
