package login

import (
	"context"
	"errors"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/people"
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
