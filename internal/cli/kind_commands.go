package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/manifest"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

// newKindCommand is "aerie KIND VERB ID" for every verb of a kind.
func newKindCommand(k events.Kind) *cobra.Command {
	verbs := events.Verbs(k)
	cmd := &cobra.Command{
		Use:     string(k),
		Aliases: []string{k.Plural()},
		Short:   fmt.Sprintf("Command one %s: %s", k, strings.Join(verbs, ", ")),
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return client.Invalid("verb", "is missing%s", events.Suggest("", verbs))
			}
			return unknownVerb(k, args[0])
		},
	}
	// Flags of a verb that is not known can't be known either: the verb is what is wrong.
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		if args := c.Flags().Args(); c == cmd && len(args) > 0 {
			return unknownVerb(k, args[0])
		}
		return flagError(c, err)
	})
	for _, v := range verbs {
		cmd.AddCommand(newVerbCommand(k, v))
	}
	if k == events.Account {
		cmd.AddCommand(newBootstrapCommand())
	}
	return cmd
}

func unknownVerb(k events.Kind, verb string) error {
	return client.Invalid("verb", "a %s has no verb %q%s", k, events.Truncate(verb), events.Suggest(verb, events.Verbs(k)))
}

// verbFlags are what a command is made of.
type verbFlags struct {
	conn client.Connection
	client.WaitFlags
	print.Output
	spec     string
	values   valueFlags
	base     map[string]any // the present spec, of which only values are changed
	labels   []string
	body     string
	dryRun   bool
	cascade  bool
	to       int // the revision of a rollback
	customer string
	version  string
	on       string             // the dataplane that an adopted tenant is on
	uid      string             // of the incarnation that is adopted or disowned
	site     events.OrphanQuery // where a disowned dataplane is looked for
}

func (f *verbFlags) uidFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.uid, "uid", "", "the incarnation, as \"aerie orphans\" lists it")
}

func (f *verbFlags) onFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.on, "dataplane", "", "of a tenant: the dataplane that its namespace is on, such as -/eu")
}

// specFlags are what an entity is made of.
func (f *verbFlags) specFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.spec, "spec", "", "the spec, as JSON or YAML")
	cmd.Flags().StringArrayVarP(&f.labels, "label", "l", nil, "a label, as k=v; repeatable; given ones replace all")
	cmd.Flags().StringVar(&f.body, "body", "", "a file with labels and spec, as JSON or YAML; - is standard input")
}

func (f *verbFlags) cascadeFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.cascade, "cascade", false, "delete what uses it too; for customers, dataplanes and tenants")
}

func newVerbCommand(k events.Kind, verb string) *cobra.Command {
	var f verbFlags
	cmd := &cobra.Command{
		Use:               verb + " ID",
		Short:             short(k, verb),
		ValidArgsFunction: completeID(&f.conn, k),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.Check(); err != nil {
				return err
			}
			ref, err := onlyID(k, words(cmd, args))
			if err != nil {
				return err
			}
			c := client.Command{Ref: ref, Verb: verb, DryRun: f.dryRun}
			if err := f.decide(cmd, &c); err != nil {
				return err
			}
			return f.run(cmd, c)
		},
	}
	f.conn.Flags(cmd)
	f.WaitFlags.Flags(cmd)
	f.Output.Flags(cmd, print.Table, print.JSON, print.YAML, print.Name)
	platformIDs(cmd)
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "let the server decide without changing anything")
	switch verb {
	case events.VerbRetry:
		return cmd
	case events.VerbDelete:
		f.cascadeFlag(cmd)
		return cmd
	case events.VerbAttach, events.VerbDetach:
		cmd.Flags().StringVar(&f.customer, "customer", "", "the customer, such as acme")
		return cmd
	case events.VerbUpgrade:
		cmd.Flags().StringVar(&f.version, "version", "", "the next minor version of Kubernetes, such as 1.37")
		return cmd
	case events.VerbRollback:
		cmd.Flags().IntVar(&f.to, "to", 0, "the revision that is wanted back (default: the one before)")
		return cmd
	case events.VerbDisown:
		f.uidFlag(cmd)
		siteFlags(cmd, &f.site)
		return cmd
	case events.VerbAdopt:
		f.uidFlag(cmd)
		if k == events.Tenant {
			f.onFlag(cmd)
		}
	}
	f.specFlags(cmd)
	f.values.flags(cmd, k)
	return cmd
}

