package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/views"
)

const (
	// heartbeat is the longest silence of a stream: proxies cut what is silent.
	heartbeat = 15 * time.Second
	// writeWithin is how long a client may take to take one write. Then it is cut, and
	// goes on with Last-Event-ID when it reads again.
	writeWithin = 5 * time.Second
	// endWithin is how long a write may still take when the stream is to end.
	endWithin = 500 * time.Millisecond
	// maxWrite is what a stream writes at once, and one event more.
	maxWrite = 32 << 10
	// sendBuffer bounds what the kernel holds of a stream: on a fast network it takes
	// megabytes before the first write waits.
	sendBuffer = 128 << 10
	// pastEvents is how many events a stream reads from the log before it writes them.
	pastEvents = 100
	// pastReaders is how many streams read the past at once.
	pastReaders = 4
)

// stream serves a stream that has joined.
func (s *server) stream(c huma.Context, q views.EventQuery, f views.EventFilter) {
	r, w := humago.Unwrap(c)
	given := r.URL.Query()
	if q.LastEvent == "" && !given.Has("after") && !given.Has("since") {
		q.After = s.views.AsOf().Seq
	}
	st := &stream{server: s, w: w, control: http.NewResponseController(w), filter: f, after: q.After, left: limitOf(given, q)}
	if caller := callerOf(r.Context()); caller.Role.OfCustomer() {
		st.customer = caller.Owner
	}
	st.conn, _ = r.Context().Value(connKey{}).(*net.TCPConn)
	cut := false
	defer func() { s.Fanout.leave(cut) }()
	err := st.run(r.Context())
	cut = errors.Is(err, os.ErrDeadlineExceeded) && time.Since(st.wrote) >= s.writeWithin // else it was to end
	switch {
	case cut:
		st.drop()
		slog.Warn("stream of events cut: its client does not read", "client", r.RemoteAddr, "after", st.after)
	case err != nil && r.Context().Err() == nil && !errors.Is(err, context.Canceled):
		slog.Warn("stream of events ended", "client", r.RemoteAddr, "error", err)
	}
}

type connKey struct{}

// WithConn lets the streams of a connection know it: for ConnContext of http.Server.
func WithConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// stream is one client that listens.
type stream struct {
	server   *server
	w        http.ResponseWriter
	control  *http.ResponseController
	conn     *net.TCPConn // nil: not known
	filter   views.EventFilter
	customer string  // whose people it is for; empty: the platform's staff
	after    uint64  // what matches up to there is written, or in text
	left     int     // how many events it may still send; negative: any number
	text     *[]byte // not written yet; nil: nothing
	wrote    time.Time

	mu     sync.Mutex // guards ending, and that no deadline is set after it
	ending bool       // the server stops, or the client is gone
}

// run sends events until the client goes, the server stops, or the limit is reached.
func (s *stream) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	watching.Go(func() {
		select {
		case <-s.server.Done:
		case <-ctx.Done():
		}
		s.end()
		cancel()
	})
	if err := s.open(); err != nil {
		return err
	}
	for s.left != 0 {
		if err := s.step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// end makes the write that is under way come to an end.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending = true
	_ = s.control.SetWriteDeadline(time.Now().Add(endWithin)) // else the client or writeWithin ends it
}

// open sends the headers at once, so that the client knows it is listening. A
// stream outlives the deadlines of the server; each write has its own instead.
func (s *stream) open() error {
	if err := s.control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("open a stream: %w", err)
	}
	if s.conn != nil {
		if err := s.conn.SetWriteBuffer(sendBuffer); err != nil {
			return fmt.Errorf("open a stream: %w", err)
		}
	}
	s.w.Header().Set("Content-Type", eventStream)
	s.w.WriteHeader(http.StatusOK)
	return s.say(": listening\n\n")
}

// drop ends a connection without sending what the client has not taken.
func (s *stream) drop() {
	if s.conn != nil {
		_ = s.conn.SetLinger(0) // else the kernel keeps it for minutes
	}
}

// step sends what there is after the last event, or waits until there is something.
func (s *stream) step(ctx context.Context) error {
	frames, moved, kept := s.server.Fanout.since(s.after)
	switch {
	case !kept:
		return s.past(ctx)
	case len(frames) == 0:
		return s.wait(ctx, moved, s.server.heartbeat-time.Since(s.wrote))
	}
	if err := s.send(frames); err != nil {
		return err
	}
	// Streams that were woken together do not stay together.
	pace := s.server.Fanout.pace()
	return s.wait(ctx, nil, pace+rand.N(pace/2))
}

