package bench

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aeriehq/aerie/internal/cli/print"
)

// figure is one thing a benchmark found.
type figure struct {
	key   string // in the line of JSON
	words string // on the screen
	value float64
	unit  string // "/s", " us", "" for a bare number
}

// sample is what one side did in one turn.
type sample struct {
	n    int // things done, in the unit both sides are counted in
	took time.Duration
	each []time.Duration // how long each answer took
}

// side is one side's turns.
type side struct {
	rates []float64
	each  []time.Duration
}

func (s *side) add(one sample) {
	s.rates = append(s.rates, float64(one.n)/one.took.Seconds())
	s.each = append(s.each, one.each...)
}

// rate is the median of the turns.
func (s *side) rate() float64 { return median(s.rates) }

// times is how many times as fast as another side this one is: the median of the
// rounds, in each of which the machine was the same for both.
func (s *side) times(other *side) float64 {
	rounds := make([]float64, len(s.rates))
	for i := range rounds {
		rounds[i] = s.rates[i] / other.rates[i]
	}
	return median(rounds)
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// last is the rate of the newest turn.
func (s *side) last() float64 { return s.rates[len(s.rates)-1] }

// us is how many microseconds no more than a part q of the answers took.
func (s *side) us(q float64) float64 {
	sorted := slices.Sorted(slices.Values(s.each))
	return float64(sorted[int(q*float64(len(sorted)-1))].Nanoseconds()) / 1000
}

// compared are the figures that every benchmark begins with: unit is what is
// counted, the other two are what was timed one by one on either side.
func compared(ours, raw *side, unit, timed, rawTimed string) []figure {
	return []figure{
		{"per_s", unit, ours.rate(), "/s"},
		{"raw_per_s", "raw: " + unit, raw.rate(), "/s"},
		{"ratio", "ratio", ours.times(raw), ""},
		{"p50_us", "half of the " + timed + " within", ours.us(0.5), " us"},
		{"p99_us", "99 % of the " + timed + " within", ours.us(0.99), " us"},
		{"raw_p50_us", "raw: half of the " + rawTimed + " within", raw.us(0.5), " us"},
		{"raw_p99_us", "raw: 99 % of the " + rawTimed + " within", raw.us(0.99), " us"},
	}
}

// line is the figures as one line of JSON.
func (b *bench) line(figures []figure) []byte {
	line := fmt.Appendf(nil, `{"bench":%q,"n":%d`, b.name, b.n)
	for _, f := range figures {
		line = fmt.Appendf(line, `,%q:%s`, f.key, rounded(f.value))
	}
	return append(line, "}\n"...)
}

// table is the figures for people.
func (b *bench) table(w io.Writer, figures []figure) error {
	rows := make([][]string, 0, len(figures))
	for _, f := range figures {
		rows = append(rows, []string{f.words, rounded(f.value) + f.unit})
	}
	return print.Rows(w, []string{fmt.Sprintf("bench %s --n %d", b.name, b.n), ""}, rows)
}

// rounded has three digits at least, and no more than the figure is worth.
func rounded(v float64) string {
	if v >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// abreastOf shares n calls among workers; each makes its next one when it has
// the answer to the last. The first error ends it.
func abreastOf(ctx context.Context, workers, n int, do func(ctx context.Context, worker, i int) error) (sample, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	each := make([]time.Duration, n)
	runtime.GC() // nobody pays for the other side's garbage
	start := time.Now()
	var running sync.WaitGroup
	for w := range workers {
		running.Go(func() {
			for i := w; i < n && ctx.Err() == nil; i += workers {
				asked := time.Now()
				if err := do(ctx, w, i); err != nil {
					cancel(err)
					return
				}
				each[i] = time.Since(asked)
			}
		})
	}
	running.Wait()
	return sample{n, time.Since(start), each}, context.Cause(ctx)
}
