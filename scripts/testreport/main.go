// Command testreport reads what go test -json prints and says what a person wants of it: a line for each package as it ends, and
// at the end all that the tests that failed have printed, and the 20 that took longest.
//
// Lines that are not JSON are passed on as they are: make and the compiler print some. It ends with an error if anything
// failed. What a test prints is kept until the test has passed, so its memory is bounded by what runs at once; of a test that
// fails the last 300 lines are said, and the hundred from where it panicked: a test that takes too long ends so. The last lines
// say all failures once more in short, for who sees the end alone.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

const (
	mostLines   = 300 // of a test that failed
	mostPanic   = 100 // of a panic
	mostSlowest = 20
	mostShort   = 12
)

// event is one of those of go doc test2json.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64 // seconds
}

// test is one that has ended; a package as a whole has no name.
type test struct {
	pkg, name string
	took      float64
}

func (t test) String() string { return strings.TrimSpace(t.pkg + " " + t.name) }

// report is what was read so far.
type report struct {
	out    io.Writer
	said   map[test]*output // by package and name: what was printed
	failed []test
	ended  []test
}

// output is what a test has printed: from where it panicked, and the last.
type output struct{ panicked, last []string }

func (o *output) add(line string) {
	if n := len(o.panicked); n > 0 && n < mostPanic || n == 0 && (strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ")) {
		o.panicked = append(o.panicked, line)
		return
	}
	o.last = append(o.last, line)
	if n := len(o.last); n > 2*mostLines {
		o.last = slices.Clone(o.last[n-mostLines:])
	}
}

func (o *output) String() string {
	return strings.Join(o.panicked, "") + strings.Join(o.last[max(0, len(o.last)-mostLines):], "")
}

// short is a panic without its stacks, which for a package whose time is over says what ran, or the last lines.
func (o *output) short() string {
	if o == nil {
		return ""
	}
	if o.panicked != nil {
		text, _, _ := strings.Cut(strings.Join(o.panicked, ""), "\n\n")
		return text + "\n"
	}
	own := slices.DeleteFunc(slices.Clone(o.last), func(line string) bool { return !isOfTest(line) })
	return strings.Join(own[max(0, len(own)-mostShort):], "")
}

func main() {
	r := &report{out: os.Stdout, said: map[test]*output{}}
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "read the results of tests:", err)
		os.Exit(1)
	}
	r.end()
	if len(r.failed) > 0 {
		os.Exit(1)
	}
}

func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		var e event
		switch {
		case line == "":
		case json.Unmarshal([]byte(line), &e) == nil && e.Action != "":
			r.take(e)
		default:
			fmt.Fprintln(r.out, strings.TrimSuffix(line, "\n"))
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) take(e event) {
	key := test{pkg: e.Package, name: e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		if r.said[key] == nil {
			r.said[key] = &output{}
		}
		r.said[key].add(e.Output)
	case "pass", "skip", "fail":
		r.conclude(key, e)
	}
}

// conclude takes the end of a test or a package.
func (r *report) conclude(key test, e event) {
	if e.Test == "" && e.Action != "skip" {
		fmt.Fprintf(r.out, "%s\t%s\t%.1fs\n", map[bool]string{true: "FAIL", false: "ok"}[e.Action == "fail"], e.Package, e.Elapsed)
	}
	if e.Action == "fail" {
		if e.Test == "" {
			r.abandon(e.Package)
		}
		r.failed = append(r.failed, key)
	} else {
		delete(r.said, key)
	}
	if e.Test != "" && !strings.Contains(e.Test, "/") {
		r.ended = append(r.ended, test{e.Package, e.Test, e.Elapsed})
	}
}

// abandon takes the tests of a package that ended before them, for instance by its time: go test says no end of theirs, and what
// panicked stands in the output of whichever spoke last. Those that have said nothing had not begun.
func (r *report) abandon(pkg string) {
	var never []test
	for key, said := range r.said {
		if key.pkg == pkg && key.name != "" && !slices.Contains(r.failed, key) && (said.panicked != nil || slices.ContainsFunc(said.last, isOfTest)) {
			never = append(never, key)
		}
	}
	slices.SortFunc(never, func(a, b test) int { return cmp.Compare(a.name, b.name) })
	r.failed = append(r.failed, never...)
}

// isOfTest says whether a line is a test's own, and not one by which go test says that it runs.
func isOfTest(line string) bool { return !strings.HasPrefix(line, "=== ") }

// end says what failed, and what took longest.
func (r *report) end() {
	slices.SortFunc(r.ended, func(a, b test) int { return cmp.Compare(b.took, a.took) })
	fmt.Fprintln(r.out, "the slowest tests:")
	for _, t := range r.ended[:min(len(r.ended), mostSlowest)] {
		fmt.Fprintf(r.out, "%7.1fs %s\n", t.took, t)
	}
	for _, t := range r.failed {
		fmt.Fprintf(r.out, "\nfailed: %s\n", t)
		if said := r.said[t]; said != nil {
			fmt.Fprint(r.out, said)
		}
	}
	for i, t := range r.failed {
		if i == 0 {
			fmt.Fprintln(r.out, "\nin short:")
		}
		fmt.Fprintf(r.out, "failed: %s\n%s", t, r.said[t].short())
	}
}
