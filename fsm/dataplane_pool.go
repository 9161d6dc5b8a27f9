package fsm

import (
	"reflect"

	ev "github.com/aeriehq/aerie/events"
)

// systemPoolOf asks for a dataplane's own machines. The labels name no machine, so they stay the same when machines change.
func systemPoolOf(s ev.SystemPool) []ev.NodePool {
	return []ev.NodePool{{Name: "system", Machine: s.Machine, Min: s.Min, Max: s.Max, Labels: map[string]string{"aerie.io/pool": "system"}}}
}

// systemPool is the pool that is worked towards: of those that were ever made the wanted one, or, for a repair, the one that
// stood last.
func (d DataplaneData) systemPool() ev.NodePool {
	pools := d.PoolPlan.of(systemPoolOf(d.aim().SystemPool))
	if d.Repairs {
		pools = d.PoolPlan.standing(pools)
	}
	return pools[0]
}

// replan says, right after another spec was wanted, which of a dataplane's own pools is to go for another one. Where there
// has been no cluster yet, nothing was made that could be.
func (d DataplaneData) replan(now ev.DataplaneSpec) []ev.Event {
	if d.Cluster.Cluster == "" || !d.goes(ev.PartSystemPool) {
		return nil
	}
	made := func(string) bool { return true } // as far as anybody knows: one that was not is gone at once
	next := d.PoolPlan.next(systemPoolOf(d.Spec.SystemPool), systemPoolOf(now.SystemPool), made).event()
	if reflect.DeepEqual(next, d.PoolPlan.event()) {
		return nil
	}
	return []ev.Event{next}
}

// retires tells whether nothing of what is asked for is missing but the end of pools. Such a repair ends in that.
func (d DataplaneData) retires() bool {
	return len(d.PoolPlan.Retiring) > 0 && reflect.DeepEqual(d.Made, d.Spec)
}

// retiring adds to the end of a way that what is not wanted any more is to go. Only what was asked for ends so: a repair
// brings back what stood, and what is to go may be just that.
func (d DataplaneData) retiring(done ev.Event) []ev.Event {
	if _, waits := done.(ev.BaseReady); waits || d.Repairs || len(d.PoolPlan.Retiring) == 0 {
		return []ev.Event{done}
	}
	return []ev.Event{done, ev.RetiringStarted{}}
}
