package login

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/oidctest"
)

// rig is an issuer with a clock of the test's.
type rig struct {
	*testing.T
	*issuer
	p    *oidctest.Provider
	time atomic.Pointer[time.Time] // who reads keys beside the test asks for it too
}

func newRig(t *testing.T) *rig {
	p := oidctest.New(t)
	r := &rig{T: t, p: p}
	r.set(time.Now())
	r.issuer = &issuer{IssuerSettings: IssuerSettings{Name: "corp", URL: p.URL, ClientID: p.ClientID}, client: http.DefaultClient,
		now: func() time.Time { return *r.time.Load() }}
	return r
}

func (r *rig) set(now time.Time) { r.time.Store(&now) }

func (r *rig) takes(token string) bool {
	_, err := r.verify(r.Context(), token)
	return err == nil
}

func TestWhichTokensAreTaken(t *testing.T) {
	r := newRig(t)
	other := oidctest.New(t)
	at := func(d time.Duration) int64 { return r.now().Add(d).Unix() }
	good := r.p.Token(map[string]any{"sub": "1"})
	parts := strings.Split(good, ".")
	for name, row := range map[string]struct {
		token string
		taken bool
	}{
		"as it was signed":                {good, true},
		"for several, we among them":      {r.p.Token(map[string]any{"sub": "1", "aud": []string{"x", "aerie"}}), true},
		"over for less than the leeway":   {r.p.Token(map[string]any{"sub": "1", "exp": at(-25 * time.Second)}), true},
		"over for more than the leeway":   {r.p.Token(map[string]any{"sub": "1", "exp": at(-35 * time.Second)}), false},
		"not yet good":                    {r.p.Token(map[string]any{"sub": "1", "nbf": at(time.Hour)}), false},
		"without an end":                  {r.p.Token(map[string]any{"sub": "1", "exp": nil}), false},
		"for somebody else":               {r.p.Token(map[string]any{"sub": "1", "aud": "grafana"}), false},
		"for nobody":                      {r.p.Token(map[string]any{"sub": "1", "aud": nil}), false},
		"of another issuer":               {other.Token(map[string]any{"sub": "1"}), false},
		"of another that says it is this": {other.Token(map[string]any{"sub": "1", "iss": r.p.URL}), false},
		"that says it is of another":      {r.p.Token(map[string]any{"sub": "1", "iss": other.URL}), false},
		"of nobody":                       {r.p.Token(map[string]any{}), false},
		"signed by none":                  {oidctest.Unsigned(good), false},
		"signed with what all may read":   {symmetric(parts[1], r.p.URL), false},
		"with the signature of another":   {strings.Join(append(strings.Split(r.p.Token(map[string]any{"sub": "2"}), ".")[:2], parts[2]), "."), false},
		"without its signature":           {parts[0] + "." + parts[1] + ".", false},
		"nothing":                         {"", false},
		"dots":                            {"..", false},
	} {
		if r.takes(row.token) != row.taken {
			t.Errorf("%s: taken is %t, want %t", name, !row.taken, row.taken)
		}
	}
}

