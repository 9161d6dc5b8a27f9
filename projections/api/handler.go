// Package api serves the views over HTTP, and takes commands there: routes, streams of events, problems, metrics, and the
// documents that describe all that. It holds no state of entities, that is package views, and decides nothing: a command is
// handed to the intake by a function of Config. Begin with handler.go; routes.go has what each kind has, schema_names.go the
// names that clients see. A handler is safe for concurrent use. A crash loses only connections: a stream goes on after the
// last event that its client has got.
package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/klauspost/compress/gzhttp"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/metrics"
	"github.com/aeriehq/aerie/projections/placement"
	"github.com/aeriehq/aerie/projections/views"
)

// Config is what the HTTP needs of the program around it. All of it must be set.
type Config struct {
	Views   *views.Views
	Kinds   *events.Registry // what can be commanded
	Metrics *metrics.Metrics
	Fanout  *Fanout // from which streams of events are served
	Token   string  // the local admin's, who needs no entry in the log; an empty one fits nobody
	Version string  // of the program, for the OpenAPI document
	Callout bool    // NATS servers ask aerie who callers are
	Promise string  // what the log promises, for /readyz: "every answered command is fsynced"

	// Authenticate says who shows a token, and has a channel that is closed when he is not let in any more. A refusal is answered
	// as it is; it is events.ErrNobody if nobody shows it. nil: there is nobody but who shows Token.
	Authenticate func(token string) (events.Caller, <-chan struct{}, error)
	// EnableLocal lets the local token in again, for who proves that he is on the server's host.
	EnableLocal func(ctx context.Context, proof string) (events.Answer, error)
	Logins      func() []LoginOffer                                              // where people log in
	People      func(ctx context.Context) ([]Person, error)                      // who has come in so
	Erase       func(ctx context.Context, person events.Ref, actor string) error // takes what is known of one away
	// Keys are the installation's own; RotateKeys seals them anew, and says how many; EraseKey takes one away.
	Keys       func(ctx context.Context) ([]SealedKey, error)
	RotateKeys func(ctx context.Context, actor string) (int, error)
	EraseKey   func(ctx context.Context, name, actor string) error
	// Denied is told of who asked a verb, or to read, of what he may not; Read of each answer to who was let in and reads.
	Denied func(c events.Caller, verb string, k events.Kind)
	Read   func(Reading)
	// Local is told from which address somebody has come in with the local token; nil: nobody is told.
	Local func(address string)
	// OpenMetrics serves /metrics to who shows no token too.
	OpenMetrics bool
	// Spend takes a request of some bytes off its caller's budget, or refuses it; Answered takes off what the answer had, and
	// OpenTail a stream, until it is over. nil: nobody has one.
	Spend    func(c events.Caller, bytes int) error
	Answered func(c events.Caller, bytes int)
	OpenTail func(c events.Caller) (done func(), err error)
	// Ready is nil while commands are taken; else it says why not.
	Ready func() error
	// Do decides a command and returns when its events are durable. An error that
	// is no *events.Refusal is answered as internal, and logged.
	Do func(context.Context, CommandRequest) (events.Answer, error)
	// Waiting lists the commands of the queue from a place on, so many at most.
	Waiting func(ctx context.Context, from uint64, most int) ([]Waiting, error)
	// Drop takes a command off the queue.
	Drop func(ctx context.Context, seq uint64, actor string) (Waiting, error)
	// Orphans looks for what the log does not know. An error is as one of Do.
	Orphans func(context.Context, events.OrphanQuery) (events.Orphans, error)
	// Where says where a tenant would be put now. An error is as one of Do.
	Where func(context.Context, *placement.Query) (placement.WouldBe, error)
	// Done is closed when the server shuts down: streams end, which otherwise would
	// keep it waiting.
	Done <-chan struct{}
}

// server is the HTTP of one program.
type server struct {
	Config
	views       *views.Views
	token       [sha256.Size]byte
	mux         *http.ServeMux
	foreign     *http.CrossOriginProtection
	heartbeat   time.Duration
	writeWithin time.Duration
	compress    func(http.Handler) http.HandlerFunc
	readers     chan struct{}   // has room for the streams that may read the past at once
	open        map[string]bool // the patterns of routes that know how to answer a customer's people; others deny them
}

