package fsm

import (
	"slices"
	"testing"

	ev "github.com/aeriehq/aerie/events"
)

func pools(machines ...string) (all []ev.NodePool) {
	for i, m := range machines {
		if m != "" {
			all = append(all, ev.NodePool{Name: string(rune('a' + i)), Machine: m})
		}
	}
	return all
}

// Each wish is told from those before by the generation of its pools; what is wanted again before it has gone comes back.
func TestPoolsOfOneNameAreToldApart(t *testing.T) {
	type step struct {
		now      []ev.NodePool
		gone     bool // what was to go is gone before
		want     []int
		retiring []int
		reopen   bool
	}
	made := func(string) bool { return true }
	for name, steps := range map[string][]step{
		"another machine": {{now: pools("m8"), want: []int{1}, retiring: []int{0}}, {now: pools("m16"), gone: true, want: []int{2}, retiring: []int{1}}},
		"taken back":      {{now: pools("m8"), want: []int{1}, retiring: []int{0}}, {now: pools("m4"), want: []int{0}, retiring: []int{1}, reopen: true}},
		"gone and back":   {{now: pools("m8"), want: []int{1}, retiring: []int{0}}, {now: pools("m4"), gone: true, want: []int{2}, retiring: []int{1}}},
		"a name again":    {{now: pools("", "m4"), want: []int{0}, retiring: []int{0}}, {now: pools("m4", "m4"), gone: true, want: []int{1, 0}}},
		"one more":        {{now: pools("m4", "m4"), want: []int{0, 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			plan, old := PoolPlan{}, pools("m4")
			for _, s := range steps {
				if s.gone {
					plan.Retiring = nil
				}
				plan, old = plan.planned(plan.next(slices.Clone(old), s.now, made).event()), s.now
				var got, retiring []int
				for _, p := range plan.of(slices.Clone(s.now)) {
					got = append(got, p.Generation)
				}
				for _, p := range plan.Retiring {
					retiring = append(retiring, p.Generation)
				}
				if !slices.Equal(got, s.want) || !slices.Equal(retiring, s.retiring) || plan.Reopen != s.reopen {
					t.Errorf("%v: generations %v, %v are to go, reopened %t", s.now, got, retiring, plan.Reopen)
				}
			}
		})
	}
}

// What was never made may be corrected: no pool stands beside it.
func TestWhatWasNotMadeIsCorrected(t *testing.T) {
	plan := PoolPlan{}.next(pools("x99"), pools("m4"), func(string) bool { return false })
	if len(plan.Retiring) > 0 || len(plan.Generations) > 0 {
		t.Error(plan)
	}
}