// symmetric signs with a text that everybody knows, as if it were a secret of both sides.
func symmetric(payload, secret string) string {
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`))
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(head + "." + payload))
	return head + "." + payload + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// The keys are known, so an issuer that is away keeps nobody out who has a token; for a day.
func TestAnIssuerThatIsAway(t *testing.T) {
	r := newRig(t)
	token := r.p.Token(map[string]any{"sub": "1", "exp": r.now().Add(100 * time.Hour).Unix()})
	if !r.takes(token) {
		t.Fatal("it is not taken")
	}
	r.p.Away(true)
	for _, later := range []time.Duration{time.Minute, 59 * time.Minute, time.Hour + time.Minute, 23 * time.Hour} {
		start := r.now()
		r.set(r.now().Add(later))
		if !r.takes(token) {
			t.Errorf("away for %s, and a token of before is not taken", later)
		}
		r.settled()
		r.set(start)
	}
	r.set(r.now().Add(25 * time.Hour))
	if r.takes(token) {
		t.Error("keys that nobody has seen for a day are taken")
	}
	r.p.Away(false)
	r.set(r.now().Add(asksEvery))
	if !r.takes(token) {
		t.Error("it is back, and the token is not taken")
	}
}

// settled returns when nobody asks the issuer for keys.
func (i *issuer) settled() {
	for {
		i.mu.Lock()
		asks := i.asks
		i.mu.Unlock()
		if asks == nil {
			return
		}
		<-asks
	}
}

// Another key is found when a token names it, and what its issuer has withdrawn is good for nothing from then on. However
// many wrong tokens come, the issuer is asked now and then alone.
func TestKeysAreRotated(t *testing.T) {
	r := newRig(t)
	old := r.p.Token(map[string]any{"sub": "1"})
	if !r.takes(old) {
		t.Fatal("it is not taken")
	}
	r.p.Rotate()
	now := r.p.Token(map[string]any{"sub": "1"})
	if r.takes(now) {
		t.Error("it was asked again within seconds")
	}
	r.set(r.now().Add(asksEvery))
	if !r.takes(now) || r.takes(old) {
		t.Error("the new key is taken and the old one is not")
	}
	asked := r.p.Asked()
	for range 1000 {
		r.takes(old)
	}
	if more := r.p.Asked() - asked; more > 4 {
		t.Errorf("it was asked %d times for a thousand wrong tokens", more)
	}
}

func TestRulesGiveRoles(t *testing.T) {
	s := IssuerSettings{Rules: []Rule{
		{Match: map[string]string{"groups": "platform"}, Role: "admin"},
		{Match: map[string]string{"repository": "acme/infra", "ref": "refs/heads/main"}, Role: "operator"},
		{Match: map[string]string{"realm.roles": "acme"}, Role: "customer-admin", Owner: "acme"},
		{Match: map[string]string{"tenant": "*"}, Role: "customer-viewer", OwnerClaim: "tenant"},
	}}
	for claims, want := range map[string]string{
		`{"groups":["a","platform"]}`:                         "admin -",
		`{"groups":"platform"}`:                               "admin -",
		`{"groups":["platform-x"]}`:                           "",
		`{"repository":"acme/infra"}`:                         "",
		`{"repository":"acme/infra","ref":"refs/heads/main"}`: "operator -",
		`{"realm":{"roles":["acme"]}}`:                        "customer-admin acme",
		`{"tenant":"birch"}`:                                  "customer-viewer birch",
		`{"tenant":"-"}`:                                      "",
		`{"tenant":"Not A Label"}`:                            "",
		`{"tenant":["birch"]}`:                                "",
		`{}`:                                                  "",
		`{"groups":{"platform":true},"tenant":""}`:            "",
		`{"repository":"acme/infra","ref":"refs/heads/main/../evil"}`: "",
	} {
		var all map[string]any
		if err := json.Unmarshal([]byte(claims), &all); err != nil {
			t.Fatal(err)
		}
		got := ""
		if role, owner, ok := s.roleOf(all); ok {
			got = string(role) + " " + owner
		}
		if got != want {
			t.Errorf("%s: %q, want %q", claims, got, want)
		}
	}
}

// All faults of the settings are told at once, each with its field.
func TestSettingsAreChecked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "oidc.yaml")
	for _, row := range []struct {
		text string
		want []string
	}{
		{`issuers: [{name: corp, url: "https://id.example.com", client_id: aerie, rules: [{match: {sub: "*"}, role: viewer}]}]`, nil},
		{`issuers: []`, []string{"issuers"}},
		{`issuers: [{name: local, url: "http://id.example.com", rules: [{role: king}, {match: {a: b}, role: customer-admin}, {match: {a: b}, role: admin, owner: acme}]}]`,
			[]string{"issuers[0].name", "issuers[0].url", "issuers[0].client_id", "issuers[0].rules[0].role", "issuers[0].rules[0].match",
				"issuers[0].rules[1].owner", "issuers[0].rules[2].owner"}},
		{`issuers: [{name: a, url: "https://a", client_id: x, rules: []}, {name: a, url: "https://a", client_id: x, rules: [{match: {a: b}, role: customer-viewer, owner: acme, owner_claim: c}]}]`,
			[]string{"issuers[0].rules", "issuers[1].name", "issuers[1].url", "issuers[1].rules[0].owner_claim"}},
		{`issuer: []`, []string{"--oidc"}},
	} {
		if err := os.WriteFile(file, []byte(row.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadSettings(file)
		var refused *ev.Refusal
		var got []string
		if errors.As(err, &refused) {
			for _, f := range refused.Details {
				got = append(got, f.Field)
			}
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%s: %q, want %q", row.text, got, row.want)
		}
	}
}