// NewHandler serves the views, and takes commands. Timeouts of requests are the
// server's; a stream has its own.
func NewHandler(c Config) http.Handler { return newServer(c) }

func newServer(c Config) *server {
	s := &server{Config: c, views: c.Views, token: sha256.Sum256([]byte(c.Token)), mux: http.NewServeMux(),
		foreign: http.NewCrossOriginProtection(), heartbeat: heartbeat, writeWithin: writeWithin,
		compress: compression(), readers: make(chan struct{}, pastReaders), open: map[string]bool{}}
	c.Metrics.Serve(c.Version, c.Fanout)
	api := humago.New(s.mux, apiConfig(c.Version))
	api.UseMiddleware(strict)
	for _, k := range c.Kinds.Kinds() {
		if serve, ok := kindRoutes[k]; ok {
			serve(s, api)
		}
	}
	s.events(api)
	s.commands(api)
	s.queue(api)
	s.operations(api)
	s.orphans(api)
	s.planVersions(api)
	s.placement(api)
	s.identity(api)
	s.localToken(api)
	s.people(api)
	s.sealedKeys(api)
	s.health(api)
	s.mux.Handle("GET /metrics", c.Metrics)
	s.documents(api)
	return s
}

// route registers an operation whose errors become problems.
func route[I, O any](api huma.API, op huma.Operation, answer func(context.Context, *I) (*O, error)) {
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := answer(ctx, in)
		if err != nil {
			return nil, problemOf(ctx, op.OperationID, err)
		}
		return out, nil
	})
}

// ServeHTTP lets in who may come in, and answers for what the mux has no route for.
func (s *server) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w := &statusWriter{ResponseWriter: rw}
	defer recoverPanic(w, r)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	caller, ended, p := s.enter(w, r)
	if p == nil {
		p = s.reject(r)
	}
	if p != nil {
		writeProblem(w, p)
		return
	}
	_, pattern := s.mux.Handler(r)
	if pattern == "" {
		s.miss(w, r)
		return
	}
	if err := s.permit(pattern, r.Method, caller); err != nil {
		s.noteDenied(caller, pattern, r)
		writeProblem(w, problem(err))
		return
	}
	if err := s.spend(caller, r); err != nil {
		writeProblem(w, problemOf(r.Context(), pattern, err))
		return
	}
	r = r.WithContext(context.WithValue(r.Context(), callerKey{}, caller))
	if pattern == eventsPattern && strings.Contains(r.Header.Get("Accept"), eventStream) { // it has no end to wait for
		done, err := s.openTail(caller)
		if err != nil {
			writeProblem(w, problemOf(r.Context(), pattern, err))
			return
		}
		defer done()
		ctx, cancel := whileWelcome(r.Context(), caller, ended)
		defer cancel()
		r = r.WithContext(ctx)
		defer s.noteRead(caller, pattern, r, time.Now(), func() (int, int) { return w.status, w.bytes })
		s.mux.ServeHTTP(w, r)
		return
	}
	whole := &wholeAnswer{header: w.Header(), status: http.StatusOK}
	begun := time.Now()
	s.mux.ServeHTTP(whole, r)
	s.prune(whole, pattern, caller)
	if s.Answered != nil {
		s.Answered(caller, whole.body.Len())
	}
	s.Metrics.Requested(pattern, whole.status, time.Since(begun))
	s.noteRead(caller, pattern, r, begun, func() (int, int) { return whole.status, whole.body.Len() })
	if whole.status == http.StatusForbidden {
		s.noteDenied(caller, pattern, r)
	}
	s.compress(http.HandlerFunc(whole.send)).ServeHTTP(w, r)
}

// reject is why a request does not get to the mux, whoever asks; nil if it does.
func (s *server) reject(r *http.Request) *Problem {
	if err := s.foreign.Check(r); err != nil {
		return problem(events.Refuse(events.Denied, "a page of another site may not do this"))
	}
	if strings.HasPrefix(r.URL.Path, commandPath) && r.Method == http.MethodPost {
		if faults := checkCommandPath(s.Kinds, r.URL.EscapedPath()); len(faults) > 0 {
			return invalid("command: the path is wrong", faults...)
		}
		return nil
	}
	if r.URL.Path == "" || path.Clean(r.URL.Path) != r.URL.Path { // the mux would redirect
		return noRoute(r)
	}
	return nil
}

