package testbudget

import "testing"

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