// send sends the frames that match.
func (s *stream) send(frames []*frame) error {
	for _, f := range frames {
		if s.left == 0 {
			break
		}
		s.after = f.Seq
		if !s.filter.Matches(f.Recorded) {
			continue
		}
		data, err := s.bytes(f)
		if err == nil {
			err = s.add(data)
		}
		if err != nil {
			return err
		}
	}
	return s.flush()
}

// bytes are an event as the stream sends it. All streams of the staff share them.
func (s *stream) bytes(f *frame) ([]byte, error) {
	if s.customer != "" {
		return s.encode(f.Recorded)
	}
	return s.server.Fanout.bytes(f)
}

func (s *stream) encode(r events.Recorded) ([]byte, error) {
	e, err := views.EventOf(r)
	if err != nil {
		return nil, err
	}
	if s.customer != "" {
		e.Data = events.ShownTo(s.customer, e.Data)
	}
	return frameOf(e)
}

// past sends what matches of events that are not kept for streams any more.
func (s *stream) past(ctx context.Context) error {
	found, reached, err := s.readPast(ctx)
	if err != nil {
		return err
	}
	for _, r := range found {
		data, err := s.encode(r)
		if err == nil {
			err = s.add(data)
		}
		if err != nil {
			return err
		}
	}
	s.after = reached
	return s.flush()
}

// readPast reads the next events that match from the log. Only a few streams do so
// at once: the log is everybody's.
func (s *stream) readPast(ctx context.Context) ([]events.Recorded, uint64, error) {
	select {
	case s.server.readers <- struct{}{}:
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
	defer func() { <-s.server.readers }()
	limit := pastEvents
	if s.left > 0 {
		limit = min(limit, s.left)
	}
	seqs, reached := s.server.views.Search(s.filter, s.after, limit)
	found := make([]events.Recorded, 0, len(seqs))
	for _, seq := range seqs {
		r, err := s.server.views.ReadEvent(ctx, seq)
		if err != nil {
			return nil, 0, err
		}
		found = append(found, r)
	}
	return found, reached, nil
}

// wait returns when moved is closed or after a while, and says that the stream is
// alive if it was silent for long.
func (s *stream) wait(ctx context.Context, moved <-chan struct{}, while time.Duration) error {
	timer := time.NewTimer(while)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-moved:
	case <-timer.C:
	}
	if time.Since(s.wrote) < s.server.heartbeat {
		return nil
	}
	if err := s.server.views.Err(); err != nil {
		return err
	}
	return s.say(": still here\n\n")
}

// texts are for what streams write: most have nothing to write most of the time.
var texts = sync.Pool{New: func() any {
	text := make([]byte, 0, 2*maxWrite)
	return &text
}}

// add takes one event to write.
func (s *stream) add(data []byte) error {
	if s.left > 0 {
		s.left--
	}
	if s.put(data); len(*s.text) < maxWrite {
		return nil
	}
	return s.flush()
}

func (s *stream) say(comment string) error {
	s.put([]byte(comment))
	return s.flush()
}

func (s *stream) put(data []byte) {
	if s.text == nil {
		s.text = texts.Get().(*[]byte)
	}
	*s.text = append(*s.text, data...)
}

// flush writes what there is to write.
func (s *stream) flush() error {
	if s.text == nil {
		return nil
	}
	text := *s.text
	defer func() {
		if cap(text) <= 4*maxWrite { // else an event was very large
			*s.text = text[:0]
			texts.Put(s.text)
		}
		s.text = nil
	}()
	s.wrote = time.Now()
	if err := s.within(s.server.writeWithin); err != nil {
		return fmt.Errorf("write to a stream: %w", err)
	}
	if _, err := s.w.Write(text); err != nil {
		return fmt.Errorf("write to a stream: %w", err)
	}
	if err := s.control.Flush(); err != nil {
		return fmt.Errorf("write to a stream: %w", err)
	}
	return nil
}

// within gives the next write its deadline.
func (s *stream) within(d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return context.Canceled
	}
	if err := s.control.SetWriteDeadline(time.Now().Add(d)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}
