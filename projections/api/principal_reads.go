package api

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aeriehq/aerie/events"
)

// Reading is an answer to who reads, for the log of who has read what.
type Reading struct {
	Caller events.Caller
	Route  string // as it is registered
	Owner  string // whose things were asked for; empty: nobody's in particular
	Status int
	Bytes  int // of the answer, before it is compressed
	Begun  time.Time
}

// StatusOf is the HTTP status of an answer with an error, or without one.
func StatusOf(err error) int {
	var r *events.Refusal
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &r):
		return problem(r).Status
	}
	return http.StatusInternalServerError
}

// noteRead tells of an answer to who reads. What needs no token tells of the program, not of what it keeps.
func (s *server) noteRead(c events.Caller, pattern string, r *http.Request, begun time.Time, answered func() (status, bytes int)) {
	if s.Read == nil || r.Method != http.MethodGet && r.Method != http.MethodHead || slices.Contains(openPaths, r.URL.Path) {
		return
	}
	status, bytes := answered()
	s.Read(Reading{Caller: c, Route: pattern, Owner: ownerOf(r), Status: cmp.Or(status, http.StatusOK), Bytes: bytes, Begun: begun})
}

// ownerOf is whose things a request names: in its path, or as a filter.
func ownerOf(r *http.Request) string {
	owner := cmp.Or(r.PathValue("owner"), r.URL.Query().Get("owner"))
	if owner == "" && strings.HasPrefix(r.URL.Path, "/v1/customers/") {
		owner = r.PathValue("id")
	}
	return events.Truncate(owner)
}

// noteDenied tells of who asked what he may not.
func (s *server) noteDenied(c events.Caller, pattern string, r *http.Request) {
	if s.Denied == nil {
		return
	}
	verb, kind := events.VerbRead, events.Kind("")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		verb = strings.ToLower(r.Method)
	}
	if path, is := strings.CutPrefix(r.URL.Path, commandPath); is {
		if tokens := strings.Split(path, "/"); len(tokens) == 4 {
			kind, verb = events.Kind(tokens[1]), tokens[3]
		}
	} else if d, known := s.Kinds.Find(strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")[0]); known {
		kind = d.Kind
	}
	s.Denied(c, verb, kind)
}
