package bench

import (
	"testing"
	"time"
)

// What a side did is told by the median of its turns and the percentiles of its answers.
func TestSide(t *testing.T) {
	var s side
	for i, n := range []int{30, 10, 20, 40} {
		s.add(sample{n, 10 * time.Second, []time.Duration{time.Duration(i+1) * time.Microsecond}})
	}
	if s.rate() != 2.5 || s.last() != 4 || s.us(0) != 1 || s.us(0.5) != 2 || s.us(1) != 4 {
		t.Errorf("%v %v %v %v %v", s.rate(), s.last(), s.us(0), s.us(0.5), s.us(1))
	}
	if got := s.times(&side{rates: []float64{3, 2, 4, 8}}); got != 0.5 { // 1, 1/2, 1/2, 1/2
		t.Errorf("%v times", got)
	}
}

func TestRounded(t *testing.T) {
	for v, want := range map[float64]string{0.12345: "0.123", 2.3456: "2.35", 99.96: "100", 12345.6: "12346", 2: "2"} {
		if got := rounded(v); got != want {
			t.Errorf("%v is %s, want %s", v, got, want)
		}
	}
}