func short(k events.Kind, verb string) string {
	switch verb {
	case events.VerbCreate:
		return "Create a " + string(k)
	case events.VerbUpdate:
		return "Replace labels or spec of a " + string(k) + "; what is not given stays"
	case events.VerbDelete:
		return "Delete a " + string(k) + " and everything made for it"
	case events.VerbRetry:
		return "Try again now what failed or waits for its next attempt"
	case events.VerbAttach:
		return "Give a customer a place on a " + string(k)
	case events.VerbDetach:
		return "Take a customer's place on a " + string(k) + " away"
	case events.VerbUpgrade:
		return "Bring a " + string(k) + " to the next Kubernetes version: control plane, pools, add-ons"
	case events.VerbRollback:
		return "Bring back what was deployed before"
	case events.VerbAdopt:
		return "Make a " + string(k) + " of what carries a mark that the log does not know"
	case events.VerbDisown:
		return "Remove what carries a mark of this " + string(k) + " that the log does not know"
	}
	return "Command a " + string(k) + " to " + verb
}

// encode makes the command's body and checks it with the server's own decoder.
func (f *verbFlags) encode(cmd *cobra.Command, k events.Kind, verb string) ([]byte, error) {
	switch verb {
	case events.VerbRetry:
		return []byte("{}"), nil
	case events.VerbDelete:
		return events.Encode(events.Delete{Cascade: f.cascade})
	case events.VerbRollback:
		return events.Encode(events.Rollback{To: f.to})
	}
	raw, err := f.given(cmd, verb)
	if err != nil {
		return nil, err
	}
	if body, isMap := raw.(map[string]any); isMap && verb == events.VerbAdopt {
		body["uid"] = f.uid
		if f.on != "" {
			body["dataplane"] = f.on
		}
	}
	body, err := events.Encode(raw)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", verb, err)
	}
	if _, err := events.DecodeAsk(k, verb, body); err != nil {
		return nil, err
	}
	return body, nil
}

// given is the body as flags or a file have it.
func (f *verbFlags) given(cmd *cobra.Command, verb string) (any, error) {
	switch verb {
	case events.VerbAttach, events.VerbDetach:
		return map[string]any{"customer": f.customer}, nil
	case events.VerbUpgrade:
		return map[string]any{"version": f.version}, nil
	case events.VerbDisown:
		return events.Disown{UID: f.uid, Account: f.site.Account, Region: f.site.Region}, nil
	}
	if f.body != "" {
		if f.spec != "" || len(f.labels) > 0 || f.values.given() {
			return nil, client.Invalid("--body", "is there with --spec, --label, --values or --set: give one or the other")
		}
		return bodyFile(f.body, cmd.InOrStdin())
	}
	raw := map[string]any{}
	if len(f.labels) > 0 {
		labels := map[string]any{}
		for _, l := range f.labels {
			key, value, ok := strings.Cut(l, "=")
			if !ok {
				return nil, client.Invalid("--label", "%q: want k=v", events.Truncate(l))
			}
			labels[key] = value
		}
		raw["labels"] = labels
	}
	if f.spec != "" {
		spec, err := manifest.DecodeOne("--spec", "", []byte(f.spec))
		if err != nil {
			return nil, err
		}
		raw["spec"] = spec
	}
	return raw, f.giveValues(raw, cmd.InOrStdin())
}

