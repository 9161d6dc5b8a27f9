package sim

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	oneSeed = flag.Uint64("seed", 0, "simulate this one life and print its transcript")
	seeds   = flag.Int("seeds", 0, "how many lives to simulate; 0: as many as fit into a test")
	first   = flag.Uint64("first", 1, "the seed of the first of them")
)

// livesInATest is how many seeds a normal test lives.
var livesInATest = 500

// TestSimulation lives seeded lives of all kinds under faults and checks that each
// of them ends well. A life that does not prints how to live it again.
func TestSimulation(t *testing.T) {
	if *oneSeed != 0 {
		l := simulate(t.TempDir(), *oneSeed)
		t.Log(strings.Join(l.lines, "\n"))
		judge(t, *oneSeed, l)
		return
	}
	n := livesInATest
	switch {
	case *seeds > 0:
		n = *seeds
	case testing.Short():
		n = 50
	}
	seen := tally{}
	var mu sync.Mutex
	var next, failed atomic.Uint64
	var running sync.WaitGroup
	dir := t.TempDir()
	for range runtime.GOMAXPROCS(0) {
		running.Go(func() {
			for seed := *first + next.Add(1) - 1; seed < *first+uint64(n) && failed.Load() < 3; seed = *first + next.Add(1) - 1 {
				l := simulate(dir, seed)
				mu.Lock()
				if judge(t, seed, l) {
					failed.Add(1)
				}
				for k, v := range l.seen {
					seen[k] += v
				}
				mu.Unlock()
			}
		})
	}
	running.Wait()
	for _, k := range slices.Sorted(maps.Keys(seen)) {
		t.Logf("%6d %s", seen[k], k)
	}
}

// simulate lives one life.
func simulate(dir string, seed uint64) (l *life) {
	at := filepath.Join(dir, fmt.Sprint(seed))
	l = newLife(seed, at)
	defer func() {
		if p := recover(); p != nil {
			l.wrong("it panics: %v\n%s", p, debug.Stack())
		}
		_ = l.cloud.Close()
		_ = os.RemoveAll(at)
	}()
	l.run(60 + l.rnd.IntN(240))
	return l
}

// judge prints what went wrong in a life, and the life.
func judge(t *testing.T, seed uint64, l *life) bool {
	if len(l.faults) == 0 {
		return false
	}
	t.Errorf("%s\n\ntranscript:\n%s\n\nseed %d, again: go test ./test/sim -run TestSimulation -seed %d\n%s",
		strings.Join(l.faults, "\n"), strings.Join(l.lines, "\n"), seed, seed, strings.Join(l.faults, "\n"))
	return true
}
