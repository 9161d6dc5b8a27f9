package script

import "slices"

// Fault is something that goes wrong at a phase M of the calls C that it matches. Span is the first of them that is hit,
// where 0 is the first of all, and how many are: 0 is one, below 0 all from then on.
type Fault[M comparable, C any] interface {
	Phase() M
	Matches(C) bool
	Span() (nth, times int)
}

// Faults are those that a program has injected and those of a file. The zero value has none. It is not safe for
// concurrent use.
type Faults[M comparable, C any, F Fault[M, C]] struct {
	injected, written []*armed[F]
}

// armed is a fault and how many it has matched.
type armed[F any] struct {
	fault F
	seen  int
}

// hit counts one more and says whether it is one that is hit.
func (a *armed[F]) hit(nth, times int) bool {
	a.seen++
	first := max(nth, 1)
	return a.seen >= first && (times < 0 || a.seen < first+max(times, 1))
}

func arm[F any](given []F) (all []*armed[F]) {
	for _, one := range given {
		all = append(all, &armed[F]{fault: one})
	}
	return all
}

// Inject adds faults, after those that are there.
func (f *Faults[M, C, F]) Inject(given ...F) { f.injected = append(f.injected, arm(given)...) }

// Write replaces those of the file; their counts begin anew.
func (f *Faults[M, C, F]) Write(given []F) { f.written = arm(given) }

// Strike is the fault that hits this phase of a call. All that match count it; the first that hits is it.
func (f *Faults[M, C, F]) Strike(m M, c C) (struck F, ok bool) {
	for _, a := range slices.Concat(f.injected, f.written) {
		if a.fault.Phase() == m && a.fault.Matches(c) && a.hit(a.fault.Span()) && !ok {
			struck, ok = a.fault, true
		}
	}
	return struck, ok
}
