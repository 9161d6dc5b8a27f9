package state

import (
	"fmt"
	"slices"
	"testing"
)

func TestTheOldestCommandsAreForgotten(t *testing.T) {
	a := newAnswers()
	for i := range remembered + 2 {
		a.add(given{id: fmt.Sprint(i)}, uint64(i)+1)
	}
	got := []bool{a.has("0"), a.has("1"), a.has("2"), a.has(fmt.Sprint(remembered + 1))}
	if !slices.Equal(got, []bool{false, false, true, true}) || len(a.seqs) != remembered || a.until != 2 {
		t.Errorf("got %v of %d, forgotten up to %d", got, len(a.seqs), a.until)
	}
}

func (a *answers) has(id string) bool {
	_, ok := a.seqs[id]
	return ok
}
