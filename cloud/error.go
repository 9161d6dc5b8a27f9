package cloud

import (
	"errors"
	"fmt"
	"time"
)

// Class says what an error means for the caller. Each has one consequence; what a cloud's codes mean is decided in that
// cloud's package.
type Class string

// The classes of errors and issues.
const (
	Retryable Class = "retryable" // outcome unknown, or passing trouble: back off, then ensure again with the same token
	Throttled Class = "throttled" // not executed: slow down the whole account and region; no attempt is counted
	Conflict  Class = "conflict"  // another operation runs, or the parent is not ready: wait for it; no attempt is counted
	Taken     Class = "taken"     // the name is another owner's: stop and tell a person
	NotFound  Class = "notfound"  // what it builds on is gone: the world has drifted, look at the parent
	Quota     Class = "quota"     // park until a person raises the quota or lowers the wish; look again slowly
	Capacity  Class = "capacity"  // try another machine, zone or on-demand where the plan allows it, else later
	Denied    Class = "denied"    // park until credentials or rights are mended; shortly after a grant, try again
	Invalid   Class = "invalid"   // this wish can never be met: wait for a changed one
	Terminal  Class = "terminal"  // it failed for good: delete and make it anew, or a person
	Unseen    Class = "unseen"    // it was made often enough, and no look shows it: make no more, look again slowly
	Unknown   Class = "unknown"   // refused in words that nobody has met: try again a few times, then show it to a person
)

// Classes are all classes.
func Classes() []Class {
	return []Class{Retryable, Throttled, Conflict, Taken, NotFound, Quota, Capacity, Denied, Invalid, Terminal, Unseen, Unknown}
}

// UnknownRegion is the code, of class Invalid, of a scope whose region does not exist: nothing was ever made in it.
const UnknownRegion = "UnknownRegion"

// Error is an error of a Provider.
type Error struct {
	Class      Class
	Op         string        // the call, such as EnsureCluster
	Code       string        // the cloud's own code
	Message    string        // the same each time the same happens: what differs from call to call is no part of it
	RequestID  string        // by which the cloud finds the call; empty: it said none
	RetryAfter time.Duration // not before; 0 leaves it to the caller
	Refused    bool          // the cloud answered that it did nothing; without it, what is Retryable may have been done
	Err        error
}

// Error reads as a path: op, class, code, message.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s (%s)", e.Op, e.Class, e.Code)
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// MayBeDone tells whether what a call asked for may have been done although the call failed.
func MayBeDone(err error) bool {
	var e *Error
	if errors.As(err, &e) {
		return e.Class == Retryable && !e.Refused
	}
	return err != nil
}

// ClassOf is the class of an error, empty for nil. What is no *Error is Retryable: its outcome is unknown.
func ClassOf(err error) Class {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return Retryable
}
