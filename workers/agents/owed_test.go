package agents

import (
	"bytes"
	"encoding/json"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
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

// Of a tenant that moves an agent is told the other place as agents enter it, if they work there for the same owner; else no Secret follows it.
func TestTheOtherPlaceOfAMove(t *testing.T) {
	place := queue.Partition{Owner: "acme", Dataplane: "edge"}
	for _, row := range []struct {
		other, mode string
		follows     bool
	}{
		{"acme/edge2", ev.ModePull, true},
		{"acme/pushed", ev.ModePush, false},
		{"-/eu", ev.ModePull, false},
	} {
		get := func(ref ev.Ref) (e fsm.Entity[fsm.Data], known bool) {
			return fsm.Entity[fsm.Data]{Base: fsm.Base{Ref: ref}, Data: fsm.DataplaneData{Mode: row.mode}}, true
		}
		other := ev.Target{Account: ev.CloudAccount{Cloud: "aws", Number: "1", Role: "theirs"}, Dataplane: row.other}
		m := ev.RelocateTenant{Follow: &ev.MoveFollow{Site: other}, Look: &ev.MoveLook{Site: other}}
		m.Target = ev.Target{Account: ev.CloudAccount{Cloud: "aws", Number: "1", Role: "theirs"}, Dataplane: "acme/edge"}
		told := forAgent(m, place, get).(ev.RelocateTenant)
		if follows := told.Follow != nil; follows != row.follows || follows && told.Follow.Site.Account.Role != "" || told.Account.Role != "" {
			t.Errorf("of %s it is told %+v, %+v", row.other, told.Account, told.Follow)
		}
		if told.Look.Site.Account.Agent != row.follows || told.Look.Site.Account.Role != "" || told.Look.Site.Dataplane != row.other || m.Follow.Site.Account.Role != "theirs" {
			t.Errorf("of %s it is to look at %+v, and what is owed is %+v", row.other, told.Look.Site, m.Follow.Site)
		}
	}
}
