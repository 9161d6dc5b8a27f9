package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/client"
)

// lookAgain is the time between two looks at what is waited for.
const lookAgain = 300 * time.Millisecond

// goal is what is waited for.
type goal struct {
	text        string // as it was typed
	phase       string
	condition   string
	status      string // of the condition
	untilIsGone bool
}

// parseGoal reads --for.
func parseGoal(k events.Kind, s string) (goal, error) {
	g := goal{text: s}
	what, value, _ := strings.Cut(s, "=")
	switch {
	case s == "":
		return g, client.Invalid("--for", "is missing: want phase=PHASE, condition=TYPE, condition=TYPE=False, or delete")
	case s == "delete":
		g.untilIsGone = true
		return g, nil
	case what == "phase":
		known := phasesOf(k)
		if !slices.Contains(known, value) {
			return g, client.Invalid("--for", "%q is not a phase of a %s%s", events.Truncate(value), k, events.Suggest(value, known))
		}
		g.phase = value
		return g, nil
	case what == "condition" && value != "":
		name, status, given := strings.Cut(value, "=")
		if !given {
			status = fsm.True
		}
		if !slices.Contains([]string{fsm.True, fsm.False}, status) {
			return g, client.Invalid("--for", "%q: a condition is True or False", events.Truncate(status))
		}
		g.condition, g.status = name, status
		return g, nil
	}
	return g, client.Invalid("--for", "%q: want phase=PHASE, condition=TYPE, condition=TYPE=False, or delete", events.Truncate(s))
}

// reached tells whether an entity is as it is waited for.
func (g goal) reached(e client.Entity) (bool, error) {
	switch {
	case g.untilIsGone:
		return client.Gone[e.Phase], nil
	case g.phase != "":
		return e.Phase == g.phase, nil
	}
	var known []string
	for _, c := range e.Status.Conditions {
		if c.Type == g.condition {
			return c.Status == g.status, nil
		}
		known = append(known, c.Type)
	}
	return false, client.Invalid("--for", "a %s has no condition %q%s", e.Kind, events.Truncate(g.condition), events.Suggest(g.condition, known))
}

// waiting is a wait command.
type waiting struct {
	conn    client.Connection
	filter  filter
	all     bool
	goal    goal
	timeout time.Duration
}

func newWaitCommand() *cobra.Command {
	var w waiting
	var text string
	cmd := &cobra.Command{
		Use:   "wait KIND [ID...] --for CONDITION",
		Short: "Wait until entities are in a phase, have a condition, or are gone",
		Long: `Wait until entities are in a phase (--for phase=Active), have a condition (--for condition=Ready, or
condition=Ready=False), or are gone (--for delete): those that are named, or all of a kind that filters
match now. It ends with exit code 1 as soon as one of them will not get there by itself, and with 5 when
the time is over.`,
		Example: `  aerie wait tenant acme/prod --for phase=Active
  aerie wait dataplanes --all --for condition=Ready --timeout 30m
  aerie wait tenants -l tier=gold --for delete`,
		ValidArgsFunction: completeKindAndID(&w.conn),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, ids, err := kindAndIDs(cmd, args)
			if err != nil {
				return err
			}
			refs, err := refsOf(cmd, k, ids)
			if err != nil {
				return err
			}
			if w.goal, err = parseGoal(k, text); err != nil {
				return err
			}
			return w.run(cmd, k, refs)
		},
	}
	w.conn.Flags(cmd)
	platformIDs(cmd)
	f := cmd.Flags()
	f.StringVar(&text, "for", "", "what to wait for: phase=PHASE, condition=TYPE[=False], or delete")
	f.DurationVar(&w.timeout, "timeout", client.RestWithin, "give up after this long")
	f.StringArrayVarP(&w.filter.labels, "label", "l", nil, "all that this label selector matches; repeatable")
	f.StringVar(&w.filter.owner, "owner", "", "all that belongs to this customer, or - for the platform")
	f.BoolVar(&w.all, "all", false, "all of the kind")
	completeFilters(cmd, &w.conn)
	_ = cmd.RegisterFlagCompletionFunc("for", completeGoal)
	return cmd
}

