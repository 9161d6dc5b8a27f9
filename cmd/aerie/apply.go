package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
)

// applyOptions say how to apply.
type applyOptions struct {
	wait   bool
	dryRun bool
	out    io.Writer // where it says what it did, and with wait what is under way
}

// apply makes the server want what the documents say: it creates what is
// absent, updates what differs and deletes nothing. It sends nothing at all if a
// reference leads nowhere or the server would refuse anything. ctx bounds it all,
// the waiting too.
func (c *client) apply(ctx context.Context, docs []manifest, o applyOptions) error {
	steps, faults, err := c.reconcile(ctx, docs)
	if err != nil {
		return err
	}
	if err := refuseFaults(faults); err != nil {
		return err
	}
	if err := c.foresee(ctx, steps); err != nil {
		return err
	}
	targets, err := c.take(ctx, steps, o)
	if err != nil || !o.wait || o.dryRun {
		return err
	}
	return c.wait(ctx, targets, o.out)
}

// take takes the steps, kind after kind, several of one kind abreast: they never
// refer to each other. What a refusal leaves undone is not tried.
func (c *client) take(ctx context.Context, steps []step, o applyOptions) (targets []target, err error) {
	for len(steps) > 0 {
		n := slices.IndexFunc(steps, func(s step) bool { return s.ref.Kind != steps[0].ref.Kind })
		if n < 0 {
			n = len(steps)
		}
		some, err := c.takeSome(ctx, steps[:n], o)
		targets = append(targets, some...)
		if err != nil {
			return targets, err
		}
		steps = steps[n:]
	}
	return targets, nil
}

func (c *client) takeSome(ctx context.Context, steps []step, o applyOptions) ([]target, error) {
	targets, results := make([]target, len(steps)), make([]error, len(steps))
	err := each(len(steps), func(i int) error {
		targets[i], results[i] = c.takeOne(ctx, steps[i], o.dryRun)
		return results[i]
	})
	for i, s := range steps {
		if results[i] == nil {
			fmt.Fprintf(o.out, "%s %s\n", s.ref, s.done(o.dryRun))
		}
	}
	return targets, err
}

func (c *client) takeOne(ctx context.Context, s step, dryRun bool) (target, error) {
	t := target{ref: s.ref}
	if s.verb == "" || dryRun && s.local {
		return t, nil
	}
	cmd, err := s.command(dryRun)
	if err != nil {
		return t, err
	}
	a, err := c.send(ctx, cmd)
	t.seq = a.Entity.Seq
	return t, s.placed(err)
}

// placed adds where the document stands to a refusal of it.
func (s step) placed(err error) error {
	var r *events.Refusal
	if !errors.As(err, &r) {
		return err
	}
	told := *r
	told.Message = fault{file: s.file, n: s.n, ref: s.ref}.where() + ": " + r.Message
	return &told
}

func (s step) done(dryRun bool) string {
	word := map[string]string{events.VerbCreate: "created", events.VerbUpdate: "updated", "": "unchanged"}[s.verb]
	switch {
	case !dryRun || s.verb == "":
		return word
	case s.local:
		return "would be " + word + " (checked here: it refers to what is not there yet)"
	}
	return "would be " + word
}

func newApplyCommand() *cobra.Command {
	var conn connection
	var p patience
	var files []string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "apply -f FILE|DIR|-",
		Short: "Create and update what manifests describe",
		Long: `Create and update what manifests describe. All documents are checked first; if
there is any fault, all are told and nothing is sent. Applying twice sends
nothing the second time. Nothing is ever deleted. Labels and spec are replaced
whole: what a document leaves out gets its default, and labels go.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withManifests(cmd, &conn, &p, files, func(ctx context.Context, cl *client, docs []manifest) error {
				return cl.apply(ctx, docs, applyOptions{wait: p.wait, dryRun: dryRun, out: cmd.OutOrStdout()})
			})
		},
	}
	conn.flags(cmd)
	p.flags(cmd)
	fileFlag(cmd, &files)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "let the server decide without changing anything")
	return cmd
}

func fileFlag(cmd *cobra.Command, files *[]string) {
	cmd.Flags().StringArrayVarP(files, "filename", "f", nil, "a file, a directory with *.yaml and *.yml, or - for standard input; repeatable")
	_ = cmd.MarkFlagFilename("filename", "yaml", "yml") // fails only for a flag that is not there
}

// withManifests does something with manifests that have no faults, within the
// command's patience.
func withManifests(cmd *cobra.Command, conn *connection, p *patience, files []string, do func(context.Context, *client, []manifest) error) error {
	ctx, cancel, err := p.bound(cmd.Context())
	if err != nil {
		return err
	}
	defer cancel()
	cl, docs, err := prepare(ctx, cmd, conn, files)
	if err != nil {
		return err
	}
	defer cl.Close()
	return do(ctx, cl, docs)
}

// prepare reads the manifests. If they have faults the references of the others
// are looked up too, once, so that all faults are told together.
func prepare(ctx context.Context, cmd *cobra.Command, conn *connection, files []string) (*client, []manifest, error) {
	docs, faults, err := readManifests(files, cmd.InOrStdin())
	if err != nil {
		return nil, nil, err
	}
	cl, err := conn.client(cmd)
	if err != nil && len(faults) == 0 {
		return nil, nil, err
	}
	if len(faults) == 0 {
		return cl, docs, nil
	}
	if err == nil {
		defer cl.Close()
		faults = append(faults, cl.faultsOf(ctx, docs)...)
	}
	return nil, nil, refuseFaults(faults)
}

// faultsOf finds references that lead nowhere, if a server can be asked now.
func (c *client) faultsOf(ctx context.Context, docs []manifest) []fault {
	ctx, cancel := context.WithTimeout(ctx, 2*pause)
	defer cancel()
	c.note = io.Discard
	_, faults, err := c.reconcile(ctx, docs)
	if err != nil {
		return nil
	}
	return faults
}

// noArgs refuses words that belong to nothing.
func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return invalid("arguments", "%q is one too many", events.Clip(args[0]))
	}
	return nil
}
