package identity_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"testing/synctest"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm/fsmtest"
	"github.com/aeriehq/aerie/projections/identity"
	"github.com/aeriehq/aerie/projections/state"
)

// rig is a registry on a fold that is told what happens.
type rig struct {
	*testing.T
	fold *state.Live
	who  *identity.Registry
}

func newRig(t *testing.T) *rig {
	fold := state.NewLive()
	return &rig{t, fold, identity.New(fold)}
}

func (r *rig) happens(name string, happened ...ev.Event) {
	r.Helper()
	var decision []ev.Recorded
	r.fold.View(func(w *state.Entities) { decision = fsmtest.Recorded(w, fsmtest.RefOf(name), happened) })
	r.fold.Pause(decision[0].Seq)
	if err := r.fold.ApplyOwn([][]ev.Recorded{decision}); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) enters(token string) bool { _, _, err := r.who.Authenticate(token); return err == nil }

const secret = "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst"

func token(uid string, role ev.Role, expires string) ev.Event {
	sum := sha256.Sum256([]byte(secret))
	return ev.Created[ev.TokenSpec]{UID: uid, Spec: ev.TokenSpec{Role: role, Hash: hex.EncodeToString(sum[:]), Expires: expires}}
}

func TestATokenLetsInUntilItIsRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var out []string
		r.who.OnEnd(func(actor string) { out = append(out, actor) })
		r.happens("token acme/ci", token("01A", ev.RoleCustomerViewer, "2040-01-01T00:00:00Z"))
		c, gone, err := r.who.Authenticate(ev.WriteToken("01A", secret))
		want := ev.Caller{Actor: "token:01A", Role: ev.RoleCustomerViewer, Owner: "acme", Until: time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)}
		if err != nil || c != want {
			t.Fatalf("%+v %v", c, err)
		}
		for _, wrong := range []string{"", secret, "aerie_01A_", "aerie_01A_x", "aerie_01B_" + secret, "aerie__" + secret, ev.WriteToken("01A", secret+"x")} {
			if r.enters(wrong) {
				t.Errorf("%q lets in", wrong)
			}
		}
		r.happens("token acme/ci", ev.LabelsChanged{Labels: map[string]string{"a": "b"}})
		select {
		case <-gone:
			t.Error("a label has ended it")
		default:
		}
		r.happens("token acme/ci", ev.Revoked{})
		<-gone
		synctest.Wait()
		if r.enters(ev.WriteToken("01A", secret)) || len(out) != 1 || out[0] != "token:01A" {
			t.Error("it is revoked and lets in, or nobody was told:", out)
		}
		if _, ok := r.who.Actor("token:01A"); ok {
			t.Error("it is revoked and known")
		}
		r.happens("token acme/ci", token("01B", ev.RoleCustomerViewer, "2040-01-01T00:00:00Z"))
		if r.enters(ev.WriteToken("01A", secret)) || !r.enters(ev.WriteToken("01B", secret)) {
			t.Error("the name's next token lets in as itself alone")
		}
	})
}

func TestATokenEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.happens("token -/ci", token("01A", ev.RoleViewer, time.Now().Add(time.Hour).Format(time.RFC3339)))
		if !r.enters(ev.WriteToken("01A", secret)) {
			t.Error("it does not let in")
		}
		time.Sleep(time.Hour)
		if _, known := r.who.Actor("token:01A"); known || r.enters(ev.WriteToken("01A", secret)) {
			t.Error("it is over and lets in")
		}
	})
}

// A role that is none for its owner lets nobody in, whoever wrote it.
func TestARoleOfAnotherOwnerLetsNobodyIn(t *testing.T) {
	r := newRig(t)
	r.happens("token acme/ci", token("01A", ev.RoleAdmin, "2040-01-01T00:00:00Z"))
	r.happens("token -/ci", token("01B", ev.RoleCustomerAdmin, "2040-01-01T00:00:00Z"))
	if r.enters(ev.WriteToken("01A", secret)) || r.enters(ev.WriteToken("01B", secret)) {
		t.Error("let in")
	}
}

