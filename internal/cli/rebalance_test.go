package cli

import (
	"fmt"
	"strings"
	"testing"
)

func TestEvenOut(t *testing.T) {
	cell := func(path string, most int, drains bool, tenants string) *cellLoad {
		return &cellLoad{path, most, drains, strings.Fields(tenants)}
	}
	for _, c := range []struct {
		cells []*cellLoad
		want  string
	}{
		{nil, "[] "},
		{[]*cellLoad{cell("a", 5, false, "t1 t2"), cell("b", 5, false, "t3")}, "[] "},
		{[]*cellLoad{cell("a", 5, false, "t2 t1 t3 t4"), cell("b", 5, false, "")}, "[{t1 a b} {t2 a b}] "},
		{[]*cellLoad{cell("b", 5, false, ""), cell("a", 5, true, "t1 t2")}, "[{t1 a b} {t2 a b}] "},
		{[]*cellLoad{cell("a", 5, true, "t1 t2 t3"), cell("b", 2, false, "t4")}, "[{t1 a b}] a"},
		{[]*cellLoad{cell("a", 5, true, ""), cell("b", 9, false, "t1 t2 t3"), cell("c", 1, false, "")}, "[{t1 b c}] "},
		{[]*cellLoad{cell("a", 5, false, "t1 t2 t3"), cell("b", 0, false, "")}, "[] "},
	} {
		shifts, full := evenOut(c.cells)
		if got := fmt.Sprint(shifts, " ", full); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}
