package agents

import (
	"bytes"
	"encoding/json"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

// TestAnAgentIsToldOfLogins: with what is owed comes the login that its chart names, if it is the owner's, and what it says of
// the password is where that is.
func TestAnAgentIsToldOfLogins(t *testing.T) {
	spec := fsmtest.RepositorySpec("https://charts.example.com")
	w := fsmtest.WorldOf(t, fsmtest.Is("repository acme/charts", ev.Created[ev.RepositorySpec]{UID: "u1", Spec: spec}))
	named := func(credentials string) ev.EnsureApplication {
		return ev.EnsureApplication{Chart: ev.Chart{Name: "web", Repository: spec.URL, Credentials: credentials}}
	}
	for _, row := range []struct {
		owner string
		owed  ev.Effect
		told  bool
	}{
		{"acme", named("charts"), true},
		{"acme", ev.EnsureAddon{EnsureApplication: named("charts")}, true},
		{"acme", named("old"), false},
		{"acme", named(""), false},
		{"birch", named("charts"), false},
		{"acme", ev.RemoveApplication{}, false},
	} {
		login := loginFor(w, ev.Ref{Kind: ev.Application, Owner: row.owner, ID: "prod_web"}, row.owed)
		if (login != nil) != row.told || login != nil && *login != spec {
			t.Errorf("%+v: %+v", row, login)
		}
	}
	data, err := json.Marshal(ev.OwedItem{Login: &spec})
	if want := `{"secretRef":{"store":"files","name":"acme/charts","key":"password"}}`; err != nil || !bytes.Contains(data, []byte(want)) {
		t.Error(string(data), err)
	}
}
