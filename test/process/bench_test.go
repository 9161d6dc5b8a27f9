package process

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aeriehq/aerie/internal/client"
)

// everyBenchmark are the figures that each line has.
var everyBenchmark = []string{"per_s", "raw_per_s", "ratio", "p50_us", "p99_us", "raw_p50_us", "raw_p99_us"}

// TestBench runs each benchmark small and reads its line.
func TestBench(t *testing.T) {
	for _, c := range []struct {
		args string
		n    float64
		more []string
	}{
		{"commands --n 60 --clients 5 --rounds 2", 60, []string{"raw_fit_per_s", "per_append", "one_p50_us", "one_p99_us", "one_raw_p50_us", "one_raw_p99_us", "one_times_raw"}},
		{"append --n 60 --rounds 2", 60, nil},
		{"fold --n 1203 --rounds 2", 1203, nil},
		{"query --n 300 --rounds 2", 300, []string{"page_p50_us", "page_p99_us", "at_p50_us", "at_p99_us", "page_at_first_ms", "page_at_p99_us", "bytes_each", "nats_bytes_each"}},
		{"history --n 1300 --rounds 2", 1300, []string{"again_times", "new_times", "page_times", "at_times", "new_p50_us", "page_p50_us", "at_p50_us", "growth", "start_s"}},
		{"start --n 300 --rounds 2", 300, []string{"killed_p50_us", "killed_raw_p50_us", "first_us"}},
		{"placement --n 20 --clients 3 --rounds 2", 20, []string{"decision_p50_us", "decision_p99_us", "decision_max_us"}},
		{"placement --servers 2 --n 20 --clients 3 --rounds 2", 20, []string{"decision_p50_us", "decision_p99_us", "decision_max_us"}},
		{"lifecycle --n 20 --clients 3 --rounds 2", 20, []string{"events_per_tenant", "events_per_s", "per_append"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel() // some wait until caches are gone
			dir := t.TempDir()
			profile := filepath.Join(t.TempDir(), "cpu")
			args := append([]string{"bench"}, strings.Fields(c.args)...)
			s := finish(aerie(t.Context(), append(args, "--json", "--dir", dir, "--cpuprofile", profile)...))
			if s.code != 0 || strings.Count(s.out, "\n") != 1 || strings.Count(s.err, "\n") != 2 {
				t.Fatalf("%+v", s)
			}
			var line map[string]any
			if err := json.Unmarshal([]byte(s.out), &line); err != nil {
				t.Fatalf("%s: %v", s.out, err)
			}
			if line["bench"] != strings.Fields(c.args)[0] || line["n"] != c.n {
				t.Errorf("%s", s.out)
			}
			for _, key := range append(everyBenchmark, c.more...) {
				if v, _ := line[key].(float64); v <= 0 {
					t.Errorf("%s is %v", key, line[key])
				}
			}
			if len(line) != 2+len(everyBenchmark)+len(c.more) {
				t.Errorf("there are other figures: %s", s.out)
			}
			if info, err := os.Stat(profile); err != nil || info.Size() == 0 {
				t.Errorf("no profile: %v", err)
			}
			empty(t, dir)
		})
	}
}

func empty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left over in %s: %v %v", dir, left, err)
	}
}

// TestBenchTails has some who listen, and some who do not read.
func TestBenchTails(t *testing.T) {
	dir := t.TempDir()
	s := finish(aerie(t.Context(), strings.Fields("bench tails --n 200 --rounds 1 --clients 4 --sse 5 --nats 5 --silent-sse 1 --silent-nats 1 --json --dir "+dir)...))
	var line map[string]any
	if err := json.Unmarshal([]byte(s.out), &line); err != nil || s.code != 0 {
		t.Fatalf("%+v: %v", s, err)
	}
	for key, least := range map[string]float64{"per_s": 1, "p50_us": 1, "alone_p50_us": 1, "times_alone": 0.001, "sse_lag_p50_ms": 0, "nats_lag_max_ms": 0, "sse_whole": 5, "nats_whole": 5, "sse_cut": 0, "nats_cut_s": 0} {
		if v, ok := line[key].(float64); !ok || v < least {
			t.Errorf("%s is %v", key, line[key])
		}
	}
	if line["sse_ended"] != 0.0 || line["nats_ended"] != 0.0 {
		t.Errorf("who reads is cut: %s", s.out)
	}
	empty(t, dir)
}

// TestBenchTable reads what people see.
func TestBenchTable(t *testing.T) {
	s := finish(aerie(t.Context(), "bench", "append", "--n", "20", "--rounds", "1", "--dir", t.TempDir()))
	if s.code != 0 || !strings.HasPrefix(s.out, "bench append --n 20\n") || !strings.Contains(s.out, "\nratio ") || !strings.HasPrefix(s.err, "round 1 of 1: ") {
		t.Errorf("%+v", s)
	}
}

// TestBenchInterrupted sends Ctrl-C once a round has ended: nothing is left.
func TestBenchInterrupted(t *testing.T) {
	for _, name := range []string{"commands", "append", "fold", "lifecycle", "query", "start"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			cmd := aerie(t.Context(), "bench", name, "--n", "10000000", "--dir", dir)
			var out strings.Builder
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			until(t, "the store of its server", func() bool { return len(glob(t, filepath.Join(dir, "*", "nats", "jetstream"))) > 0 })
			if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			if code := exitStatus(cmd.Wait()); code != client.ExitInterrupted || out.String() != "error: interrupted: stopped before the end\n" {
				t.Errorf("exit %d: %s", code, out.String())
			}
			empty(t, dir)
		})
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// until waits for what another process does, and says for what if that does not come within a minute.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	end := time.After(time.Minute)
	for !so() {
		select {
		case <-end:
			t.Fatalf("this does not come: %s", what)
		case <-t.Context().Done():
			t.Fatalf("this has not come: %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// TestBenchAgents has a few agents do what they are told, and come back to a server that was killed: nothing is lost, and nothing done
// twice.
func TestBenchAgents(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := finish(aerie(t.Context(), strings.Fields("bench agents --n 3 --rounds 1 --idle 1s --json --dir "+dir)...))
	var line map[string]any
	if err := json.Unmarshal([]byte(s.out), &line); err != nil || s.code != 0 {
		t.Fatalf("%+v: %v", s, err)
	}
	for _, key := range []string{"joined_s", "built_s", "p50_us", "p99_us", "all_s", "rss_all_kb_each", "serves_s", "back_s"} {
		if v, ok := line[key].(float64); !ok || v <= 0 {
			t.Errorf("%s is %v", key, line[key])
		}
	}
	if line["lost"] != 0.0 || line["twice"] != 0.0 {
		t.Errorf("lost, or done twice: %s", s.out)
	}
	empty(t, dir)
}
