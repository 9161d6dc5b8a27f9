package api

import (
	"net/http"

	"github.com/aeriehq/aerie/events"
)

// retryAfter is how many seconds who has used up his budget is told to wait.
const retryAfter = "1"

// spend takes a request off its caller's budget, or refuses it.
func (s *server) spend(c events.Caller, r *http.Request) error {
	if s.Spend == nil {
		return nil
	}
	return s.Spend(c, bodyBytes(r))
}

// bodyBytes is how much of a request is read at most: what a caller says of its length is his word alone, and he need not say any.
func bodyBytes(r *http.Request) int {
	if r.ContentLength < 0 {
		return events.MaxBody
	}
	return int(min(r.ContentLength, events.MaxBody))
}

// openTail opens a stream for a caller, or refuses it.
func (s *server) openTail(c events.Caller) (done func(), err error) {
	if s.OpenTail == nil {
		return func() {}, nil
	}
	return s.OpenTail(c)
}