// completeGoal completes what can be waited for, with the phases of the kind.
func completeGoal(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	goals := []string{"condition=Ready", "delete"}
	phases := phasesOf(kindIn(cmd, args))
	if len(phases) == 0 {
		return append(goals, "phase="), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	for _, p := range phases {
		goals = append(goals, "phase="+p)
	}
	return goals, cobra.ShellCompDirectiveNoFileComp
}

func (w *waiting) run(cmd *cobra.Command, k events.Kind, refs []events.Ref) error {
	filtered := w.all || w.filter.owner != "" || len(w.filter.labels) > 0
	switch {
	case w.timeout <= 0:
		return client.Invalid("--timeout", "%s: want a time above 0, such as 30s", w.timeout)
	case len(refs) == 0 && !filtered:
		return client.Invalid("id", "is missing: which %s? Give ids, -l, --owner, or --all", k)
	case len(refs) > 0 && filtered:
		return client.Invalid("arguments", "there are ids and filters: give one or the other")
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), w.timeout)
	defer cancel()
	cl, err := w.conn.Client(cmd)
	if err != nil {
		return err
	}
	defer cl.Close()
	if filtered {
		if refs, err = w.find(ctx, cl, k); err != nil {
			return err
		}
	}
	return w.wait(ctx, cl, refs, func(r events.Ref) {
		fmt.Fprintln(cmd.OutOrStdout(), client.Plain(r.String()+": "+w.goal.text))
	})
}

// find lists what matches the filters.
func (w *waiting) find(ctx context.Context, cl *client.Client, k events.Kind) (refs []events.Ref, err error) {
	q, err := w.filter.query()
	if err != nil {
		return nil, err
	}
	l, err := cl.List(ctx, "/v1/"+k.Plural(), q, 0)
	if err != nil {
		return nil, err
	}
	all, err := l.Entities()
	for _, e := range all {
		refs = append(refs, e.Ref())
	}
	if len(refs) == 0 && err == nil && !w.goal.untilIsGone {
		err = events.Refuse(events.NotFound, "there are no such %s", k.Plural())
	}
	return refs, err
}

// wait looks at everybody who has not got there until all have, and tells who has.
func (w *waiting) wait(ctx context.Context, cl *client.Client, refs []events.Ref, tell func(events.Ref)) error {
	last := map[events.Ref]client.Entity{} // as each was seen last: a look that the end of the time cuts off sees nothing
	for {
		seen, done := make([]client.Entity, len(refs)), make([]bool, len(refs))
		err := client.Each(len(refs), func(i int) (err error) {
			seen[i], done[i], err = w.look(ctx, cl, refs[i])
			return err
		})
		var left []events.Ref
		var details []string
		for i, r := range refs {
			if done[i] {
				tell(r)
				continue
			}
			if seen[i].Phase != "" {
				last[r] = seen[i]
			}
			left = append(left, r)
			details = append(details, r.String()+": "+client.Standing(last[r]))
		}
		switch {
		case err == nil && len(left) == 0:
			return nil
		case ctx.Err() == context.DeadlineExceeded:
			return &client.Failure{Code: "timeout", Message: fmt.Sprintf("%d not %s in time", len(left), w.goal.text), Details: details, Exit: client.ExitTimeout}
		case err != nil:
			return client.FirstError(err)
		}
		refs = left
		client.Sleep(ctx, lookAgain)
	}
}

// look reads one entity. Who will not get further by itself is an error.
func (w *waiting) look(ctx context.Context, cl *client.Client, r events.Ref) (e client.Entity, done bool, err error) {
	err = cl.Retry(ctx, "read "+r.String(), func(ctx context.Context) (err error) {
		e, err = cl.Entity(ctx, r, 0)
		return err
	})
	if w.goal.untilIsGone && isNotFound(err) {
		return e, true, nil
	}
	if err != nil {
		return e, false, err
	}
	done, err = w.goal.reached(e)
	if err == nil && !done && client.Gone[e.Phase] {
		err = events.Refuse(events.NotFound, "%s is %s, and will not be %s any more", r, e.Phase, w.goal.text)
	}
	if reason := e.Status.Reason; err == nil && !done && reason != nil && !reason.Retried && !w.goal.untilIsGone {
		err = &client.Failure{Code: string(reason.Code), Message: fmt.Sprintf("%s is %s: %s", r, e.Phase, reason.Message), Exit: client.ExitFailure}
	}
	return e, done, err
}
