package manifest

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/workers/command"
)

// foresee asks the server, which changes nothing, what it would refuse of the steps, so that all of it can be told
// before anything is sent. What depends on other steps is decided when these are taken; of that only what looks like a
// secret is found before. What is going away is refused here, unless its end is waited for.
func foresee(ctx context.Context, c *client.Client, steps []Step, wait bool) error {
	steps = slices.DeleteFunc(slices.Clone(steps), func(s Step) bool { return s.Verb == "" })
	if len(steps) == 1 && !steps[0].Going {
		return nil // nothing else would have been sent if it is refused
	}
	refused := make([]error, len(steps))
	err := client.Each(len(steps), func(i int) error {
		s := steps[i]
		if s.Going && !wait {
			refused[i] = events.Refuse(events.Refused, "is being deleted (%s): apply it again when it is gone, or with --wait", s.Present.Phase)
		}
		if s.Going || s.local || s.moving {
			refused[i] = cmp.Or(refused[i], s.secrets())
			return nil
		}
		cmd, err := steps[i].command(true)
		if err != nil {
			return err
		}
		_, err = c.Send(ctx, cmd)
		if r := (*events.Refusal)(nil); errors.As(err, &r) && !r.Retryable {
			refused[i], err = r, nil
		}
		return err
	})
	if err != nil {
		return client.FirstError(err)
	}
	return refusals(steps, refused)
}

// secrets refuses a step for what looks like a secret in its spec: that follows from the document, and from what is there, whatever the
// steps before it do.
func (s Step) secrets() error {
	var present events.Spec
	if s.Present != nil && !s.Going {
		present = s.presentSpec(s.Present)
	}
	return events.RefuseFaults(s.Ref.String(), command.SecretFaults(s.Spec, present))
}

// refusals makes one refusal of those of the steps. A single one stays as it is; several keep the code that they share.
func refusals(steps []Step, refused []error) error {
	var faults []Fault
	var all []*events.Refusal
	var only error
	for i, s := range steps {
		var r *events.Refusal
		if !errors.As(refused[i], &r) {
			continue
		}
		all, only = append(all, r), s.placed(r)
		if len(r.Details) == 0 {
			faults = append(faults, s.at(string(r.Code), "%s", r.Message))
		}
		for _, d := range r.Details {
			faults = append(faults, s.at(d.Field, "%s", d.Message))
		}
	}
	if len(all) < 2 {
		return only
	}
	err := Refuse(faults)
	var one *events.Refusal
	if errors.As(err, &one) && !slices.ContainsFunc(all, func(r *events.Refusal) bool { return r.Code != all[0].Code }) {
		one.Code, one.Fault = all[0].Code, all[0].Fault
	}
	return err
}
