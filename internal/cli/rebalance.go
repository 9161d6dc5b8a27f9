package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/client"
)

// newRebalanceCommand moves tenants between the cells of a tenant infra.
func newRebalanceCommand() *cobra.Command {
	var conn client.Connection
	var dry bool
	cmd := &cobra.Command{
		Use:   "rebalance TENANTINFRA",
		Short: "Empty the cells of a tenant infra that drain, and even out the others, by moves",
		Long: "Move tenants between the cells of a tenant infra: out of those that drain, and from the fullest to the emptiest until they\n" +
			"differ by one at most. One moves after the other; the first move that fails ends it. Asked again, it goes on from what is there.\n" +
			"A tenant of a multi-tenant plan goes to cells of its plan alone, as spec.move of that says.",
		Example: "  aerie cell drain -/eu_pg_c1\n  aerie cell rebalance -/eu_pg --dry-run\n  aerie cell rebalance -/eu_pg",
		RunE: func(cmd *cobra.Command, args []string) error {
			infra, err := onlyID(cmd, events.TenantInfra, words(cmd, args))
			if err != nil {
				return err
			}
			cl, err := conn.Client(cmd)
			if err != nil {
				return err
			}
			defer cl.Close()
			return rebalance(cmd.Context(), cl, infra, dry, cmd.OutOrStdout())
		},
	}
	conn.Flags(cmd)
	platformIDs(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say which tenants would move, and move none")
	return cmd
}

// cellLoad is what is in a cell.
type cellLoad struct {
	path    string
	plan    string // the multi-tenant plan whose tenants alone live in it; empty: it takes those of all others
	most    int
	drains  bool
	tenants []string // by name
}

// shift is a tenant that is to go from one cell to another.
type shift struct{ tenant, from, to string }

// rebalance moves one tenant after the other.
func rebalance(ctx context.Context, cl *client.Client, infra events.Ref, dry bool, out io.Writer) error {
	cells, err := loadsOf(ctx, cl, infra)
	if err != nil {
		return err
	}
	shifts, full := evenOutAll(cells)
	for _, s := range shifts {
		if _, err := fmt.Fprintln(out, client.Plain(fmt.Sprintf("tenant %s: from cell %s to %s", s.tenant, s.from, s.to))); err != nil || dry {
			if err != nil {
				return err
			}
			continue
		}
		if err := s.do(ctx, cl, out); err != nil {
			return err
		}
	}
	if full != nil {
		return full.refuse(infra)
	}
	if len(shifts) == 0 {
		_, err = fmt.Fprintln(out, client.Plain(fmt.Sprintf("the cells of %s are even", infra)))
	}
	return err
}

// do moves the tenant, and waits until it has moved.
func (s shift) do(ctx context.Context, cl *client.Client, out io.Writer) error {
	ref, _ := events.ParseRef(events.Tenant, s.tenant)
	body, err := events.Encode(events.Move{Cell: s.to})
	if err != nil {
		return fmt.Errorf("encode a move: %w", err)
	}
	a, err := cl.Send(ctx, client.Command{Ref: ref, Verb: events.VerbMove, Body: body})
	if err != nil {
		return err
	}
	if err := cl.Wait(ctx, []client.Target{targetOf(ref, a)}, out); err != nil {
		return err
	}
	return cl.MoveEnded(ctx, ref, a.CommandID)
}

// refuse says why a cell that drains keeps some of its tenants.
func (c *cellLoad) refuse(infra events.Ref) error {
	if c.plan != "" {
		return events.Refuse(events.Refused, "cell %s drains, and no other cell of plan %s on %s has room for its tenants: create one more, "+
			"or move them elsewhere by name", c.path, c.plan, infra)
	}
	return events.Refuse(events.Refused, "cell %s drains, and no other cell of %s has room for its tenants: give it more cells", c.path, infra)
}

// loadsOf reads what is in the cells of a tenant infra that tenants can move between.
func loadsOf(ctx context.Context, cl *client.Client, infra events.Ref) (cells []*cellLoad, err error) {
	read := func(k events.Kind, see func(client.Entity)) error {
		l, err := cl.List(ctx, "/v1/"+k.Plural(), nil, 0)
		if err != nil {
			return err
		}
		all, err := l.Entities()
		for _, e := range all {
			see(e)
		}
		return err
	}
	err = read(events.Cell, func(e client.Entity) {
		var spec events.CellSpec
		if json.Unmarshal(e.Spec, &spec) != nil {
			return
		}
		open := slices.Contains([]string{string(fsm.Open), string(fsm.Full), string(fsm.Draining)}, e.Phase)
		if e.Owner == infra.Owner && e.Ref().Parent() == infra.ID && open {
			cells = append(cells, &cellLoad{path: e.Ref().Path(), plan: spec.Plan, most: spec.Tenants, drains: e.Phase == string(fsm.Draining)})
		}
	})
	if err != nil {
		return nil, err
	}
	err = read(events.Tenant, func(e client.Entity) {
		if p := e.Status.Placement; p != nil && !client.Gone[e.Phase] {
			if i := slices.IndexFunc(cells, func(c *cellLoad) bool { return c.path == p.Cell }); i >= 0 {
				cells[i].tenants = append(cells[i].tenants, e.Ref().Path())
			}
		}
	})
	return cells, err
}

// evenOutAll evens out the cells of each plan among themselves, and those of no plan.
func evenOutAll(cells []*cellLoad) (shifts []shift, full *cellLoad) {
	of := map[string][]*cellLoad{}
	for _, c := range cells {
		of[c.plan] = append(of[c.plan], c)
	}
	for _, plan := range slices.Sorted(maps.Keys(of)) {
		more, keeps := evenOut(of[plan])
		shifts, full = append(shifts, more...), cmp.Or(full, keeps)
	}
	return shifts, full
}

// evenOut says which tenants go where, one after the other, and which draining cell keeps some for want of room.
func evenOut(cells []*cellLoad) (shifts []shift, full *cellLoad) {
	for _, c := range cells {
		slices.Sort(c.tenants)
	}
	slices.SortFunc(cells, func(a, b *cellLoad) int { return cmp.Compare(a.path, b.path) })
	for {
		var from, to *cellLoad // of cells that are alike the first
		for _, c := range cells {
			switch {
			case c.drains && len(c.tenants) > 0 && (from == nil || !from.drains),
				!c.drains && (from == nil || !from.drains && len(c.tenants) > len(from.tenants)):
				from = c
			}
			if !c.drains && len(c.tenants) < c.most && (to == nil || len(c.tenants) < len(to.tenants)) {
				to = c
			}
		}
		switch {
		case from == nil:
			return shifts, nil
		case to == nil && from.drains:
			return shifts, from
		case to == nil || !from.drains && len(from.tenants)-len(to.tenants) < 2:
			return shifts, nil
		}
		shifts = append(shifts, shift{from.tenants[0], from.path, to.path})
		to.tenants, from.tenants = append(to.tenants, from.tenants[0]), from.tenants[1:]
	}
}
