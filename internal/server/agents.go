package server

import (
	"log/slog"
	"time"

	"github.com/aeriehq/aerie/events/eventlog/embedded"
	"github.com/aeriehq/aerie/projections/identity"
	"github.com/aeriehq/aerie/workers/agents"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/dispatch"
	"github.com/aeriehq/aerie/workers/execute"
)

// knowAgents follows who the agents are and what is owed where they work. It is called before the fold follows the log. On
// NATS servers of others no agents are let in yet.
func (c *Control) knowAgents(s Settings) {
	if c.NATS == nil {
		return
	}
	c.agents = agents.New(c.Intake, c.Live, clock.Clock{Speed: s.SimSpeed}, agents.Door{
		Evict: func(agent string, began time.Time) {
			if _, err := c.NATS.EvictBefore(agent, began); err != nil {
				slog.Error("an agent's connections were not ended", "agent", agent, "err", err)
			}
		},
		IsThere: c.NATS.IsThere,
	})
	c.agents.Expect(execute.Effects())
	refused := func() { c.counts.RefusedToAgents("intake") }
	c.agents.CountRefused(refused)
	c.Intake.CountRefused(refused)
	c.NATS.CountViolations(func() { c.counts.RefusedToAgents("nats") })
	c.Intake.Guard(c.agents.MayReport)
}

// timeAgents has no time of a phase run while the agent is away that is to do the work.
func (c *Control) timeAgents(d *dispatch.Dispatcher) {
	if c.agents == nil {
		return
	}
	d.KnowAgents(c.agents.IsThere)
	c.agents.WhenBack(d.Look)
}

// serveAgents lets agents in, and answers them.
func (c *Control) serveAgents() error {
	if c.NATS == nil {
		return nil
	}
	charts, err := execute.PackCharts(c.charts.Own)
	if err != nil {
		return err
	}
	c.agents.BringCharts(charts)
	if err := c.agents.Serve(c.doors.ctx, c.Conn); err != nil {
		return err
	}
	c.NATS.AdmitAgents(embedded.Agents{Key: c.agents.Key, Joining: c.agents.Joining,
		Full: func(agent string) { c.full(agent, identity.RoleOfAgents) }})
	c.run(&c.doors, "the watch over agents", c.agents.Watch)
	return nil
}
