package testbudget

import (
	"flag"
	"fmt"
	"runtime"
	"testing"
)

func TestASoakLeavesOutNothing(t *testing.T) {
	t.Setenv(Variable, Soak)
	for what, s := range sizes {
		if n := Of(t, what, 0); n != s.soak {
			t.Errorf("%s: %d, want %d", what, n, s.soak)
		}
		if n := Of(t, what, 7); n != 7 {
			t.Errorf("%s: %d, and its flag says 7", what, n)
		}
	}
}

func TestARunHasItsSize(t *testing.T) {
	t.Setenv(Variable, "")
	for what, s := range sizes {
		want := s.ci
		if testing.Short() {
			want = s.short
		}
		if n := Of(t, what, 0); n != want {
			t.Errorf("%s: %d, want %d", what, n, want)
		}
	}
}

func TestWhoWaitsRunsTogether(t *testing.T) {
	before := flag.Lookup("test.parallel").Value.String()
	t.Cleanup(func() { _ = flag.Set("test.parallel", before) })
	if before != fmt.Sprint(runtime.GOMAXPROCS(0)) {
		t.Skip("-parallel was given")
	}
	WaitTogether()
	if got, want := flag.Lookup("test.parallel").Value.String(), fmt.Sprint(waitingTests*runtime.GOMAXPROCS(0)); got != want {
		t.Errorf("%s at once, want %s", got, want)
	}
	if err := flag.Set("test.parallel", "1"); err != nil {
		t.Fatal(err)
	}
	if WaitTogether(); flag.Lookup("test.parallel").Value.String() != "1" {
		t.Error("what -parallel says does not hold")
	}
}
