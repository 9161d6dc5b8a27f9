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

	"github.com/aeriehq/aerie/internal/testbudget"
)

var (
	oneSeed = flag.Uint64("seed", 0, "simulate this one life and print its transcript")
	seeds   = flag.Int("seeds", 0, "how many lives to simulate; 0: as many as internal/testbudget says")
	first   = flag.Uint64("first", 1, "the seed of the first of them")
)

// TestMain has tests with rigs of their own run together: they wait for the disk, command by command. Lives are short and hold little:
// with the collector's usual pace it takes a third of all the processor's time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	testbudget.WaitTogether()
	os.Exit(m.Run())
}

// TestSimulation lives seeded lives of all kinds under faults and checks that each
// of them ends well. A life that does not prints how to live it again.
func TestSimulation(t *testing.T) {
	seen := simulateAll(t, testbudget.Lives, func(l *life) { l.run(60 + l.rnd.IntN(240)) })
	for _, what := range []string{"requested", "activated", "update_requested", "drifted", "retry_requested", "deleted"} {
		seen.must(t, "machines of one tenant: "+what)
	}
	seen.must(t, "deleted of what was undone")
	seen.must(t, "looked at though an upgrade was undone")
}

// TestSimulatedMoves lives lives of tenants that go from one cluster to another and back.
func TestSimulatedMoves(t *testing.T) {
	seen := simulateAll(t, testbudget.Moves, func(l *life) { l.roams(100 + l.rnd.IntN(400)) })
	if n := testbudget.Of(t, testbudget.MovesInLives, 0); !fewLives() && seen["moves"] < n {
		t.Errorf("there were %d moves, want %d", seen["moves"], n)
	}
	seen.must(t, "moves that a Secret was looked for after", "moves that make their dataplane", "moves done to a dataplane that was made",
		"moves: made again what was changed by hand", "moves: made an application again on the way",
		"moves: volumes made of snapshots", "moves: volumes at the end")
}

// TestSimulatedMovesOfSharers lives lives of tenants that go from one cell to another whose applications are shared, on one dataplane
// and on two.
func TestSimulatedMovesOfSharers(t *testing.T) {
	seen := simulateAll(t, testbudget.MovesOfSharers, func(l *life) { l.roamsCells(100 + l.rnd.IntN(400)) })
	seen.must(t, "moves from cell to cell", "moves from cell to cell on one dataplane", "moves aborted", "moves reopened", "moves that copied",
		"moves deleted", "moves to applications of its own", "moves to shared applications", "moves between multi-tenant plans")
}

// TestSimulatedHandovers lives lives whose dataplane goes from the control plane to an agent and back, whatever it and those on
// it are doing: each kind is met while something is made, changed or removed for it.
func TestSimulatedHandovers(t *testing.T) {
	seen := simulateAll(t, testbudget.Handovers, func(l *life) { l.handed(100 + l.rnd.IntN(300)) })
	for _, kind := range []string{"dataplane", "tenantinfra", "tenant", "application", "addon", "cell", "cellapplication"} {
		seen.must(t, "handed over, something owed: "+kind)
	}
}

// must fails the test of lives that never met something. A run of few lives need not have met what is rare.
func (n tally) must(t *testing.T, what ...string) {
	t.Helper()
	for _, w := range what {
		if n[w] == 0 && !fewLives() {
			t.Errorf("no life has met: %s", w)
		}
	}
}

// fewLives tells whether there may be fewer lives than it takes to meet everything.
func fewLives() bool { return *oneSeed != 0 || *seeds != 0 || testing.Short() }

// simulateAll lives one life of a sort for each seed, and counts what happened in them.
func simulateAll(t *testing.T, what testbudget.Name, run func(*life)) tally {
	if *oneSeed != 0 {
		l := simulate(t.TempDir(), *oneSeed, run)
		t.Log(strings.Join(l.lines, "\n"))
		judge(t, *oneSeed, l)
		return l.seen
	}
	n := testbudget.Of(t, what, *seeds)
	seen := tally{}
	var mu sync.Mutex
	var next, failed atomic.Uint64
	var running sync.WaitGroup
	dir := t.TempDir()
	for range runtime.GOMAXPROCS(0) {
		running.Go(func() {
			for seed := *first + next.Add(1) - 1; seed < *first+uint64(n) && failed.Load() < 3; seed = *first + next.Add(1) - 1 {
				l := simulate(dir, seed, run)
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
	return seen
}

// simulate lives one life.
func simulate(dir string, seed uint64, run func(*life)) (l *life) {
	at := filepath.Join(dir, fmt.Sprint(seed))
	l = newLife(seed, at)
	defer func() {
		if p := recover(); p != nil {
			l.wrong("it panics: %v\n%s", p, debug.Stack())
		}
		_ = l.cloud.Close()
		_ = os.RemoveAll(at)
	}()
	run(l)
	return l
}

// judge prints what went wrong in a life, and the life.
func judge(t *testing.T, seed uint64, l *life) bool {
	if len(l.faults) == 0 {
		return false
	}
	t.Errorf("%s\n\ntranscript:\n%s\n\nseed %d, again: go test ./test/sim -run ^%s$ -seed %d\n%s",
		strings.Join(l.faults, "\n"), strings.Join(l.lines, "\n"), seed, t.Name(), seed, strings.Join(l.faults, "\n"))
	return true
}
