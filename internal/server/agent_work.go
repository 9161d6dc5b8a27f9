package server

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/execute"
	"github.com/aeriehq/aerie/workers/reconcile"
)

// placeWork is the work at all places of an agent.
type placeWork struct {
	*agentProcess
	control *Control // has the clouds, as a server has them
	now     ev.Lease
	end     context.CancelFunc
	all     sync.WaitGroup
}

// begin works at the places that the agent is told, unless it does already.
func (w *placeWork) begin(ctx context.Context, lease ev.Lease) error {
	w.serverCharts.SetDigests(lease.Charts)
	if w.end != nil && slices.Equal(w.now.Places, lease.Places) && w.now.Speed == lease.Speed {
		return nil
	}
	w.stop()
	w.now = lease
	clouds, charts, err := w.clouds(lease)
	if err != nil {
		return err
	}
	ctx, w.end = context.WithCancel(ctx)
	slots, speed := execute.NewSlots(), clock.Clock{Speed: lease.Speed}
	var places []execute.Channel
	for _, name := range lease.Places {
		place := queue.Partition{Owner: w.token.Owner, Dataplane: name}
		at := execute.Channel{Conn: w.nc, Place: place, Skew: &w.skew, Gate: w.gate, News: &w.news}
		places = append(places, at)
		x := execute.NewAgent(at, slots, clouds, speed)
		x.UseCharts(charts)
		w.run(ctx, "the work at "+name, x.Run)
	}
	if len(places) == 0 {
		return nil
	}
	inspector, sweeper, cataloguer := reconcile.ForAgent(places, clouds, charts, speed, w.kept)
	sweeper.AskFirst(w.gate)
	w.run(ctx, "the look for drift", inspector.Run)
	w.run(ctx, "the watch over clusters", reconcile.NewWatcher(inspector).Run)
	w.run(ctx, "the sweeping", sweeper.Run)
	w.run(ctx, "the look at catalogues", cataloguer.Run)
	return nil
}

// untold is what the agent has met and has not told of yet.
func (a *agentProcess) untold() (d ev.Difference, is bool) {
	d, is = a.gate.Differs()
	return d, is && d.Now != a.told
}

// tellDifference adds what stood by the log before, where the agent has met another one. What can't be read is told as one more:
// else nobody could ever accept it.
func (a *agentProcess) tellDifference(seen *ev.SeenQuestion) {
	d, differs := a.untold()
	if !differs {
		return
	}
	lease, _, err := a.kept.Lease()
	if err == nil {
		d.Stood, d.More, err = a.kept.Stood(lease.Places)
	}
	if err != nil {
		slog.Error("what stood by the log before is not known", "err", err)
		d.Stood, d.More = nil, 1
	}
	seen.Differs = &d
}

// run does a part of the work until it is stopped.
func (w *placeWork) run(ctx context.Context, what string, do func(context.Context) error) {
	w.all.Go(func() {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			slog.Error(what+" ended", "err", err)
		}
	})
}

// clouds opens the clouds as a server does: those that this machine has credentials for, and a simulated one.
func (w *placeWork) clouds(lease ev.Lease) (map[string]execute.Cloud, *execute.Charts, error) {
	if w.control == nil {
		c, s := &Control{}, Settings{DataDir: w.DataDir, SimSpeed: lease.Speed, SecretStores: w.SecretStores}
		if err := errors.Join(c.openClouds(s), c.openCharts(s)); err != nil {
			return nil, nil, err
		}
		c.charts.Read, c.charts.Mirrored, c.charts.Server = w.gate.Secrets(), w.gate.Mirrored, w.serverCharts
		c.charts.Runner.GoBy(w.Proxy)
		w.control = c
	}
	clouds := map[string]execute.Cloud{}
	for name, s := range w.control.clouds {
		clouds[name] = s.cloud()
	}
	return clouds, w.control.charts, nil
}

// stop ends the work at all places.
func (w *placeWork) stop() {
	if w.end != nil {
		w.end()
		w.all.Wait()
		w.end = nil
	}
}

func (w *placeWork) close() {
	w.stop()
	if w.control == nil {
		return
	}
	for _, s := range w.control.clouds {
		if err := s.close(); err != nil {
			slog.Warn("a cloud was not closed", "err", err)
		}
	}
}

// askChart asks for a piece of one of the server's own charts.
func (a *agentProcess) askChart(ctx context.Context, q ev.ChartQuestion) (p ev.ChartPiece, err error) {
	at := ev.AgentSubject(a.token.Owner, ev.AgentPlace(a.token.Agent), ev.AskChart)
	err = a.askFor(ctx, a.nc, ev.AskChart, at, q, &p)
	return p, err
}
