package cli

import (
	"fmt"
	"strings"
	"testing"
)

func TestEvenOut(t *testing.T) {
	cell := func(path string, most int, drains bool, tenants string) *cellLoad {
		plan := strings.TrimRight(path, "0123456789") // only those of a plan end in a number
		if plan == path {
			plan = ""
		}
		return &cellLoad{path, plan, most, drains, strings.Fields(tenants)}
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
		{[]*cellLoad{cell("a", 5, true, "t1 t2"), cell("p1", 5, false, "t5"), cell("p2", 5, true, "t3 t4"), cell("q1", 5, false, "")}, "[{t3 p2 p1} {t4 p2 p1}] a"},
		{[]*cellLoad{cell("p1", 5, false, "t1 t2 t3 t4"), cell("q1", 5, false, ""), cell("p2", 5, false, "")}, "[{t1 p1 p2} {t2 p1 p2}] "},
	} {
		shifts, full := evenOutAll(c.cells)
		keeps := ""
		if full != nil {
			keeps = full.path
		}
		if got := fmt.Sprint(shifts, " ", keeps); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}
