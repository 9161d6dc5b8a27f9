package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/aeriehq/aerie/events"
)

// Problem is every answer that says no, as RFC 9457 writes it, with the fields of a Refusal beside.
type Problem struct {
	Type      string              `json:"type" required:"true" doc:"A URN of the code"`
	Title     string              `json:"title" required:"true" doc:"The code in words"`
	Status    int                 `json:"status" required:"true" doc:"The HTTP status"`
	Detail    string              `json:"detail" required:"true" doc:"What is the matter, as a sentence"`
	Code      events.Code         `json:"code" required:"true" enum:"invalid,not_found,conflict,refused,denied,unavailable,rate_limited,internal" doc:"A stable word"`
	Fault     events.Blame        `json:"fault" required:"true" enum:"user,system,cloud" doc:"Who can do something about it"`
	Retryable bool                `json:"retryable" required:"true" doc:"Whether the same request may succeed later"`
	Details   []events.FieldError `json:"details" required:"true" nullable:"false" doc:"What is wrong where"`
}

// Error is the problem in one line.
func (p *Problem) Error() string { return string(p.Code) + ": " + p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of problems, whatever was asked for.
func (p *Problem) ContentType(string) string { return problemJSON }

const problemJSON = "application/problem+json"

var titles = map[events.Code]string{
	events.Invalid: "Invalid", events.NotFound: "Not found", events.Conflict: "Conflict", events.Refused: "Refused",
	events.Denied: "Denied", events.Unavailable: "Unavailable", events.TooMany: "Too many requests", events.Internal: "Internal error",
}

var statuses = map[events.Code]int{
	events.Invalid: http.StatusBadRequest, events.NotFound: http.StatusNotFound, events.Conflict: http.StatusConflict,
	events.Refused: http.StatusUnprocessableEntity, events.Denied: http.StatusForbidden,
	events.Unavailable: http.StatusServiceUnavailable, events.TooMany: http.StatusTooManyRequests,
	events.Internal: http.StatusInternalServerError,
}

// problem writes a refusal down for HTTP.
func problem(r *events.Refusal) *Problem {
	status, known := statuses[r.Code]
	if !known {
		status = http.StatusInternalServerError
	}
	return &Problem{
		Type: "urn:aerie:problem:" + string(r.Code), Title: titles[r.Code], Status: status, Detail: r.Message,
		Code: r.Code, Fault: r.Fault, Retryable: r.Retryable, Details: append([]events.FieldError{}, r.Details...),
	}
}

// problemOf is the problem of any error: of one that is no refusal, the cause
// goes to the log only.
func problemOf(ctx context.Context, what string, err error) *Problem {
	var refusal *events.Refusal
	if errors.As(err, &refusal) {
		return problem(refusal)
	}
	if ctx.Err() == nil { // else nobody waits for the answer
		slog.Error("request failed", "request", what, "error", err)
	}
	return problem(events.Refuse(events.Internal, "internal error"))
}

func invalid(what string, faults ...events.FieldError) *Problem {
	return problem(events.Refuse(events.Invalid, "%s", what).With(faults))
}

// init gives huma's own errors the shape of all others; this variable is the way
// huma has for it.
func init() { huma.NewError = newError }

func newError(status int, msg string, errs ...error) huma.StatusError {
	if status >= http.StatusInternalServerError {
		return problemOf(context.Background(), msg, errors.Join(errs...))
	}
	var faults []events.FieldError
	for _, err := range errs {
		faults = append(faults, faultOf(err))
	}
	return invalid(msg, faults...)
}

// wrong carries a fault of ours through huma.
type wrong struct{ events.FieldError }

func (w *wrong) Error() string { return w.Field + ": " + w.Message }

// faultOf translates a fault that huma found, or carried.
func faultOf(err error) events.FieldError {
	var w *wrong
	if errors.As(err, &w) {
		return w.FieldError
	}
	var d *huma.ErrorDetail
	if !errors.As(err, &d) {
		return events.FieldError{Field: "request", Message: err.Error()}
	}
	_, field, _ := strings.Cut(d.Location, ".")
	msg := d.Message
	if msg == "invalid integer" {
		msg = "want a whole number"
	}
	return events.FieldError{Field: field, Message: fmt.Sprintf("%s, got %q", msg, events.Truncate(fmt.Sprint(d.Value)))}
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	if p.Status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", retryAfter)
	}
	writeJSON(w, p.Status, problemJSON, p)
}

// writeJSON writes an answer; whether it gets there is the client's affair.
func writeJSON(w http.ResponseWriter, status int, contentType string, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // as huma writes: messages say <owner>
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("%T can't be written: %v", v, err)) // a wrong type of ours
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}
