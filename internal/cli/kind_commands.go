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

// newKindCommand is "aerie KIND", to which addVerbs adds what can be asked of it.
func newKindCommand(d events.Descriptor) *cobra.Command {
	verbs := d.VerbNames()
	cmd := &cobra.Command{
		Use:     string(d.Kind),
		Aliases: []string{d.Plural},
		Short:   fmt.Sprintf("Command one %s: %s", d.Kind, strings.Join(verbs, ", ")),
		Long:    fmt.Sprintf("Command %s: %s.\n\"aerie explain %s\" describes its spec.", d.A(), d.Doc, d.Kind),
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return client.Invalid("verb", "is missing%s", events.Suggest("", verbs))
			}
			return unknownVerb(d, args[0])
		},
	}
	// Flags of a verb that is not known can't be known either: the verb is what is wrong.
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		if args := c.Flags().Args(); c == cmd && len(args) > 0 {
			return unknownVerb(d, args[0])
		}
		return flagError(c, err)
	})
	return cmd
}

// addVerbs adds "aerie KIND VERB ID" for every verb of a kind.
func addVerbs(cmd *cobra.Command, kinds *events.Registry, d events.Descriptor) {
	for _, v := range d.Verbs {
		if _, secret := v.Body.(interface{ Invites() }); secret {
			cmd.AddCommand(newInviteCommand(kinds, d, v))
			continue
		}
		cmd.AddCommand(newVerbCommand(kinds, d, v))
	}
	switch d.Kind {
	case events.Agent:
		cmd.AddCommand(newAgentRunCommand())
		cmd.AddCommand(newConsentCommands()...)
	case events.Account:
		cmd.AddCommand(newBootstrapCommand())
	case events.Plan:
		cmd.AddCommand(newVersionsCommand())
	case events.Cell:
		cmd.AddCommand(newRebalanceCommand())
	case events.Tenant:
		cmd.AddCommand(newPlaceCommand())
	}
}

func unknownVerb(d events.Descriptor, verb string) error {
	return client.Invalid("verb", "%s has no verb %q%s", d.A(), events.Truncate(verb), events.Suggest(verb, d.VerbNames()))
}

// verbFlags are what a command is made of.
type verbFlags struct {
	kinds *events.Registry
	conn  client.Connection
	client.WaitFlags
	print.Output
	fields fieldFlags        // of the body beside labels and spec
	known  map[string]string // such fields that no flag gives
	spec   string
	parts  fieldFlags // of the spec
	values valueFlags
	base   map[string]any // the present spec, of which only parts are changed
	labels []string
	body   string
	dryRun bool

	bodyText []byte // what is in the file of the body
}

// flags are those of every verb.
func (f *verbFlags) flags(cmd *cobra.Command) {
	f.conn.Flags(cmd)
	f.WaitFlags.Flags(cmd)
	f.Output.Flags(cmd, print.Table, print.JSON, print.YAML, print.Name)
	platformIDs(cmd)
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "let the server decide without changing anything")
}

// specFlags are what an entity is made of.
func (f *verbFlags) specFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.spec, "spec", "", "the spec, as JSON or YAML")
	cmd.Flags().StringArrayVarP(&f.labels, "label", "l", nil, "a label, as k=v; repeatable; given ones replace all")
	cmd.Flags().StringVar(&f.body, "body", "", "a file with labels and spec, as JSON or YAML; - is standard input")
}

func newVerbCommand(kinds *events.Registry, d events.Descriptor, verb events.Verb) *cobra.Command {
	return (&verbFlags{kinds: kinds}).command(d, verb)
}

func (f *verbFlags) command(d events.Descriptor, verb events.Verb) *cobra.Command {
	cmd := &cobra.Command{
		Use:               verb.Name + " ID",
		Short:             verb.DocFor(d),
		ValidArgsFunction: completeID(&f.conn, d.Kind),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.Check(); err != nil {
				return err
			}
			ref, err := onlyID(cmd, d.Kind, words(cmd, args))
			if err != nil {
				return err
			}
			c := client.Command{Ref: ref, Verb: verb.Name, DryRun: f.dryRun}
			if err := f.decide(cmd, &c); err != nil {
				return err
			}
			return f.run(cmd, c)
		},
	}
	f.flags(cmd)
	f.fields.add(cmd, &f.conn, verb.Fields(d.Kind))
	if verb.TakesSpec() {
		f.specFlags(cmd)
		if verb.Name == events.VerbUpdate {
			cmd.Flags().Lookup("spec").Usage = "what of the spec is to be other than now, as JSON or YAML"
		}
		completeLabels(cmd, &f.conn, func(*cobra.Command, []string) events.Kind { return d.Kind }, false)
		f.values.flags(cmd, d.Spec)
		f.parts.add(cmd, &f.conn, d.ScalarFields())
	}
	return cmd
}

