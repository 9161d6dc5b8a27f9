package client

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
	ExitOK          = 0
	ExitFailure     = 1
	ExitInvalid     = 2
	ExitRefused     = 3
	ExitNotFound    = 4
	ExitTimeout     = 5
	ExitInterrupted = 130 // what a shell says of Ctrl-C
)

// Failure is an outcome that no server refused: time ran out, or what was
// wanted failed.
type Failure struct {
	Code    string // "timeout", or the code of the reason
	Message string
	Details []string // one line each, below the message
	Exit    int      // the exit code
}

// Error reads as a refusal does.
func (f *Failure) Error() string { return f.Code + ": " + f.Message }

// ExitCode is the code with which the program ends for an error.
func ExitCode(err error) int {
	var f *Failure
	var r *events.Refusal
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &f):
		return f.Exit
	case errors.As(err, &r):
		return exitOf(r.Code)
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	case errors.Is(err, context.DeadlineExceeded):
		return ExitTimeout
	}
	return ExitFailure
}

func exitOf(c events.Code) int {
	switch c {
	case events.Invalid:
		return ExitInvalid
	case events.NotFound:
		return ExitNotFound
	case events.Conflict, events.Refused, events.Denied:
		return ExitRefused
	}
	return ExitFailure
}

// PrintError writes "error: code: message" and a line for each detail.
func PrintError(w io.Writer, err error) {
	var all interface{ Unwrap() []error }
	if errors.As(err, &all) {
		for _, e := range all.Unwrap() {
			PrintError(w, e)
		}
		return
	}
	var f *Failure
	var r *events.Refusal
	switch {
	case errors.As(err, &f):
		writeError(w, f.Code, f.Message, f.Details)
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

func lines(faults []events.FieldError) (all []string) {
	for _, f := range faults {
		all = append(all, f.Field+": "+f.Message)
	}
	return all
}

func writeError(w io.Writer, code, message string, details []string) {
	var b strings.Builder
	fmt.Fprintln(&b, Plain("error: "+code+": "+message))
	for _, d := range details {
		fmt.Fprintf(&b, "  %s\n", Plain(d))
	}
	_, _ = io.WriteString(w, b.String()) // nowhere left to say that stderr is gone
}
