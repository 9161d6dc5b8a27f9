// Package print writes what the command line shows: entities as tables, and answers of the API as JSON and YAML, in the
// formats of -o. It asks no server and knows no commands. Whatever a cloud, a chart or a person wrote is shown so that
// it can't move the cursor or hide. Begin reading at Output and List; the columns of each kind are in table.go.
// Nothing here keeps anything: all functions may be called at once.
// A crash leaves half an output at most.
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

// The formats of -o.
const (
	Table = "table"
	Wide  = "wide"
	JSON  = "json"
	YAML  = "yaml"
	Name  = "name"

	JSONPath      = "jsonpath="
	CustomColumns = "custom-columns="
)

// Output is a format chosen with -o.
type Output struct {
	Format string // as -o says it
	known  []string
}

// Flags adds -o with the formats that are known to a command, the first of them if it is not given.
func (o *Output) Flags(cmd *cobra.Command, known ...string) {
	o.known = known
	var named []string
	for _, k := range known {
		named = append(named, k+argument[k])
	}
	cmd.Flags().StringVarP(&o.Format, "output", "o", known[0], "one of "+strings.Join(named, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(known, cobra.ShellCompDirectiveNoFileComp))
}

// argument is what stands behind a format that ends with "=".
var argument = map[string]string{JSONPath: "TEMPLATE", CustomColumns: "HEAD:PATH,..."}

// Check refuses a format that the command does not know.
func (o *Output) Check() error {
	for _, k := range o.known {
		switch rest, is := strings.CutPrefix(o.Format, k); {
		case !is || rest != "" && argument[k] == "":
		case argument[k] != "" && rest == "":
			return client.Invalid("-o", "%s is not complete: want %s%s", o.Format, k, argument[k])
		default:
			return nil
		}
	}
	if want := argument[o.Format+"="]; want != "" && slices.Contains(o.known, o.Format+"=") {
		return client.Invalid("-o", "%s is not complete: want %s=%s", o.Format, o.Format, want)
	}
	return client.Invalid("-o", "%q is no format here%s", events.Truncate(o.Format), events.Suggest(o.Format, o.known))
}

// Raw writes an answer of the API as JSON or YAML.
func Raw(w io.Writer, format string, raw json.RawMessage) error {
	if format == YAML {
		text, err := YAMLText(raw)
		if err != nil {
			return err
		}
		return Write(w, text)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	b.WriteByte('\n')
	return Write(w, EscapeJSON(b.Bytes()))
}

// Write writes what is ready to be shown.
func Write(w io.Writer, data []byte) error {
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	return nil
}

// Ago writes a time span in its largest unit that says something: 42s, 7m, 3h, 2d.
func Ago(d time.Duration) string {
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

// Since is ago, of a time that may not be there.
func Since(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return Ago(now.Sub(t))
}

// Labels writes labels as k=v, sorted.
func Labels(labels map[string]string) string {
	var all []string
	for k, v := range labels {
		all = append(all, k+"="+v)
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}
