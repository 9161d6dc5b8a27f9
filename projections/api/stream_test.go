package api_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/api"
	"github.com/aeriehq/aerie/projections/apitest"
	"github.com/aeriehq/aerie/projections/metrics"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/projections/views"
)

// pipes is a network without a kernel: what nobody reads is not taken, and time may
// be a test's own.
type pipes struct {
	conns chan net.Conn
	ended chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), ended: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.ended) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

// bubble is a read side in a synctest bubble: the log is a slice, and the network pipes.
type bubble struct {
	t      *testing.T
	fold   *state.Live
	http   http.Handler
	fanout *api.Fanout
	web    *http.Server
	net    *pipes
	done   chan struct{}
	log    []events.Recorded
	coded  atomic.Int64 // how often a frame was encoded
}

func newBubble(t *testing.T) *bubble {
	b := &bubble{t: t, fold: state.NewLive(), net: newPipes(), done: make(chan struct{})}
	views := views.New(b.fold, nil)
	views.ReadEvent = func(_ context.Context, seq uint64) (events.Recorded, error) { return b.log[seq-1], nil }
	b.fanout = api.NewFanout(b.fold)
	b.fanout.SetEncode(func(r events.Recorded) ([]byte, error) {
		b.coded.Add(1)
		return api.EncodeFrame(r)
	})
	last := func(context.Context) (uint64, error) { return views.AsOf().Seq, nil }
	b.http = api.NewHandler(api.Config{Views: views, Kinds: events.Builtin, Metrics: metrics.New(b.fold, last), Fanout: b.fanout, Token: apitest.Token, Version: "test", Done: b.done})
	b.web = &http.Server{Handler: b.http}
	go func() { _ = b.web.Serve(b.net) }()
	t.Cleanup(func() { _ = b.web.Close() })
	return b
}

// happen folds in decisions of one customer each.
func (b *bubble) happen(customers ...string) {
	b.t.Helper()
	for _, c := range customers {
		r := events.Recorded{
			Envelope: events.Envelope{EventID: fmt.Sprintf("e%d", len(b.log)+1), Time: apitest.Epoch, Actor: "admin", CommandID: "c", Index: 1, Count: 1},
			Ref:      apitest.Ref(events.Customer, c), Seq: uint64(len(b.log)) + 1,
			Event: events.LabelsChanged{Labels: map[string]string{"n": strings.Repeat("x", 500)}},
		}
		if !slices.ContainsFunc(b.log, func(o events.Recorded) bool { return o.Ref == r.Ref }) {
			r.Event = events.Created[events.CustomerSpec]{UID: "u-" + c, Spec: apitest.Decode[events.CustomerSpec](`{}`)}
		}
		b.log = append(b.log, r)
		b.fold.Pause(r.Seq)
		if err := b.fold.ApplyOwn([][]events.Recorded{{r}}); err != nil {
			b.t.Fatal(err)
		}
	}
}

// many names n customers, some of a few.
func many(n int) (customers []string) {
	for i := range n {
		customers = append(customers, fmt.Sprintf("c%d", i%7))
	}
	return customers
}

// listen asks for a stream and reads its headers.
func (b *bubble) listen(query string) (net.Conn, *listener) {
	b.t.Helper()
	c := b.net.dial()
	fmt.Fprintf(c, "GET /v1/events%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nAccept: text/event-stream\r\n\r\n", query, apitest.Token)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != 200 {
		b.t.Fatalf("listen: %v %+v", err, resp)
	}
	b.t.Cleanup(func() { _ = c.Close() })
	return c, &listener{b.t, bufio.NewScanner(resp.Body), resp}
}

// TestAnEventIsEncodedOnce has many clients with filters of their own.
func TestAnEventIsEncodedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.happen(many(7)...)
		got := make(chan string, 1000)
		for i := range 20 {
			_, l := b.listen([]string{"", "?owner=c1", "?kind=customer", "?id=c2&type=labels_changed", "?actor=nobody"}[i%5])
			go func() {
				for id, _, ok := l.next(); ok; id, _, ok = l.next() {
					got <- id
				}
			}()
		}
		synctest.Wait()
		b.happen(many(21)...)
		time.Sleep(time.Second)
		synctest.Wait()
		if want := 4 * (21 + 3 + 21 + 3); len(got) != want || b.coded.Load() != 21 {
			t.Errorf("%d events were sent, want %d; %d encoded, want 21", len(got), want, b.coded.Load())
		}
		close(b.done)
	})
}

// TestAStreamIsWrittenNowAndThen counts the writes while much happens.
func TestAStreamIsWrittenNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		c, _ := b.listen("")
		var writes atomic.Int64
		go func() {
			buffer := make([]byte, 1<<20)
			for last := time.Now(); ; last = time.Now() {
				if _, err := c.Read(buffer); err != nil {
					return
				}
				if !time.Now().Equal(last) { // a write is a few reads of one moment
					writes.Add(1)
				}
			}
		}()
		synctest.Wait()
		for range 1000 { // one second
			time.Sleep(time.Millisecond)
			b.happen("c1")
		}
		time.Sleep(time.Second)
		if n := writes.Load(); n < 10 || n > 22 {
			t.Errorf("%d writes in a second", n)
		}
		close(b.done)
	})
}

