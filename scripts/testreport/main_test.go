package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	var out strings.Builder
	r := &report{out: &out, said: map[test]*output{}}
	err := r.read(strings.NewReader(`make: something
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"of no interest\n"}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":2}
{"Action":"output","Package":"p","Test":"TestB/one","Output":"why\n"}
{"Action":"fail","Package":"p","Test":"TestB/one","Elapsed":3}
{"Action":"fail","Package":"p","Test":"TestB","Elapsed":3}
{"Action":"fail","Package":"p","Elapsed":5.04}
{"Action":"pass","Package":"q","Elapsed":1}
{"Action":"build-output","ImportPath":"r","Output":"r.go:1: no\n"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.end()
	want := `make: something
FAIL	p	5.0s
ok	q	1.0s
r.go:1: no
the slowest tests:
    3.0s p TestB
    2.0s p TestA

failed: p TestB/one
why

failed: p TestB

failed: p
`
	if got := out.String(); got != want {
		t.Errorf("it says\n%s", got)
	}
}

func TestAPanicIsSaid(t *testing.T) {
	var o output
	o.add("begins\n")
	o.add("panic: test timed out\n")
	for range 10 * mostLines {
		o.add("goroutine\n")
	}
	if said := o.String(); !strings.HasPrefix(said, "panic: test timed out\n") || strings.Count(said, "\n") != mostPanic+mostLines {
		t.Errorf("%d lines: %.200s", strings.Count(said, "\n"), said)
	}
}