func TestAPrincipalIsKnownByItsKey(t *testing.T) {
	r := newRig(t)
	r.happens("principal -/robot", ev.Created[ev.PrincipalSpec]{UID: "01P", Spec: ev.PrincipalSpec{Role: ev.RoleOperator, Key: "UONE"}})
	if c, ok := r.who.Key("UONE"); !ok || c.Actor != "user:01P" || c.Role != ev.RoleOperator {
		t.Errorf("%+v %t", c, ok)
	}
	r.happens("principal -/robot", ev.Updated[ev.PrincipalSpec]{Spec: ev.PrincipalSpec{Role: ev.RoleViewer, Key: "UTWO"}})
	if c, ok := r.who.Key("UTWO"); !ok || c.Role != ev.RoleViewer {
		t.Errorf("%+v %t", c, ok)
	}
	if _, ok := r.who.Key("UONE"); ok {
		t.Error("the old key lets in")
	}
	r.happens("principal -/twin", ev.Created[ev.PrincipalSpec]{UID: "01Q", Spec: ev.PrincipalSpec{Role: ev.RoleAdmin, Key: "UTWO"}})
	if _, ok := r.who.Key("UTWO"); ok {
		t.Error("two have the same key, and one of them comes in")
	}
	r.happens("principal -/twin", ev.Deleted{})
	if c, ok := r.who.Key("UTWO"); !ok || c.Actor != "user:01P" {
		t.Errorf("one is gone: %+v %t", c, ok)
	}
}

func TestTheLocalToken(t *testing.T) {
	r := newRig(t)
	if r.enters("") {
		t.Error("there is no local token, and nothing lets in")
	}
	r.who.UseLocal("local")
	c, gone, err := r.who.Authenticate("local")
	if err != nil || c != ev.LocalAdmin() {
		t.Errorf("%+v %v", c, err)
	}
	r.who.UseLocal("another")
	<-gone
	if r.enters("local") || !r.enters("another") {
		t.Error("it was rotated")
	}
	r.who.UseLocal("")
	if r.enters("another") || r.enters("") {
		t.Error("it is disabled")
	}
}

// What a snapshot brings lets in as what the log tells.
func TestLoad(t *testing.T) {
	w := fsmtest.WorldOf(t, fsmtest.History(fsmtest.Is("token acme/ci", token("01A", ev.RoleCustomerAdmin, "2040-01-01T00:00:00Z")),
		fsmtest.Is("token acme/old", token("01B", ev.RoleCustomerAdmin, "2040-01-01T00:00:00Z"), ev.Revoked{})))
	r := newRig(t)
	r.who.Load(w)
	if !r.enters(ev.WriteToken("01A", secret)) || r.enters(ev.WriteToken("01B", secret)) {
		t.Error("one of them lets in, and the other does not")
	}
}

// Who came in before his rights changed did not come in with those of now, also where a process learns only that they did change.
func TestWhoCameInBeforeHisRightsChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		created := ev.Created[ev.PrincipalSpec]{UID: "01P", Spec: ev.PrincipalSpec{Role: ev.RoleOperator, Key: "UONE"}}
		changed := ev.Updated[ev.PrincipalSpec]{Spec: ev.PrincipalSpec{Role: ev.RoleViewer, Key: "UONE"}}
		r := newRig(t)
		came := time.Now()
		time.Sleep(time.Minute)
		r.happens("principal -/robot", created)
		if !r.who.LetIn("user:01P", came) {
			t.Error("he never had other rights")
		}
		r.happens("principal -/robot", changed)
		if r.who.LetIn("user:01P", came) || !r.who.LetIn("user:01P", time.Now()) {
			t.Error("his rights have changed")
		}
		next := newRig(t)
		next.who.Load(fsmtest.WorldOf(t, fsmtest.History(fsmtest.Is("principal -/robot", created, changed))))
		if next.who.LetIn("user:01P", came) || !next.who.LetIn("user:01P", time.Now()) {
			t.Error("his rights have changed before")
		}
		r.happens("principal -/robot", ev.Deleted{})
		if r.who.LetIn("user:01P", time.Now()) || r.who.LetIn("user:nobody", time.Now()) {
			t.Error("nobody knows him")
		}
	})
}
