package server

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestTheLocalTokenFromElsewhere: who comes in with it from another machine is an event, over HTTP and over NATS, without the address; who
// is on this machine is none, and neither is who shows another token.
func TestTheLocalTokenFromElsewhere(t *testing.T) {
	c := startedWith(t, Settings{DataDir: t.TempDir(), NoSim: true, Proxies: []string{"127.0.0.1"}})
	admin := dial(t, c)
	defer admin.Close()
	told := make(chan *nats.Msg, 8)
	if _, err := admin.ChanSubscribe("aerie.evt.-.principal.local.>", told); err != nil {
		t.Fatal(err)
	}
	if err := admin.Flush(); err != nil {
		t.Fatal(err)
	}
	operator := staffToken(t, c)
	comes := func(token, from string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.APIURL()+"/v1/whoami", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		if from != "" {
			r.Header.Set("X-Forwarded-For", from)
		}
		a, err := http.DefaultClient.Do(r)
		if err != nil || a.StatusCode != http.StatusOK {
			t.Fatal(a, err)
		}
		_ = a.Body.Close()
	}
	comes(c.Token, "")
	comes(c.Token, "127.0.0.1")
	comes(operator, "203.0.113.9")
	comes(c.Token, "203.0.113.9")
	for _, want := range []string{"created", "used_elsewhere"} {
		m := natstest.Receive(t, told)
		if !strings.HasSuffix(m.Subject, "."+want) || strings.Contains(string(m.Data), "203.0.113") {
			t.Errorf("want %s: %s %s", want, m.Subject, m.Data)
		}
		if want == "used_elsewhere" && (!strings.Contains(string(m.Data), `"count":1`) || !strings.Contains(string(m.Data), `"over":"http"`)) {
			t.Errorf("%s", m.Data)
		}
	}
	comes(c.Token, "") // it is good as before

	from := make(chan string, 8)
	callers := c.callers()
	callers.Local = func(address string) { from <- address }
	c.NATS.Admit(callers)
	again := dial(t, c)
	defer again.Close()
	if address := natstest.Receive(t, from); !strings.HasPrefix(address, "127.0.0.1:") {
		t.Error("over NATS it comes from", address)
	}
}

// TestElsewhereIsToldOnceAMinute, with how often it was since, and what the log has not taken is told later.
func TestElsewhereIsToldOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // time alone orders nothing for the race detector
		var told []int
		var fails error
		set := func(err error) {
			mu.Lock()
			defer mu.Unlock()
			fails = err
		}
		e := &elsewhere{news: make(chan struct{}, 1), do: func(_ context.Context, c ev.Command) (ev.Answer, error) {
			mu.Lock()
			defer mu.Unlock()
			if note, is := c.Payload.(ev.NoteElsewhere); is && fails == nil {
				told = append(told, note.Used.Count)
			}
			return ev.Answer{}, fails
		}}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- e.tell(ctx) }()
		comes := func(n int, from string) {
			for range n {
				e.used("nats", from)
			}
			synctest.Wait()
		}
		is := func(want ...int) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(told, want) {
				t.Errorf("told: %v, want %v", told, want)
			}
		}
		comes(5, "127.0.0.1:4")
		comes(5, "[::1]:4")
		comes(5, "pipe")
		is()
		comes(1, "203.0.113.9:4")
		is(1)
		comes(7, "[2001:db8::1]:4")
		is(1)
		time.Sleep(tellEvery)
		synctest.Wait()
		is(1, 7)
		set(errors.New("the log takes nothing"))
		comes(2, "203.0.113.9:4")
		time.Sleep(tellEvery)
		comes(3, "203.0.113.9:4")
		set(nil)
		time.Sleep(2 * tellEvery)
		synctest.Wait()
		is(1, 7, 5)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// TestOpenMetrics are served to anybody where that was asked for, and nothing else is.
func TestOpenMetrics(t *testing.T) {
	for _, is := range []bool{false, true} {
		c := startedWith(t, Settings{DataDir: t.TempDir(), NoSim: true, OpenMetrics: is})
		for path, want := range map[string]int{"/metrics": map[bool]int{true: http.StatusOK, false: http.StatusUnauthorized}[is],
			"/metrics/": http.StatusUnauthorized, "/v1/whoami": http.StatusUnauthorized} {
			a, err := http.Get(c.APIURL() + path)
			if err != nil {
				t.Fatal(err)
			}
			_ = a.Body.Close()
			if a.StatusCode != want {
				t.Errorf("%s without a token, open: %t: %s", path, is, a.Status)
			}
		}
	}
}
