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

in short:
failed: p TestB/one
why
failed: p TestB
failed: p
`
	if got := out.String(); got != want {
		t.Errorf("it says\n%s", got)
	}
}

// A package whose time is over says the ends of no tests.
func TestWhatHungIsSaid(t *testing.T) {
	var out strings.Builder
	r := &report{out: &out, said: map[test]*output{}}
	err := r.read(strings.NewReader(`{"Action":"output","Package":"p","Test":"TestLater","Output":"=== PAUSE TestLater\n"}
{"Action":"output","Package":"p","Test":"TestHangs","Output":"waits for a kill\n"}
{"Action":"output","Package":"p","Test":"TestSlow","Output":"panic: test timed out after 20m0s\n"}
{"Action":"output","Package":"p","Test":"TestSlow","Output":"\trunning tests:\n"}
{"Action":"output","Package":"p","Test":"TestSlow","Output":"\n"}
{"Action":"output","Package":"p","Test":"TestSlow","Output":"goroutine 1 [sleep]:\n"}
{"Action":"fail","Package":"p","Elapsed":1200}`))
	if err != nil {
		t.Fatal(err)
	}
	r.end()
	want := "FAIL\tp\t1200.0s\nthe slowest tests:\n\nfailed: p TestHangs\nwaits for a kill\n\n" +
		"failed: p TestSlow\npanic: test timed out after 20m0s\n\trunning tests:\n\ngoroutine 1 [sleep]:\n\nfailed: p\n\nin short:\n" +
		"failed: p TestHangs\nwaits for a kill\nfailed: p TestSlow\npanic: test timed out after 20m0s\n\trunning tests:\nfailed: p\n"
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
