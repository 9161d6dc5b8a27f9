package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/aeriehq/aerie/internal/cli/manifest"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

func newDiffCommand() *cobra.Command {
	var conn client.Connection
	var files []string
	p := client.WaitFlags{}
	cmd := &cobra.Command{
		Use:   "diff -f FILE|DIR|-",
		Short: "Show what apply would change",
		Long: `Show what apply would change: for each entity the lines of labels and spec, with
defaults filled in, that would go (-) and come (+). What is as wanted is left out.
The exit code is 0 if there is none, 1 if there are differences, and another if something is wrong.`,
		Args: client.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withManifests(cmd, &conn, &p, files, func(ctx context.Context, cl *client.Client, docs []manifest.Manifest) error {
				steps, faults, err := manifest.Reconcile(ctx, cl, docs)
				if err != nil {
					return err
				}
				if err := manifest.Refuse(faults); err != nil {
					return err
				}
				return cmp.Or(writeDiff(cmd.OutOrStdout(), steps), differ(steps))
			})
		},
	}
	cmd.AddCommand(newDiffPlanCommand())
	conn.Flags(cmd)
	fileFlag(cmd, &files)
	cmd.Flags().DurationVar(&p.Timeout, "timeout", 0, "give up after this long (default 30s)")
	return cmd
}

func writeDiff(w io.Writer, steps []manifest.Step) error {
	var b bytes.Buffer
	for _, s := range steps {
		if s.Verb == "" {
			continue
		}
		fmt.Fprintf(&b, "%s %s%s\n", s.Verb, s.Ref, whenGone(s))
		for _, line := range diffLines(before(s), wanted(s.Labels, manifest.Canonical(s.Spec))) {
			fmt.Fprintln(&b, client.Plain(line))
		}
	}
	return print.Write(w, b.Bytes())
}

// differ is errDiffers if anything would change.
func differ(steps []manifest.Step) error {
	if slices.ContainsFunc(steps, func(s manifest.Step) bool { return s.Verb != "" }) {
		return errDiffers
	}
	return nil
}

// errDiffers ends the program as diff does everywhere, without another word.
var errDiffers error = &client.Failure{Code: "differs", Message: "there are differences", Exit: 1}

// whenGone says of what is going away that it has to be gone first.
func whenGone(s manifest.Step) string {
	if s.Going {
		return fmt.Sprintf(" (with apply --wait, when the one that is %s is gone)", s.Present.Phase)
	}
	return ""
}

// before is what the server has, in the form of wanted.
func before(s manifest.Step) []string {
	if s.Present == nil || s.Going {
		return nil
	}
	return wanted(s.Present.Labels, s.PresentSpec(s.Present))
}

// wanted writes labels and spec as lines of YAML.
func wanted(labels map[string]string, spec json.RawMessage) []string {
	text, err := yaml.Marshal(struct {
		Labels map[string]string `json:"labels,omitempty"`
		Spec   json.RawMessage   `json:"spec"`
	}{labels, spec})
	if err != nil {
		text = spec
	}
	return strings.Split(strings.TrimRight(string(text), "\n"), "\n")
}

const (
	around   = 2       // lines shown around a change
	maxTable = 4 << 20 // cells; above, a change is shown as all out and all in
)

// diffLines is a line diff with a little of what is around each change.
func diffLines(old, new []string) []string {
	head := 0
	for head < len(old) && head < len(new) && old[head] == new[head] {
		head++
	}
	tail := 0
	for tail < len(old)-head && tail < len(new)-head && old[len(old)-1-tail] == new[len(new)-1-tail] {
		tail++
	}
	var all []string
	all = append(all, marked("  ", old[:head])...)
	all = append(all, changes(old[head:len(old)-tail], new[head:len(new)-tail])...)
	all = append(all, marked("  ", old[len(old)-tail:])...)
	return near(all)
}

func marked(mark string, lines []string) (all []string) {
	for _, l := range lines {
		all = append(all, mark+l)
	}
	return all
}

// changes walks the table of longest common parts.
func changes(old, new []string) (all []string) {
	if len(old)*len(new) > maxTable {
		return append(marked("- ", old), marked("+ ", new)...)
	}
	common := commonTable(old, new)
	i, j := 0, 0
	for i < len(old) && j < len(new) {
		switch {
		case old[i] == new[j]:
			all = append(all, "  "+old[i])
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			all = append(all, "- "+old[i])
			i++
		default:
			all = append(all, "+ "+new[j])
			j++
		}
	}
	all = append(all, marked("- ", old[i:])...)
	return append(all, marked("+ ", new[j:])...)
}

// commonTable has at [i][j] how many lines old[i:] and new[j:] have in common.
func commonTable(old, new []string) [][]int32 {
	t := make([][]int32, len(old)+1)
	for i := range t {
		t[i] = make([]int32, len(new)+1)
	}
	for i := len(old) - 1; i >= 0; i-- {
		for j := len(new) - 1; j >= 0; j-- {
			if old[i] == new[j] {
				t[i][j] = t[i+1][j+1] + 1
			} else {
				t[i][j] = max(t[i+1][j], t[i][j+1])
			}
		}
	}
	return t
}

// near leaves out what is far from any change.
func near(all []string) (kept []string) {
	keep := make([]bool, len(all))
	for i, l := range all {
		if strings.HasPrefix(l, "  ") {
			continue
		}
		for j := max(0, i-around); j <= min(len(all)-1, i+around); j++ {
			keep[j] = true
		}
	}
	for i, l := range all {
		if keep[i] {
			kept = append(kept, l)
		} else if i > 0 && keep[i-1] {
			kept = append(kept, "  ...")
		}
	}
	return kept
}
