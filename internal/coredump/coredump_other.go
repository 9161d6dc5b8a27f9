//go:build !linux

package coredump

// Forbid does nothing here: aerie's servers and agents run on Linux, and elsewhere is where they are tried.
func Forbid() error { return nil }
