package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aeriehq/aerie/events"
)

// The exit codes; docs/reference.md has the table.
const (
	exitOK          = 0
	exitTrouble     = 1
	exitInvalid     = 2
	exitRefused     = 3
	exitNotFound    = 4
	exitTimeout     = 5
	exitInterrupted = 130 // what a shell says of Ctrl-C
)

// failure is an outcome that no server refused: time ran out, or what was
// wanted failed.
type failure struct {
	code    string // "timeout", or the code of the reason
	message string
	details []string
	exit    int
}

// Error reads as a refusal does.
func (f *failure) Error() string { return f.code + ": " + f.message }

func exitCode(err error) int {
	var f *failure
	var r *events.Refusal
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &f):
		return f.exit
	case errors.As(err, &r):
		return exitOf(r.Code)
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, context.DeadlineExceeded):
		return exitTimeout
	}
	return exitTrouble
}

func exitOf(c events.Code) int {
	switch c {
	case events.Invalid:
		return exitInvalid
	case events.NotFound:
		return exitNotFound
	case events.Conflict, events.Refused, events.Denied:
		return exitRefused
	}
	return exitTrouble
}

// printError writes "error: code: message" and a line for each detail.
func printError(w io.Writer, err error) {
	var all interface{ Unwrap() []error }
	if errors.As(err, &all) {
		for _, e := range all.Unwrap() {
			printError(w, e)
		}
		return
	}
	var f *failure
	var r *events.Refusal
	switch {
	case errors.As(err, &f):
		writeError(w, f.code, f.message, f.details)
	case errors.As(err, &r):
		writeError(w, string(r.Code), r.Message, lines(r.Details))
	case errors.Is(err, context.Canceled):
		writeError(w, "interrupted", "stopped before the end", nil)
	case errors.Is(err, context.DeadlineExceeded):
		writeError(w, "timeout", err.Error(), nil)
	default:
		writeError(w, string(events.Internal), err.Error(), nil)
	}
}

func lines(faults []events.Fault) (all []string) {
	for _, f := range faults {
		all = append(all, f.Field+": "+f.Message)
	}
	return all
}

func writeError(w io.Writer, code, message string, details []string) {
	var b strings.Builder
	fmt.Fprintln(&b, plain("error: "+code+": "+message))
	for _, d := range details {
		fmt.Fprintf(&b, "  %s\n", plain(d))
	}
	_, _ = io.WriteString(w, b.String()) // nowhere left to say that stderr is gone
}
