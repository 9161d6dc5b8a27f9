package server

import (
	"log/slog"

	"github.com/aeriehq/aerie/events/eventlog/embedded"
	"github.com/aeriehq/aerie/workers/agents"
	"github.com/aeriehq/aerie/workers/clock"
)

// knowAgents follows who the agents are and what is owed where they work. It is called before the fold follows the log. On
// NATS servers of others no agents are let in yet.
func (c *Control) knowAgents(s Settings) {
	if c.NATS == nil {
		return
	}
	c.agents = agents.New(c.Intake, c.Live, clock.Clock{Speed: s.SimSpeed}, agents.Door{
		Evict: func(agent string) {
			if _, err := c.NATS.Evict(agent); err != nil {
				slog.Error("an agent's connections were not ended", "agent", agent, "err", err)
			}
		},
		IsThere: c.NATS.IsThere,
	})
	c.Intake.Guard(c.agents.MayReport)
}

// serveAgents lets agents in, and answers them.
func (c *Control) serveAgents() error {
	if c.NATS == nil {
		return nil
	}
	if err := c.agents.Serve(c.doors.ctx, c.Conn); err != nil {
		return err
	}
	c.NATS.AdmitAgents(embedded.Agents{Key: c.agents.Key, Joining: c.agents.Joining})
	c.run(&c.doors, "the watch over agents", c.agents.Watch)
	return nil
}