func noRoute(r *http.Request) *Problem {
	return problem(events.Refuse(events.NotFound, "there is no %s; /openapi.json lists what there is", events.Truncate(r.URL.Path)))
}

// miss says in our words what the mux says of a request it has no route for.
func (s *server) miss(w http.ResponseWriter, r *http.Request) {
	said := &verdict{header: http.Header{}}
	h, _ := s.mux.Handler(r)
	h.ServeHTTP(said, r)
	if said.status != http.StatusMethodNotAllowed {
		writeProblem(w, noRoute(r))
		return
	}
	allow := said.header.Get("Allow")
	w.Header().Set("Allow", allow)
	p := invalid(fmt.Sprintf("%s can't be done here: use %s", events.Truncate(r.Method), allow), events.FieldError{Field: "method", Message: "want " + allow})
	p.Status = http.StatusMethodNotAllowed
	writeProblem(w, p)
}

// compression is gzip for who accepts it, and for what is long enough.
func compression() func(http.Handler) http.HandlerFunc {
	wrap, err := gzhttp.NewWrapper(gzhttp.EnableZstd(false))
	if err != nil {
		panic(err) // a wrong option of ours
	}
	return wrap
}

// wholeAnswer keeps an answer until all of it is there: then its ETag is known, and whether its client has it already.
type wholeAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *wholeAnswer) Header() http.Header         { return w.header }
func (w *wholeAnswer) WriteHeader(status int)      { w.status = status }
func (w *wholeAnswer) Write(b []byte) (int, error) { return w.body.Write(b) }

// send writes the answer; of what was read and is as the client has it, the headers alone. The tag is weak because it is the
// same for the compressed answer.
func (w *wholeAnswer) send(to http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && w.status == http.StatusOK && r.URL.Path != "/metrics" {
		sum := sha256.Sum256(w.body.Bytes())
		tag := fmt.Sprintf(`"%x"`, sum[:16])
		w.header.Set("ETag", "W/"+tag)
		w.header.Set("Cache-Control", "private, no-cache") // to be kept, and asked for each time
		if has(r.Header.Values("If-None-Match"), tag) {
			w.header.Del("Content-Type")
			to.WriteHeader(http.StatusNotModified)
			return
		}
	}
	to.WriteHeader(w.status)
	_, _ = to.Write(w.body.Bytes())
}

// has tells whether a list of tags has one; whether weak or not is the same for reading.
func has(lists []string, tag string) bool {
	for known := range strings.SplitSeq(strings.Join(lists, ","), ",") {
		known = strings.TrimSpace(known)
		if known == "*" || strings.TrimPrefix(known, "W/") == tag {
			return true
		}
	}
	return false
}

// verdict takes an answer's status and headers, and drops its body.
type verdict struct {
	header http.Header
	status int
}

func (v *verdict) Header() http.Header         { return v.header }
func (v *verdict) WriteHeader(status int)      { v.status = status }
func (v *verdict) Write(b []byte) (int, error) { return len(b), nil }

// statusWriter knows whether an answer has begun.
type statusWriter struct {
	http.ResponseWriter
	begun  bool
	status int // 0: none was said
	bytes  int
}

func (w *statusWriter) WriteHeader(status int) {
	w.begun, w.status = true, status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	w.begun = true
	n, err := w.ResponseWriter.Write(b)
	w.bytes += n
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// recoverPanic answers for a handler that panicked. An answer that has begun is cut
// off, so that the client does not take it for whole.
func recoverPanic(w *statusWriter, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	gone := cause == http.ErrAbortHandler || r.Context().Err() != nil // nobody listens any more
	if !gone {
		slog.Error("handler panicked", "method", r.Method, "path", r.URL.Path, "panic", cause, "stack", string(debug.Stack()))
	}
	if gone || w.begun {
		panic(http.ErrAbortHandler)
	}
	writeProblem(w, problem(events.Refuse(events.Internal, "internal error")))
}
