package projections

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/aeriehq/aerie/events"
)

const (
	// heartbeat is the longest silence of a stream: proxies cut what is silent.
	heartbeat = 15 * time.Second
	// stuck is how long a client may take to take what is written.
	stuck = 30 * time.Second
	// gulp is how many events a stream reads before it looks again.
	gulp = 100
)

const eventStream = "text/event-stream"

// events is the route of the log: a list, or a stream for who accepts one.
func (s *server) events(api huma.API) {
	op := get("list-events", "/v1/events", "The log, oldest first, or live", "events")
	op.Description = "With Accept: text/event-stream the events live: from now on, unless after, since or Last-Event-ID says from where."
	op.Responses = map[string]*huma.Response{"200": {
		Description: "A page of events whose next is the after of the next page; or a stream with the sequence as id, the type as event and an Event as data",
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[List[Event]](), true, "")},
			eventStream:        {Schema: &huma.Schema{Type: huma.TypeString}},
		},
	}}
	route(api, op, func(ctx context.Context, q *EventQuery) (*huma.StreamResponse, error) {
		f, err := q.filter()
		if err != nil {
			return nil, err
		}
		if strings.Contains(q.Accept, eventStream) {
			return s.live(ctx, *q, f)
		}
		page, err := s.listEvents(ctx, *q, f)
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(c huma.Context) {
			_, w := humago.Unwrap(c)
			writeJSON(w, http.StatusOK, "application/json", page)
		}}, nil
	})
	documentValues(api.OpenAPI().Paths[op.Path].Get, "kind", kinds())
}

// live answers with a stream, once it is known where that begins.
func (s *server) live(ctx context.Context, q EventQuery, f eventFilter) (*huma.StreamResponse, error) {
	if q.At != "" {
		return nil, refuseField("at", "a stream is of what comes: leave at out, or ask for JSON")
	}
	if q.LastEvent != "" {
		after, err := strconv.ParseUint(q.LastEvent, 10, 64)
		if err != nil {
			return nil, events.RefuseFaults("events", []events.Fault{{Field: "Last-Event-ID", Message: fmt.Sprintf("%q is not a sequence: want a whole number", events.Clip(q.LastEvent))}})
		}
		q.After = after
	}
	if err := s.views.Await(ctx, q.After); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		r, w := humago.Unwrap(c)
		given := r.URL.Query()
		if q.LastEvent == "" && !given.Has("after") && !given.Has("since") {
			q.After = s.views.AsOf().Seq
		}
		st := &stream{server: s, w: w, control: http.NewResponseController(w), filter: f, after: q.After, left: limitOf(given, q)}
		err := st.run(r.Context())
		if err != nil && !errors.Is(err, context.Canceled) {
			slog.Warn("stream of events ended", "error", err)
		}
	}}, nil
}

// limitOf is how many events a stream may send: -1 is any number.
func limitOf(given url.Values, q EventQuery) int {
	if given.Has("limit") {
		return q.Limit
	}
	return -1
}

// stream is one client that listens.
type stream struct {
	server  *server
	w       http.ResponseWriter
	control *http.ResponseController
	filter  eventFilter
	after   uint64
	left    int
	wrote   time.Time
}

// run sends events until the client goes, the server stops, or the limit is reached.
func (s *stream) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-s.server.Done:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := s.open(); err != nil {
		return err
	}
	for {
		if err := s.send(ctx); err != nil || s.left == 0 {
			return err
		}
		if err := s.wait(ctx); err != nil {
			return err
		}
	}
}

// open sends the headers at once, so that the client knows it is listening. A
// stream outlives the deadlines of the server; each write has its own instead.
func (s *stream) open() error {
	if err := s.control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("open a stream: %w", err)
	}
	s.w.Header().Set("Content-Type", eventStream)
	s.w.WriteHeader(http.StatusOK)
	return s.write(": listening\n\n")
}

// send sends what matches and is not sent yet.
func (s *stream) send(ctx context.Context) error {
	limit := gulp
	if s.left > 0 {
		limit = min(limit, s.left)
	}
	seqs, reached, _ := s.server.views.find(s.filter, s.after, moment{}.end(), limit)
	found, err := s.server.readEvents(ctx, seqs)
	if err != nil {
		return err
	}
	for _, e := range found {
		data, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("write event %d: %w", e.Seq, err)
		}
		if err := s.write(fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.Type, data)); err != nil {
			return err
		}
	}
	s.after = reached
	if s.left > 0 {
		s.left -= len(found)
	}
	return nil
}

// wait returns when there is more to look at, and says meanwhile that the
// stream is alive.
func (s *stream) wait(ctx context.Context) error {
	for {
		if time.Since(s.wrote) >= s.server.heartbeat {
			if err := s.write(": still here\n\n"); err != nil {
				return err
			}
		}
		quiet, cancel := context.WithDeadline(ctx, s.wrote.Add(s.server.heartbeat))
		err := s.server.views.fold.Wait(quiet, s.after+1)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
}

func (s *stream) write(text string) error {
	s.wrote = time.Now()
	if err := s.control.SetWriteDeadline(s.wrote.Add(stuck)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("write to a stream: %w", err)
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return fmt.Errorf("write to a stream: %w", err)
	}
	if err := s.control.Flush(); err != nil {
		return fmt.Errorf("write to a stream: %w", err)
	}
	return nil
}
