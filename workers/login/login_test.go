package login

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/people"
	"github.com/aeriehq/aerie/fsm/fsmtest"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/internal/oidctest"
	"github.com/aeriehq/aerie/projections/identity"
	"github.com/aeriehq/aerie/projections/state"
)

// TestWhoCantBeToldIsNotNobody asks whom a good token lets in while something of ours is not there: it is unavailable, so that he shows
// it again, and does not log in anew. A token that is not good lets in nobody whatever is there.
func TestWhoCantBeToldIsNotNobody(t *testing.T) {
	p := oidctest.New(t)
	good, bad := p.Token(map[string]any{"sub": "1"}), oidctest.Unsigned(p.Token(map[string]any{"sub": "1"}))
	unavailable := ev.Refuse(ev.Unavailable, "the log takes no commands")
	for name, row := range map[string]struct {
		away   bool  // the issuer
		gone   bool  // the directory
		decide error // what the log says of his principal
		want   ev.Code
	}{
		"the issuer, from the beginning":   {away: true, want: ev.Unavailable},
		"the directory":                    {gone: true, want: ev.Unavailable},
		"the log":                          {decide: unavailable, want: ev.Unavailable},
		"the log, and it does not say why": {decide: context.DeadlineExceeded, want: ev.Unavailable},
		"his customer":                     {decide: ev.Refuse(ev.NotFound, "no customer acme"), want: ""},
	} {
		nc := natstest.Dial(t, natstest.StartExternal(t, 1, nil))
		directory, err := people.Open(t.Context(), nc, 1)
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(Settings{Issuers: []IssuerSettings{{Name: "corp", URL: p.URL, ClientID: p.ClientID, Rules: []Rule{
			{Match: map[string]string{"sub": "*"}, Role: "viewer"}}}}}, directory, identity.New(state.NewLive()),
			func(context.Context, ev.Command) (ev.Answer, error) { return ev.Answer{}, row.decide })
		if err != nil {
			t.Fatal(err)
		}
		if row.gone {
			nc.Close()
		}
		p.Away(row.away)
		_, _, err = s.Authenticate(good)
		var refused *ev.Refusal
		if nobody := errors.Is(err, ev.ErrNobody); row.want == "" && !nobody || row.want != "" && (!errors.As(err, &refused) || refused.Code != row.want) {
			t.Errorf("%s: %v", name, err)
		}
		p.Away(false)
		if _, _, err := s.Authenticate(bad); !row.away && !errors.Is(err, ev.ErrNobody) {
			t.Errorf("%s, and the token is not good: %v", name, err)
		}
	}
}

// TestAnHourWithoutTheIssuer: minute by minute of an hour, and on to the next, in which the issuer answers nobody, who has come in before
// is let in as the same one, and so is who shows a token that was never shown. When it is back, its new key is known.
func TestAnHourWithoutTheIssuer(t *testing.T) {
	p, fold := oidctest.New(t), state.NewLive()
	directory, err := people.Open(t.Context(), natstest.Dial(t, natstest.StartExternal(t, 1, nil)), 1)
	if err != nil {
		t.Fatal(err)
	}
	decide := func(_ context.Context, c ev.Command) (ev.Answer, error) {
		var decision []ev.Recorded
		var refused error
		fold.View(func(w *state.Entities) {
			changes, err := fsmtest.DecideIn(w, c)
			if refused = err; err == nil {
				decision = fsmtest.Recorded(w, c.Ref, changes[0].Events)
			}
		})
		if refused != nil {
			return ev.Answer{}, refused
		}
		fold.Pause(decision[0].Seq)
		return ev.Answer{}, fold.ApplyOwn([][]ev.Recorded{decision})
	}
	s, err := New(Settings{Issuers: []IssuerSettings{{Name: "corp", URL: p.URL, ClientID: p.ClientID, Rules: []Rule{{Match: map[string]string{"sub": "*"}, Role: "viewer"}}}}},
		directory, identity.New(fold), decide)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	var now atomic.Pointer[time.Time] // who reads keys beside the test asks for it too
	s.now = func() time.Time { return *now.Load() }
	at := func(passed time.Duration) { when := start.Add(passed); now.Store(&when) }
	token := func(sub string) string {
		return p.Token(map[string]any{"sub": sub, "exp": start.Add(10 * time.Hour).Unix()})
	}
	known := token("known")
	at(0)
	first, gone, err := s.Authenticate(known)
	if err != nil {
		t.Fatal(err)
	}
	p.Away(true)
	asked := p.Asked()
	for minute := range 121 {
		at(time.Duration(minute) * time.Minute)
		if again, _, err := s.Authenticate(known); err != nil || again != first {
			t.Fatalf("after %d minutes who was let in as %+v is let in as %+v: %v", minute, first, again, err)
		}
		if _, _, err := s.Authenticate(token(fmt.Sprint("unseen-", minute))); err != nil {
			t.Fatalf("after %d minutes a token that was never shown lets in nobody: %v", minute, err)
		}
		s.issuers[p.URL].settled()
	}
	select {
	case <-gone:
		t.Error("what was open was ended")
	default:
	}
	if n := p.Asked() - asked; n < 1 || n > 2*60 {
		t.Errorf("it was asked %d times for its keys, which were an hour old after an hour", n)
	}
	p.Rotate()
	p.Away(false)
	at(2*time.Hour + time.Minute)
	if _, _, err := s.Authenticate(token("of the new key")); err != nil {
		t.Error("it is back, and its new key lets in nobody:", err)
	}
}
