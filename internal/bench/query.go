package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server"
	"github.com/aeriehq/aerie/projections/api"
	"github.com/aeriehq/aerie/projections/metrics"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/projections/views"
)

var queryBenchmark = benchmark{
	name:  "query",
	short: "Views of many tenants, now and in the past: how fast they answer, how much memory they take",
	long: "Write a log of tenants that become Active, fold it, and ask the views over HTTP, one question at a time: for one\n" +
		"tenant, for a page of a hundred, filtered and sorted, for one tenant at a random moment of the past, and for pages\n" +
		"at a moment. The yardstick is JetStream's answer to who asks for the last message of an entity. Memory is what is\n" +
		"alive on the heap: what the views hold, and what is left when they are gone, which is nats-server's and the log's.",
	n: 100_000, rounds: 3,
	run: benchQuery,
}

// asked is how many questions of a sort a round has.
const asked = 500

// benchToken is the token of the views that are asked.
const benchToken = "bench"

// queried is a fold of a log with its views, served.
type queried struct {
	*bareLog
	*bench
	fold    *state.Live
	views   *views.Views
	stop    func()
	web     *client.Client
	address string // where the views are served
	last    uint64
}

func benchQuery(ctx context.Context, b *bench) (_ []figure, err error) {
	l, err := b.openBareLog(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	b.meter.begin("events written", b.n*len(way(0)))
	if err := l.populate(ctx, b.n, b.meter); err != nil {
		return nil, err
	}
	q := &queried{bareLog: l, bench: b}
	if err := q.serve(ctx); err != nil {
		return nil, err
	}
	defer func() { q.stop() }()
	figures, err := q.ask(ctx)
	if err != nil {
		return nil, err
	}
	figures = append(figures, q.memory(ctx)...)
	if err := q.serve(ctx); err != nil {
		return nil, err
	}
	past, err := q.pastPages(ctx)
	return append(figures, past...), err
}

// serve folds the log and serves the views of it.
func (q *queried) serve(ctx context.Context) (err error) {
	q.fold = state.NewLive()
	q.views = views.New(q.fold, q.log)
	counts := metrics.New(q.fold, q.log.Last)
	fanout := api.NewFanout(q.fold)
	if err := q.views.Restore(ctx, views.PreloadSnapshot(filepath.Join(q.dir, "views")), counts.Counters()); err != nil {
		return err
	}
	serving, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	parts.Go(func() { _ = q.fold.Follow(serving, q.log) }) // Wait says why it ended
	parts.Go(func() { q.views.Snapshots(serving) })
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		cancel()
		parts.Wait()
		return err
	}
	web := &http.Server{ReadHeaderTimeout: time.Minute,
		Handler: api.NewHandler(api.Config{Views: q.views, Kinds: q.kinds, Metrics: counts, Fanout: fanout, Token: benchToken,
			Version: server.Semver(), Done: serving.Done(), Ready: q.fold.Err})}
	parts.Go(func() { _ = web.Serve(listen) }) // until it is closed
	q.stop = func() {
		_ = web.Close()
		cancel()
		parts.Wait()
		q.stop = func() {}
	}
	q.address = "http://" + listen.Addr().String()
	q.web, err = client.New(q.address, client.DefaultNATS, benchToken)
	if err == nil {
		q.last, err = q.log.Last(ctx)
	}
	if err == nil {
		err = q.fold.Wait(ctx, q.last)
	}
	return err
}

// ask asks all sorts of questions, in turns with the yardstick.
func (q *queried) ask(ctx context.Context) ([]figure, error) {
	settled(ctx) // what is asked is a server at rest, not one that writes a snapshot
	one, raw, page, past := &side{}, &side{}, &side{}, &side{}
	q.meter.begin("questions", q.rounds*asked*4)
	for i := range q.rounds {
		if err := q.turn(i, func() error { return q.time(ctx, one, q.tenant) }); err != nil {
			return nil, err
		}
		for s, question := range map[*side]func(context.Context) error{raw: q.lastMessage(ctx), page: q.page, past: q.pastTenant} {
			if err := q.time(ctx, s, question); err != nil {
				return nil, err
			}
		}
		q.meter.say("round %d of %d: %s answers/s, raw %s/s; pages %s/s, of the past %s/s", i+1, q.rounds,
			rounded(one.last()), rounded(raw.last()), rounded(page.last()), rounded(past.last()))
	}
	return append(compared(one, raw, "answers", "reads of a tenant", "reads of a message"),
		figure{"page_p50_us", "half of the pages of 100 within", page.us(0.5), " us"},
		figure{"page_p99_us", "99 % of the pages of 100 within", page.us(0.99), " us"},
		figure{"at_p50_us", "half of the reads of a tenant of the past within", past.us(0.5), " us"},
		figure{"at_p99_us", "99 % of the reads of a tenant of the past within", past.us(0.99), " us"}), nil
}

