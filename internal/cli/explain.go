package cli

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

// newExplainCommand is `aerie explain KIND[.FIELD]`. It asks no server: this program knows its kinds.
func newExplainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain KIND[.FIELD]",
		Short: "Describe a kind: its id, its verbs, the fields of its spec",
		Long: "Describe a kind: its id and owner, its verbs, and the fields of its spec with their types, defaults and bounds;\n" +
			"or one field, with those in it.",
		Example: "  aerie explain tenant\n  aerie explain dataplane.systemPool\n  aerie explain plan.spec.quota.cpu",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return explainable(kindsOf(cmd), typed), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return client.Invalid("kind", "want one kind, or a field of it%s", events.Suggest("", kindsOf(cmd).Names()))
			}
			name, path, _ := strings.Cut(args[0], ".")
			d, ok := kindsOf(cmd).Find(name)
			if !ok {
				return client.Invalid("kind", "%q is not a kind%s", events.Truncate(name), events.Suggest(name, kindsOf(cmd).Names()))
			}
			if path = strings.TrimPrefix(strings.TrimPrefix(path, "spec"), "."); path != "" {
				return explainField(cmd, d, path)
			}
			return explainKind(cmd, d)
		},
	}
}

// explainable are the kinds, and behind a kind and a dot its fields.
func explainable(kinds *events.Registry, typed string) []string {
	name, _, dotted := strings.Cut(typed, ".")
	d, ok := kinds.Find(name)
	if !dotted || !ok {
		return kinds.Names()
	}
	var all []string
	for _, f := range fieldsOf(d) {
		all = append(all, name+"."+typedPath(f))
	}
	return all
}

func fieldsOf(d events.Descriptor) []events.Field { return events.FieldsOf(reflect.TypeOf(d.Spec)) }

// typedPath is a field's path as people type it: pools.name, not pools[].name.
func typedPath(f events.Field) string { return strings.ReplaceAll(f.Path, "[]", "") }

func explainKind(cmd *cobra.Command, d events.Descriptor) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "KIND:   %s, in lists %s\n        %s\n", d.Kind, d.Plural, d.Doc)
	fmt.Fprintf(&b, "OWNER:  %s\nID:     %s, where each part has %s\n\nVERBS:\n", d.Owners(), d.IDForm(), events.LabelRule)
	for _, v := range d.Verbs {
		fmt.Fprintf(&b, "  %-8s  %s\n", v.Name, v.DocFor(d))
	}
	b.WriteString("\nSPEC:\n")
	for _, f := range fieldsOf(d) {
		describeField(&b, f)
	}
	return print.Write(cmd.OutOrStdout(), b.Bytes())
}

// explainField describes one field, and those in it.
func explainField(cmd *cobra.Command, d events.Descriptor, path string) error {
	var b bytes.Buffer
	var known []string
	for _, f := range fieldsOf(d) {
		at := typedPath(f)
		known = append(known, at)
		if at == path || strings.HasPrefix(at, path+".") {
			describeField(&b, f)
		}
	}
	if b.Len() == 0 {
		return client.Invalid("field", "%s has no field %q%s", d.A(), events.Truncate(path), events.Suggest(path, known))
	}
	return print.Write(cmd.OutOrStdout(), b.Bytes())
}

func describeField(b *bytes.Buffer, f events.Field) {
	fmt.Fprintf(b, "  %s  <%s>", f.Path, f.TypeName())
	switch {
	case f.Required():
		b.WriteString("  required")
	case f.Default() != "":
		fmt.Fprintf(b, "  default %s", f.Default())
	}
	fmt.Fprintf(b, "\n      %s\n", f.Doc())
	if bounds := f.Bounds(func(s string) string { return s }); bounds != "" {
		fmt.Fprintf(b, "      %s\n", bounds)
	}
}

// newAPIResourcesCommand lists the kinds. It asks no server.
func newAPIResourcesCommand() *cobra.Command {
	var o print.Output
	cmd := &cobra.Command{
		Use:   "api-resources",
		Short: "List the kinds: their names, owners, ids and verbs",
		Args:  client.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(); err != nil {
				return err
			}
			if o.Format == print.Name {
				return print.Write(cmd.OutOrStdout(), []byte(strings.Join(kindsOf(cmd).Names(), "\n")+"\n"))
			}
			var rows [][]string
			for _, d := range kindsOf(cmd).All() {
				rows = append(rows, []string{d.Plural, string(d.Kind), d.Owners(), d.IDForm(), strings.Join(d.VerbNames(), ","), d.Doc})
			}
			return print.Rows(cmd.OutOrStdout(), []string{"NAME", "KIND", "OWNER", "ID", "VERBS", "WHAT IT IS"}, rows)
		},
	}
	o.Flags(cmd, print.Table, print.Name)
	return cmd
}
