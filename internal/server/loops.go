package server

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/liveness"
)

const (
	// lookAtLoops is how often is looked whether a loop stands still.
	lookAtLoops = 10 * time.Second
	// readWithin is how long an event of the log may be missing in the entities.
	readWithin = 30 * time.Second
)

// Still says which loops stand still at a time; nil if none does.
func (c *Control) Still(now time.Time) error {
	var all []string
	for _, s := range c.loops.Stalled(now) {
		all = append(all, s.String())
	}
	if len(all) == 0 {
		return nil
	}
	return errors.New(strings.Join(all, "; "))
}

// watchLoops tells the program's log of loops that stand still, and that they go on again, until ctx ends.
func (c *Control) watchLoops(ctx context.Context) error {
	read := c.loops.Loop("projections").Step("reading the log", readWithin)
	told := map[string]liveness.Stall{}
	at, tick := uint64(math.MaxUint64), time.NewTicker(lookAtLoops)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		at = c.lookAtFold(ctx, read, at)
		tellStalled(told, c.loops.Stalled(time.Now()))
	}
}

// lookAtFold notes whether the log has events that the entities do not have, and do not come: at is where these were at the
// look before, or where they can't be. What is not known, because the log does not answer, is not noted. It returns where they are.
func (c *Control) lookAtFold(ctx context.Context, read *liveness.Step, at uint64) uint64 {
	ctx, cancel := context.WithTimeout(ctx, leaderWithin)
	defer cancel()
	last, err := c.Log.Last(ctx)
	now := c.Live.At()
	switch {
	case now >= last && err == nil:
		read.End()
	case now != at && err == nil: // it goes on, and is not there yet
		read.Begin()
	}
	return now
}

func tellStalled(told map[string]liveness.Stall, now []liveness.Stall) {
	still := map[string]bool{}
	for _, s := range now {
		still[s.Loop] = true
		if _, known := told[s.Loop]; !known {
			slog.Warn("a loop stands still", "loop", s.Loop, "at", s.What, "since", s.Since)
		}
		told[s.Loop] = s
	}
	for loop, s := range told {
		if !still[loop] {
			slog.Info("a loop goes on again", "loop", loop, "since", time.Now(), "stood", time.Since(s.Since).Round(time.Second))
			delete(told, loop)
		}
	}
}

// watchLog ends this process when its log was replaced. With NATS servers of others it compares their copies of it too.
func (c *Control) watchLog() {
	if c.NATS != nil {
		c.run(&c.core, "the watch over the store", c.guard.Watch)
		return
	}
	c.run(&c.core, "the watch over the log's epoch", c.Log.WatchEpoch)
	c.compareCopies()
}

// compareEvery is the pause between two looks at what the servers of a cluster have of the log.
const compareEvery = 30 * time.Second

// compareCopies compares what the NATS servers have of the log, a stretch at a time, and has each scrape tell what is known of it.
// A server that differs is in the program's log at each look that finds it so.
func (c *Control) compareCopies() {
	if c.Log.Copies() < 2 {
		return
	}
	compared := eventlog.NewComparison(c.Conn)
	c.counts.CompareServers(compared.Servers)
	c.run(&c.core, "the comparison of the log's copies", func(ctx context.Context) error {
		for {
			differ, err := compared.Look(ctx)
			for _, one := range differ {
				slog.Error("a NATS server does not have the log that the others have: see `aerie log verify`", "server", one.Server, "why", one.Wrong)
			}
			if err != nil && ctx.Err() == nil {
				slog.Warn("the copies of the log are not compared, will try again", "err", err)
			}
			eventlog.Wait(ctx, compareEvery)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	})
}