func bodyFile(path string, stdin io.Reader) (any, error) {
	data, err := manifest.ReadFile(path, stdin)
	var r *events.Refusal
	if errors.As(err, &r) {
		r.Details[0].Field = "--body"
	}
	if err != nil {
		return nil, err
	}
	raw, err := manifest.DecodeOne("--body", path, data)
	if raw == nil && err == nil {
		raw = map[string]any{}
	}
	return raw, err
}

// ofPart tells whether a command changes a part of the spec that is there.
func (f *verbFlags) ofPart(c client.Command) bool {
	return c.Verb == events.VerbUpdate && f.values.given() && f.spec == ""
}

// decide makes the body of a command, of a part on what is there now.
func (f *verbFlags) decide(cmd *cobra.Command, c *client.Command) (err error) {
	if f.ofPart(*c) {
		if f.base, c.Seq, err = f.present(cmd, c.Ref); err != nil {
			return err
		}
	}
	c.Body, err = f.encode(cmd, c.Ref.Kind, c.Verb)
	return err
}

// send gives a command. One that changes a part of what is there is decided again where somebody else was faster.
func (f *verbFlags) send(ctx context.Context, cmd *cobra.Command, cl *client.Client, c client.Command) (events.Answer, error) {
	for {
		a, err := cl.Send(ctx, c)
		var r *events.Refusal
		if !f.ofPart(c) || !errors.As(err, &r) || r.Code != events.Conflict {
			return a, err
		}
		if err := f.decide(cmd, &c); err != nil {
			return a, err
		}
	}
}

func (f *verbFlags) run(cmd *cobra.Command, c client.Command) error {
	ctx, cancel, err := f.Bound(cmd.Context())
	if err != nil {
		return err
	}
	defer cancel()
	cl, err := f.conn.Client(cmd)
	if err != nil {
		return err
	}
	defer cl.Close()
	if c.Verb == events.VerbDelete {
		if c.UID, err = cl.UID(ctx, c.Ref); err != nil {
			return err
		}
	}
	a, err := f.send(ctx, cmd, cl, c)
	if err != nil {
		return err
	}
	if err := printAnswer(cmd.OutOrStdout(), f.Format, a, f.dryRun); err != nil || !f.Wait || f.dryRun {
		return err
	}
	out := cmd.OutOrStdout()
	if !slices.Contains([]string{print.Table, print.Wide}, f.Format) {
		out = cmd.ErrOrStderr() // the output is for a program
	}
	return cl.Wait(ctx, []client.Target{{Ref: c.Ref, Seq: a.Entity.Seq}}, out)
}

func printAnswer(w io.Writer, format string, a events.Answer, dryRun bool) error {
	ref := events.Ref{Kind: a.Entity.Kind, Owner: a.Entity.Owner, ID: a.Entity.ID}
	switch format {
	case print.Name:
		return print.Write(w, []byte(client.Plain(ref.Path())+"\n"))
	case print.JSON, print.YAML:
		raw, err := json.Marshal(a)
		if err != nil {
			return fmt.Errorf("write the answer: %w", err)
		}
		return print.Raw(w, format, raw)
	}
	text := client.Plain(sentence(ref, a, dryRun)) + "\n"
	for _, t := range a.Takes {
		text += "  with it " + client.Plain(t) + "\n"
	}
	return print.Write(w, []byte(text))
}

// sentence says in a line what a command did.
func sentence(ref events.Ref, a events.Answer, dryRun bool) string {
	var types []string
	for _, e := range a.Events {
		types = append(types, e.Type)
	}
	what := cmp.Or(strings.Join(types, ", "), "nothing new")
	if dryRun {
		return fmt.Sprintf("%s: would be: %s; nothing was changed", ref, what)
	}
	return fmt.Sprintf("%s: %s; %s at sequence %d", ref, what, a.Entity.Phase, a.Seq)
}
