package manifest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/manifest/document"
	"github.com/aeriehq/aerie/internal/client"
)

// Options say how to apply.
type Options struct {
	Wait   bool      // until everything is as wanted
	DryRun bool      // have it decided, and nothing changed
	Out    io.Writer // where it says what it did, and with wait what is under way
}

// Apply makes the server want what the documents say: it creates what is
// absent, updates what differs and deletes nothing. It sends nothing at all if a
// reference leads nowhere or the server would refuse anything. ctx bounds it all,
// the waiting too.
func Apply(ctx context.Context, c *client.Client, docs []Manifest, o Options) error {
	steps, faults, err := Reconcile(ctx, c, docs)
	if err != nil {
		return err
	}
	if err := Refuse(faults); err != nil {
		return err
	}
	if err := foresee(ctx, c, steps, o.Wait); err != nil {
		return err
	}
	targets, err := take(ctx, c, steps, o)
	if err != nil || !o.Wait || o.DryRun {
		return err
	}
	return c.Wait(ctx, targets, o.Out)
}

// take takes the steps, kind after kind, several of one kind abreast: they never
// refer to each other. What a refusal leaves undone is not tried.
func take(ctx context.Context, c *client.Client, steps []Step, o Options) (targets []client.Target, err error) {
	for len(steps) > 0 {
		n := slices.IndexFunc(steps, func(s Step) bool { return s.Ref.Kind != steps[0].Ref.Kind })
		if n < 0 {
			n = len(steps)
		}
		if err := awaitEnds(ctx, c, steps[:n], o); err != nil {
			return targets, err
		}
		some, err := takeSome(ctx, c, steps[:n], o)
		targets = append(targets, some...)
		if err != nil {
			return targets, err
		}
		steps = steps[n:]
	}
	return targets, nil
}

// awaitEnds waits until what is going away is gone, so that it can be made anew.
func awaitEnds(ctx context.Context, c *client.Client, steps []Step, o Options) error {
	if o.DryRun {
		return nil
	}
	var going []client.Target
	for _, s := range steps {
		if s.Going {
			going = append(going, client.Target{Ref: s.Ref, UID: s.Present.UID, Gone: true})
		}
	}
	return c.Wait(ctx, going, o.Out)
}

func takeSome(ctx context.Context, c *client.Client, steps []Step, o Options) ([]client.Target, error) {
	targets, results := make([]client.Target, len(steps)), make([]error, len(steps))
	err := client.Each(len(steps), func(i int) error {
		targets[i], results[i] = takeOne(ctx, c, steps[i], o.DryRun)
		return results[i]
	})
	for i, s := range steps {
		if results[i] == nil {
			fmt.Fprintf(o.Out, "%s %s\n", s.Ref, s.done(o.DryRun))
		}
	}
	return targets, err
}

func takeOne(ctx context.Context, c *client.Client, s Step, dryRun bool) (client.Target, error) {
	t := client.Target{Ref: s.Ref}
	if s.Verb == "" {
		t.UID = s.Present.UID
		return t, nil
	}
	if dryRun && (s.local || s.Going) {
		return t, nil
	}
	cmd, err := s.command(dryRun)
	if err != nil {
		return t, err
	}
	a, err := c.Send(ctx, cmd)
	t.UID, t.Seq = a.Entity.UID, a.Entity.Seq
	return t, s.placed(err)
}

// placed adds where the document stands to a refusal of it.
func (s Step) placed(err error) error {
	var r *events.Refusal
	if !errors.As(err, &r) {
		return err
	}
	told := *r
	told.Message = s.fault(document.Fault{}).where() + ": " + r.Message
	return &told
}

func (s Step) done(dryRun bool) string {
	word := map[string]string{events.VerbCreate: "created", events.VerbUpdate: "updated", "": "unchanged"}[s.Verb]
	switch {
	case !dryRun || s.Verb == "":
		return word
	case s.Going:
		return "would be " + word + " when the one that is being deleted is gone"
	case s.local:
		return "would be " + word + " (checked here: it refers to what is not there yet)"
	}
	return "would be " + word
}

// MissingReferences finds references that lead nowhere, if a server can be asked now.
func MissingReferences(ctx context.Context, c *client.Client, docs []Manifest) []Fault {
	ctx, cancel := context.WithTimeout(ctx, 2*client.RetryPause)
	defer cancel()
	c.Hush()
	_, faults, err := Reconcile(ctx, c, docs)
	if err != nil {
		return nil
	}
	return faults
}