// encode makes the command's body and checks it with the server's own decoder.
func (f *verbFlags) encode(cmd *cobra.Command, k events.Kind, verb string) ([]byte, error) {
	raw, err := f.given(cmd)
	if err != nil {
		return nil, err
	}
	if object, ok := raw.(map[string]any); ok {
		for name, value := range f.known {
			object[name] = value
		}
		if err := f.fields.into(object, "the body"); err != nil {
			return nil, err
		}
	}
	body, err := events.Encode(raw)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", verb, err)
	}
	if _, err := f.kinds.DecodeAsk(k, verb, body); err != nil {
		return nil, f.blame(err)
	}
	return body, nil
}

// given is labels and spec as flags or a file have them.
func (f *verbFlags) given(cmd *cobra.Command) (any, error) {
	if f.body != "" {
		if f.spec != "" || len(f.labels) > 0 || f.ofSpec() {
			return nil, client.Invalid("--body", "is there with --spec, --label, --values or --set, or the flag of a field: give one or the other")
		}
		return f.bodyFile(cmd.InOrStdin())
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
		if parts, ok := spec.(map[string]any); ok && f.base != nil {
			merge(f.base, parts)
			raw["spec"] = f.base
		}
	}
	return raw, f.giveParts(raw, cmd.InOrStdin())
}

func (f *verbFlags) bodyFile(stdin io.Reader) (any, error) {
	data, err := manifest.ReadFile(f.body, stdin)
	var r *events.Refusal
	if errors.As(err, &r) {
		r.Details[0].Field = "--body"
	}
	if err != nil {
		return nil, err
	}
	f.bodyText = data
	raw, err := manifest.DecodeOne("--body", f.body, data)
	if raw == nil && err == nil {
		raw = map[string]any{}
	}
	return raw, err
}

// ofSpec tells whether flags give parts of the spec.
func (f *verbFlags) ofSpec() bool { return f.values.given() || f.parts.given() }

// ofPart tells whether a command changes a part of the spec that is there. A body is whole.
func (f *verbFlags) ofPart(c client.Command) bool {
	return c.Verb == events.VerbUpdate && (f.ofSpec() || f.spec != "") && f.body == ""
}

// decide makes the body of a command, of a part on what is there now. Where nothing is there for who asks, the server says what is the
// matter: he may not change it either, as a rule.
func (f *verbFlags) decide(cmd *cobra.Command, c *client.Command) (err error) {
	var unseen error
	if f.ofPart(*c) {
		f.base, c.Seq, unseen = f.present(cmd, c.Ref)
		if unseen != nil && !isNotFound(unseen) {
			return unseen
		}
	}
	c.Body, err = f.encode(cmd, c.Ref.Kind, c.Verb)
	if err != nil && unseen != nil {
		return unseen // of a part alone nothing can be sent
	}
	return err
}

// send gives a command. One that changes a part of what is there is decided again where somebody else was faster.
func (f *verbFlags) send(ctx context.Context, cmd *cobra.Command, cl *client.Client, c client.Command) (events.Answer, error) {
	for {
		a, err := cl.Send(ctx, c)
		var r *events.Refusal
		if !f.ofPart(c) || !errors.As(err, &r) || r.Code != events.Conflict {
			return a, f.blame(err)
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
	if err := cl.Wait(ctx, []client.Target{targetOf(c.Ref, a)}, out); err != nil || c.Verb != events.VerbMove {
		return err
	}
	return cl.MoveEnded(ctx, c.Ref, a.CommandID)
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
	if a.Move != nil {
		text += moveText(*a.Move)
	}
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