func (q *queried) time(ctx context.Context, s *side, question func(context.Context) error) error {
	one, err := abreastOf(ctx, 1, asked, func(ctx context.Context, _, _ int) error {
		defer q.meter.add(1)
		return question(ctx)
	})
	s.add(one)
	return err
}

func (q *queried) tenantPath() string {
	i := rand.IntN(q.n)
	return fmt.Sprintf("/v1/tenants/c%d/t%d", i%1000, i)
}

func (q *queried) tenant(ctx context.Context) error {
	_, err := q.web.Get(ctx, q.tenantPath(), nil)
	return err
}

// pastTenant reads a tenant as it was. One that was not there yet is an answer too.
func (q *queried) pastTenant(ctx context.Context) error {
	_, err := q.web.Get(ctx, q.tenantPath(), url.Values{"at": {strconv.Itoa(1 + rand.IntN(int(q.last)))}})
	var r *events.Refusal
	if errors.As(err, &r) && r.Code == events.NotFound {
		return nil
	}
	return err
}

// pages are some of the ways to ask for a page.
var pages = []string{"phase=Active&sort=-created", "plan=-/free&sort=-seq", "dataplane=-/eu&sort=name", "owner=c7&sort=phase",
	"plan=-/free&phase=Active&sort=-name", "owner=c13&phase=Active&sort=created", "dataplane=-/eu&phase=Active&sort=seq"}

func (q *queried) page(ctx context.Context) error { return q.pageOf(ctx, "") }

// pageOf reads a page, however long it takes.
func (q *queried) pageOf(ctx context.Context, at string) error {
	values, err := url.ParseQuery(pages[rand.IntN(len(pages))])
	if err != nil {
		return err
	}
	if at != "" {
		values.Set("at", at)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, q.address+"/v1/tenants?"+values.Encode(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+benchToken)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("read a page: %s: %s", answer.Status, body)
	}
	return err
}

// pastPages reads pages at one moment: the first makes the entities of the past.
func (q *queried) pastPages(ctx context.Context) ([]figure, error) {
	at, next := strconv.FormatUint(q.last/2+q.last/3, 10), &side{}
	began := time.Now()
	if err := q.pageOf(ctx, at); err != nil {
		return nil, err
	}
	first := time.Since(began)
	if err := q.time(ctx, next, func(ctx context.Context) error { return q.pageOf(ctx, at) }); err != nil {
		return nil, err
	}
	return []figure{
		{"page_at_first_ms", "first page at a moment of the past", float64(first.Milliseconds()), " ms"},
		{"page_at_p99_us", "99 % of the next pages at that moment within", next.us(0.99), " us"}}, nil
}

// lastMessage asks JetStream for the last message of a tenant.
func (q *queried) lastMessage(ctx context.Context) func(context.Context) error {
	js, err := jetstream.New(q.conn)
	var stream jetstream.Stream
	if err == nil {
		stream, err = js.Stream(ctx, eventlog.Stream)
	}
	return func(ctx context.Context) error {
		if err != nil {
			return err
		}
		t := strings.Split(q.tenantPath(), "/")
		_, err := stream.GetLastMsgForSubject(ctx, "aerie.evt."+t[3]+".tenant."+t[4]+".activated")
		return err
	}
}

// memory is what the views hold, and what is held when they are gone.
func (q *queried) memory(ctx context.Context) []figure {
	q.stop()
	q.web.Close()
	n, with := float64(q.n), settled(ctx)
	q.fold, q.views, q.web = nil, nil, nil
	without := alive()
	return []figure{
		{"bytes_each", "memory of the views", (with - without) / n, " B a tenant"},
		{"nats_bytes_each", "memory of nats-server", without / n, " B a tenant"},
	}
}

// cached is longer than nats-server keeps in memory what it has read: ten seconds.
const cached = 12 * time.Second

// settled is how much of the heap is alive when it has not become less for a while:
// until then it is full of what nats-server has read for us, or a snapshot is written.
func settled(ctx context.Context) float64 {
	least := alive()
	for since := time.Now(); time.Since(since) < cached && ctx.Err() == nil; {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
		if now := alive(); now < least*0.99 {
			least, since = now, time.Now()
		}
	}
	return least
}

// alive is how much of the heap is alive.
func alive() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
