package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/cli/manifest"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

// deleting is a delete command.
type deleting struct {
	verbFlags
	files          []string
	ignoreNotFound bool
	missing        []error // about what was not there, which stops nothing else
}

// newDeleteCommand is `aerie delete KIND ID`: the same as `aerie KIND delete ID`, and more at once.
func newDeleteCommand(kinds *events.Registry) *cobra.Command {
	d := deleting{verbFlags: verbFlags{kinds: kinds}}
	f := &d.verbFlags
	cmd := &cobra.Command{
		Use:   "delete KIND ID... | -f FILE|DIR|-",
		Short: "Delete entities and everything made for them",
		Long: `Delete entities and everything made for them, in clouds and clusters, in order.
What still uses one is in the way and is named; with --cascade a customer goes with
everything it owns, a dataplane with the applications, tenants, tenant infras and
addons on it, and a tenant with its applications; --dry-run lists them. Others take
nothing along, and say what to delete first. With --wait it returns when nothing is
left. With -f it deletes what manifests describe, kind after kind: first what
uses others, then, when that is gone, these.`,
		Example:           "  aerie delete application acme/prod/pg\n  aerie delete tenant acme/prod acme/test --ignore-not-found\n  aerie delete -f offer/ --wait\n  aerie delete customer acme --cascade --wait",
		ValidArgsFunction: completeKindAndID(&f.conn),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.Check(); err != nil {
				return err
			}
			docs, err := d.documents(cmd, args)
			if err != nil {
				return err
			}
			return d.run(cmd, docs)
		},
	}
	f.conn.Flags(cmd)
	f.WaitFlags.Flags(cmd)
	f.Output.Flags(cmd, print.Table, print.JSON, print.YAML, print.Name)
	platformIDs(cmd)
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "let the server decide without changing anything")
	f.fields.add(cmd, &f.conn, events.FieldsOf(reflect.TypeFor[events.Delete]()))
	fileFlag(cmd, &d.files)
	ignoreNotFound(cmd, &d.ignoreNotFound)
	return cmd
}

// documents are what is to be deleted, as arguments or files name it.
func (d *deleting) documents(cmd *cobra.Command, args []string) (docs []manifest.Manifest, err error) {
	if len(d.files) > 0 {
		if len(words(cmd, args)) > 0 {
			return nil, client.Invalid("-f", "is there with a kind: give one or the other")
		}
		docs, faults, err := manifest.Read(kindsOf(cmd), d.files, cmd.InOrStdin())
		if err != nil {
			return nil, err
		}
		return docs, manifest.Refuse(faults)
	}
	k, ids, err := kindAndIDs(cmd, args)
	if err != nil {
		return nil, err
	}
	refs, err := refsOf(cmd, k, ids)
	if err == nil && len(refs) == 0 {
		err = client.Invalid("id", "is missing: which %s?", k)
	}
	for _, r := range refs {
		docs = append(docs, manifest.Of(kindsOf(cmd), r))
	}
	return docs, err
}

// run deletes kind after kind, those first that refer to others.
func (d *deleting) run(cmd *cobra.Command, docs []manifest.Manifest) error {
	bound := d.WaitFlags
	bound.Wait = bound.Wait || len(d.files) > 0 // what uses others is waited for
	ctx, cancel, err := bound.Bound(cmd.Context())
	if err != nil {
		return err
	}
	defer cancel()
	cl, err := d.conn.Client(cmd)
	if err != nil {
		return err
	}
	defer cl.Close()
	var leaving []client.Target
	for _, some := range byKind(docs) {
		if len(leaving) > 0 {
			if d.dryRun {
				d.tellLater(cmd, some)
				continue
			}
			if err := cl.Wait(ctx, leaving, d.progress(cmd)); err != nil {
				return err
			}
		}
		if leaving, err = d.some(ctx, cmd, cl, some); err != nil {
			return errors.Join(append(d.missing, err)...)
		}
	}
	if d.Wait && !d.dryRun && len(leaving) > 0 {
		err = cl.Wait(ctx, leaving, d.progress(cmd))
	}
	return errors.Join(append(d.missing, err)...)
}

// byKind are documents in groups of one kind, those first that refer to others.
func byKind(docs []manifest.Manifest) (groups [][]manifest.Manifest) {
	for _, m := range manifest.Ordered(docs) {
		if len(groups) == 0 || groups[0][0].Ref.Kind != m.Ref.Kind {
			groups = slices.Insert(groups, 0, nil)
		}
		groups[0] = append(groups[0], m)
	}
	return groups
}

// tellLater tells what can't be tried: it is still used.
func (d *deleting) tellLater(cmd *cobra.Command, docs []manifest.Manifest) {
	for _, m := range docs {
		fmt.Fprintf(d.progress(cmd), "%s: would be deleted when those before it are gone (the server was not asked)\n", m.Ref)
	}
}

// some deletes entities of one kind, and returns those that are on their way out. All refusals are told.
func (d *deleting) some(ctx context.Context, cmd *cobra.Command, cl *client.Client,
	docs []manifest.Manifest) (leaving []client.Target, err error) {
	var refused []error
	for _, m := range docs {
		t, err := d.one(ctx, cmd, cl, m)
		if ctx.Err() != nil {
			return nil, errors.Join(append(refused, err)...)
		}
		switch {
		case isNotFound(err):
			d.missing = append(d.missing, err)
		case err != nil:
			refused = append(refused, err)
		case t.Ref.ID != "":
			leaving = append(leaving, t)
		}
	}
	return leaving, errors.Join(refused...)
}

// one deletes one entity. The target is empty if there was nothing to delete.
func (d *deleting) one(ctx context.Context, cmd *cobra.Command, cl *client.Client, m manifest.Manifest) (t client.Target, err error) {
	body, err := d.encode(cmd, m.Ref.Kind, events.VerbDelete)
	if err != nil {
		return t, err
	}
	c := client.Command{Ref: m.Ref, Verb: events.VerbDelete, UID: m.UID, Body: body, DryRun: d.dryRun}
	if c.UID == "" {
		c.UID, err = cl.UID(ctx, m.Ref)
	}
	var a events.Answer
	if err == nil {
		a, err = cl.Send(ctx, c)
	}
	if d.ignoreNotFound && isNotFound(err) {
		return t, nil
	}
	if err != nil {
		return t, err
	}
	t = targetOf(m.Ref, a)
	return t, printAnswer(cmd.OutOrStdout(), d.Format, a, d.dryRun)
}

// progress is where it is told what is waited for: beside the output if that is for a program.
func (d *deleting) progress(cmd *cobra.Command) io.Writer {
	if d.Format == print.Table {
		return cmd.OutOrStdout()
	}
	return cmd.ErrOrStderr()
}

// targetOf is what to wait for after a command was answered.
func targetOf(ref events.Ref, a events.Answer) client.Target {
	m, at := fsm.Machines[ref.Kind], fsm.Phase(a.Entity.Phase)
	return client.Target{Ref: ref, UID: a.Entity.UID, Seq: a.Entity.Seq, Gone: m != nil && (m.Terminating(at) || m.Ended(at))}
}
