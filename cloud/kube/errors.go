package kube

import (
	"errors"
)

// Code says what an error means for the caller.
type Code string

// The codes of an API's errors.
const (
	NotFound      Code = "not_found"     // it, or the namespace it would be in, is not there
	Invalid       Code = "invalid"       // the object is wrong; asking again with the same is no use
	Conflict      Code = "conflict"      // another's object, or a newer state than the caller knew: read again, then decide
	Forbidden     Code = "forbidden"     // the credentials do not allow it, or admission
	Full          Code = "full"          // the namespace's quota is used up
	Unready       Code = "unready"       // what was installed does not run, and the message says why
	Unschedulable Code = "unschedulable" // there is no machine for it
	Broken        Code = "broken"        // what was installed, or its hooks, did not do what they should: that may pass
	Held          Code = "held"          // somebody keeps it where it is, and the message says who
	Unavailable   Code = "unavailable"   // the API cannot answer now, or the outcome is unknown: ask again later
)

// Error is every error of this package.
type Error struct {
	Code    Code
	Op      string // what was tried: apply, get, list, delete, ensure tenant …
	Object  string // on what, in words
	Message string
	Err     error
}

// Error reads as a path: op, object, code, message. Of a call without an answer it has no ports and addresses: these would
// make each failure another one. They are in Unwrap.
func (e *Error) Error() string {
	s := e.Op
	if e.Object != "" {
		s += " " + e.Object
	}
	s += ": " + string(e.Code)
	message := e.Message
	if e.Code == Unavailable {
		message = normalize(message)
	}
	if message != "" {
		s += ": " + message
	}
	return s
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf is the code of an error, empty for nil. What is no *Error is unavailable: its outcome is unknown.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Unavailable
}

// IgnoreNotFound returns an error as it is, or nil if it says that something is not there.
func IgnoreNotFound(err error) error {
	if CodeOf(err) == NotFound {
		return nil
	}
	return err
}

// Fail is the error of an operation on an object.
func Fail(code Code, op string, k Key, message string) error {
	return &Error{Code: code, Op: op, Object: k.String(), Message: message}
}

// ErrUnserved says that a kind is not served.
var ErrUnserved = errors.New("the kind is not served")