// TestWhoDoesNotReadIsCut and goes on with Last-Event-ID; who reads is not disturbed.
func TestWhoDoesNotReadIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		_, silent := b.listen("")
		_, good := b.listen("")
		var seen []string
		go func() {
			for id, _, ok := good.next(); ok; id, _, ok = good.next() {
				seen = append(seen, id)
			}
		}()
		b.happen(many(500)...)
		time.Sleep(api.WriteWithin + time.Second)
		synctest.Wait()
		if len(seen) != 500 {
			t.Errorf("who reads has %d of 500", len(seen))
		}
		if cut, open := b.fanout.CutStreams(), b.fanout.Streams(); cut != 1 || open != 1 {
			t.Errorf("%d are cut, %d streams are open", cut, open)
		}
		var ids []string
		for id, _, ok := silent.next(); ok; id, _, ok = silent.next() {
			ids = append(ids, id)
		}
		if len(ids) >= 500 {
			t.Fatalf("%d came over a pipe that was not read", len(ids))
		}
		b.happen(many(100)...)
		last := "0"
		if len(ids) > 0 {
			last = ids[len(ids)-1]
		}
		_, again := b.listen("?after=" + last + "&limit=" + strconv.Itoa(600-len(ids)))
		for id, _, ok := again.next(); ok; id, _, ok = again.next() {
			ids = append(ids, id)
		}
		inOrder(t, ids, 600)
		close(b.done)
	})
}

// inOrder asserts that ids are 1 to n.
func inOrder(t *testing.T, ids []string, n int) {
	t.Helper()
	if len(ids) != n {
		t.Errorf("%d events, want %d", len(ids), n)
	}
	for i, id := range ids {
		if id != strconv.Itoa(i+1) {
			t.Fatalf("event %d has id %s", i+1, id)
		}
	}
}

// TestClosingEndsAllStreams ends those who read and those who do not.
func TestClosingEndsAllStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		for range 5 {
			b.listen("") // reads nothing
			_, l := b.listen("")
			go func() {
				for _, _, ok := l.next(); ok; _, _, ok = l.next() {
				}
				if l.lines.Err() != nil {
					t.Errorf("the end of a stream: %v", l.lines.Err())
				}
			}()
		}
		b.happen(many(500)...)
		synctest.Wait()
		began := time.Now()
		close(b.done)
		if err := b.web.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 2*api.EndWithin {
			t.Errorf("it took %s", took)
		}
		if cut, open := b.fanout.CutStreams(), b.fanout.Streams(); cut != 0 || open != 0 {
			t.Errorf("%d streams are open, %d counted as cut", open, cut)
		}
	})
}

// TestThereAreOnlySoManyStreams refuses one more, until another ends.
func TestThereAreOnlySoManyStreams(t *testing.T) {
	s := apitest.New(t)
	ended := make(chan struct{}, 3)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.HTTP.ServeHTTP(w, r)
		ended <- struct{}{}
	}))
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(s.Done) })
	s.Fanout.SetLimits(2, api.MaxFrames)
	ctx, leave := context.WithCancel(t.Context())
	listen(s, ctx, srv.URL, "")
	listen(s, t.Context(), srv.URL, "")
	p := s.Ask("GET", "/v1/events", "", "Accept", api.EventStream).Problem(t, 503, events.Unavailable)
	if !p.Retryable || !strings.Contains(p.Detail, "2 streams") {
		t.Errorf("one too many: %+v", p)
	}
	leave()
	<-ended
	listen(s, t.Context(), srv.URL, "")
}

// TestStreamsMissNothing lets clients begin anywhere, leave, and come back while events
// happen and the frames kept are few: each sees every event that it asked for, in order.
func TestStreamsMissNothing(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	s := apitest.New(t)
	s.Fanout.SetLimits(api.MaxStreams, 5)
	srv := httptest.NewServer(s.HTTP)
	t.Cleanup(srv.Close)
	const total = 300
	s.Customer("acme", nil)
	var clients sync.WaitGroup
	for i := range 12 {
		steps := make([]int, total)
		for i := range steps {
			steps[i] = 1 + random.IntN(40)
		}
		clients.Go(func() {
			query := []string{"", "&owner=beta", "&type=labels_changed"}[i%3]
			want := 0
			for after := uint64(0); after < total; {
				l := listen(s, t.Context(), srv.URL, fmt.Sprintf("?after=%d&limit=%d%s", after, steps[want%total], query))
				for id, e, ok := l.next(); ok; id, e, ok = l.next() {
					want++
					if i%3 == 1 && (e.Owner != "beta" || e.Seq <= after) || i%3 == 0 && e.Seq != after+1 || i%3 == 2 && (e.Type != "labels_changed" || e.Seq <= after) {
						t.Errorf("client %d: %s after %d", i, id, after)
					}
					if after = e.Seq; after == total {
						break
					}
				}
				_ = l.resp.Body.Close()
			}
			if i%3 == 1 && want != 101 {
				t.Errorf("client %d: %d of 101", i, want)
			}
			if i%3 == 2 && want != total-2 {
				t.Errorf("client %d: %d of %d", i, want, total-2)
			}
		})
	}
	s.Customer("beta", nil)
	for seq := 3; seq <= total; seq++ { // beta's are 2 and each third of those that follow
		owner := "acme"
		if seq%3 == 0 && seq < total {
			owner = "beta"
		}
		if seq == total {
			owner = "beta" // so that all have a last one
		}
		s.Happen(apitest.Ref(events.Customer, owner), events.LabelsChanged{Labels: map[string]string{"n": strconv.Itoa(seq)}})
	}
	clients.Wait()
}
