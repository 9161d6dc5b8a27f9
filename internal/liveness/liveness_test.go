package liveness_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aeriehq/aerie/internal/liveness"
)

func TestALoopThatHangsIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all liveness.Loops
		still, idle := all.Loop("dispatcher").Step("a look", time.Minute), all.Loop("intake").Step("a round", time.Minute)
		idle.Begin()
		idle.End()
		still.Begin()
		began := time.Now()
		time.Sleep(time.Minute)
		if got := all.Stalled(time.Now()); len(got) > 0 {
			t.Errorf("within its time: %v", got)
		}
		done := all.Loop("dispatcher").Once("a short look", time.Second)
		time.Sleep(time.Minute)
		got := all.Stalled(time.Now())
		if len(got) != 1 || got[0].Loop != "dispatcher" || got[0].What != "a look" || !got[0].Since.Equal(began) {
			t.Fatalf("the loop that hangs: %v", got)
		}
		if said := got[0].String(); !strings.Contains(said, "dispatcher") || !strings.Contains(said, "since 2000-01-01T00:00:00Z") {
			t.Errorf("said as %q", said)
		}
		still.End()
		if got := all.Stalled(time.Now()); len(got) != 1 || got[0].What != "a short look" {
			t.Errorf("the other step of it: %v", got)
		}
		done()
		busy := map[string]time.Duration{}
		still.Begin()
		all.EachBusy(time.Now().Add(time.Second), func(loop string, d time.Duration) { busy[loop] = d })
		if len(all.Stalled(time.Now())) > 0 || busy["dispatcher"] != time.Second || busy["intake"] != 0 {
			t.Errorf("it moves again, and is %v", busy)
		}
	})
}

// A part that nobody watches does its work all the same.
func TestNobodyWatches(t *testing.T) {
	var none *liveness.Loops
	s := none.Loop("x").Step("y", 0)
	s.Begin()
	s.End()
	none.Loop("x").Once("y", 0)()
}
