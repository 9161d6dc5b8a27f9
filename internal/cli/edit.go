package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/manifest"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

// editing is an edit command: an entity as a document that a person changes.
type editing struct {
	conn client.Connection
	client.WaitFlags
	cl      *client.Client
	present client.Entity // as it was when the document was written
	dir     string        // of the document
	text    []byte        // the document as it was written last, without the faults above it
}

func newEditCommand() *cobra.Command {
	var e editing
	cmd := &cobra.Command{
		Use:   "edit KIND ID",
		Short: "Change an entity in your editor",
		Long: `Change an entity in your editor, $VISUAL or $EDITOR: it is opened with labels and spec, and what you have
changed is applied when the editor ends. If there are faults, or the server refuses, it is opened again
with what is wrong above. Nothing is sent if you change nothing, or leave the file empty.`,
		Example:           "  aerie edit tenant acme/prod\n  EDITOR='code --wait' aerie edit plan free",
		ValidArgsFunction: completeKindAndID(&e.conn),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := one(cmd, args)
			if err != nil {
				return err
			}
			if e.cl, err = e.conn.Client(cmd); err != nil {
				return err
			}
			defer e.cl.Close()
			return e.run(cmd, ref)
		},
	}
	e.conn.Flags(cmd)
	e.WaitFlags.Flags(cmd)
	platformIDs(cmd)
	return cmd
}

// run opens the document until it is applied, left as it is, or refused twice as it stands.
func (e *editing) run(cmd *cobra.Command, ref events.Ref) (err error) {
	if e.dir, err = os.MkdirTemp("", "aerie-edit-"); err != nil {
		return fmt.Errorf("edit: %w", err)
	}
	defer os.RemoveAll(e.dir)
	if err := e.read(cmd.Context(), ref); err != nil {
		return err
	}
	original := e.text
	var wrong error
	for {
		written, err := e.open(cmd, wrong)
		switch {
		case err != nil:
			return err
		case len(bytes.TrimSpace(written)) == 0 || bytes.Equal(written, original):
			if wrong != nil {
				return wrong
			}
			fmt.Fprintln(cmd.ErrOrStderr(), "nothing was changed")
			return nil
		case wrong != nil && bytes.Equal(written, e.text):
			return e.keep(cmd, wrong)
		}
		e.text = written
		if wrong = e.apply(cmd); wrong == nil || !repairable(wrong) {
			if wrong != nil {
				return e.keep(cmd, wrong)
			}
			return nil
		}
	}
}

// repairable tells whether another text can help.
func repairable(err error) bool {
	var r *events.Refusal
	return errors.As(err, &r) && (r.Code == events.Invalid || r.Code == events.Refused || r.Code == events.Conflict)
}

// read reads the entity and writes its document.
func (e *editing) read(ctx context.Context, ref events.Ref) (err error) {
	if e.present, err = e.cl.Entity(ctx, ref, 0); err != nil {
		return err
	}
	if client.Gone[e.present.Phase] {
		return events.Refuse(events.NotFound, "%s is %s", ref, e.present.Phase)
	}
	e.text, err = documentOf(e.present)
	return err
}

// documentOf is an entity as a manifest, without what only the server sets.
func documentOf(e client.Entity) ([]byte, error) {
	doc := map[string]any{"kind": e.Kind, "name": e.ID, "labels": e.Labels, "spec": e.Spec}
	if e.Owner != events.Platform && e.Kind != events.Customer {
		doc["owner"] = e.Owner
	}
	if e.Labels == nil {
		doc["labels"] = map[string]string{}
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("edit: %w", err)
	}
	return print.YAMLText(raw)
}

// open lets the person write, with what is wrong above the document, and returns the document.
func (e *editing) open(cmd *cobra.Command, wrong error) ([]byte, error) {
	head := fmt.Sprintf("# %s: change labels or spec, and leave the editor. An empty file changes nothing.\n", client.Plain(e.present.Ref().String()))
	if wrong != nil {
		var told bytes.Buffer
		client.PrintError(&told, wrong)
		for line := range strings.Lines(told.String()) {
			head += "# " + line
		}
	}
	path := filepath.Join(e.dir, string(e.present.Kind)+".yaml")
	if err := os.WriteFile(path, append([]byte(head), e.text...), 0o600); err != nil {
		return nil, fmt.Errorf("edit: %w", err)
	}
	if err := editor(cmd, path); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("edit: %w", err)
	}
	return withoutHead(text), nil
}

// withoutHead leaves out the comments that a document begins with.
func withoutHead(text []byte) []byte {
	for bytes.HasPrefix(text, []byte("#")) {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return text
}

// editor runs the person's editor on a file. The variable may have flags, or be a line of shell, as with git and kubectl.
func editor(cmd *cobra.Command, path string) error {
	program := cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR"), "vi")
	run := exec.CommandContext(cmd.Context(), "sh", "-c", program+` "$1"`, "sh", path)
	if runtime.GOOS == "windows" {
		words := append(strings.Fields(cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR"), "notepad")), path)
		run = exec.CommandContext(cmd.Context(), words[0], words[1:]...)
	}
	run.Stdin, run.Stdout, run.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	if err := run.Run(); err != nil {
		return client.Invalid("EDITOR", "%q ended with: %v; nothing was sent", events.Truncate(program), err)
	}
	return nil
}

// apply applies the document to the entity as it was read. If something has happened to it meanwhile, but nobody has
// changed what it is to be, it is applied to the entity as it is now.
func (e *editing) apply(cmd *cobra.Command) error {
	ctx, cancel, err := e.Bound(cmd.Context())
	if err != nil {
		return err
	}
	defer cancel()
	ref := e.present.Ref()
	docs, faults := manifest.Decode(kindsOf(cmd), "the document", e.text)
	if err := manifest.Refuse(faults); err != nil {
		return err
	}
	if len(docs) != 1 || docs[0].Ref != ref {
		return client.Invalid("document", "want the one document about %s: kind, owner and name can't change", ref)
	}
	for {
		now, err := e.cl.Entity(ctx, ref, 0)
		if err != nil {
			return err
		}
		if !e.asRead(now) {
			e.present = now
			return events.Refuse(events.Conflict, "%s was changed by somebody else meanwhile: change anything once more to apply this all the same", ref)
		}
		docs[0].UID, docs[0].Seq = now.UID, now.Seq
		err = manifest.Apply(ctx, e.cl, docs, manifest.Options{Wait: e.Wait, Out: cmd.OutOrStdout()})
		var r *events.Refusal
		if !errors.As(err, &r) || r.Code != events.Conflict || now.Seq == e.present.Seq {
			return err
		}
		e.present = now
	}
}

// asRead tells whether an entity is still to be what it was to be when its document was written.
func (e *editing) asRead(now client.Entity) bool {
	return now.UID == e.present.UID && print.Labels(now.Labels) == print.Labels(e.present.Labels) &&
		bytes.Equal(manifest.Canonical(now.Spec), manifest.Canonical(e.present.Spec))
}

// keep saves what was written, so that it is not lost, and returns the error.
func (e *editing) keep(cmd *cobra.Command, err error) error {
	f, saved := os.CreateTemp("", "aerie-edit-*.yaml")
	if saved == nil {
		_, saved = f.Write(e.text)
		saved = errors.Join(saved, f.Close())
	}
	if saved == nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "what you have written is in %s\n", f.Name())
	}
	return err
}
