package oidc_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// provider is zitadel/oidc's op over HTTP. What a product around it would have is here: who logs in without being asked for a
// password, the pages for that, and a door that can be shut. What goes wrong is put into what op answers, as somebody between it
// and its clients would.
type provider struct {
	*httptest.Server
	op    *op.Provider
	keys  *keys
	asked chan bool // somebody has read its keys; at most one is kept

	mu      sync.Mutex
	people  map[string]person
	logsIn  string        // whose browser it is
	refuses bool          // who logs in says no
	lasts   time.Duration // how long tokens are good that it makes from now on
	away    bool
	instead func(*request) string // what is answered instead of an ID token; nil: op's own
	grants  []string              // for which it gave tokens, in order
	headers int                   // how often a client showed a secret, or tried to

	requests map[string]*request                     // logins that have begun, by id and by code
	devices  map[string]*op.DeviceAuthorizationState // by device code
	codes    map[string]string                       // device codes by what people type
	refresh  map[string]*renewal                     // what refresh tokens are for
}

// person is who may log in.
type person struct {
	Name, Email string
	Claims      map[string]any
}

// The clients that it knows, and the secret of the one that is a machine.
const (
	commandLine = "aerie"
	machine     = "ci"
	another     = "grafana"
	secret      = "of-a-machine"
)

func newProvider(t *testing.T) *provider {
	p := &provider{keys: &keys{}, asked: make(chan bool, 1), people: map[string]person{}, lasts: time.Hour, requests: map[string]*request{},
		devices: map[string]*op.DeviceAuthorizationState{}, codes: map[string]string{}, refresh: map[string]*renewal{}}
	p.keys.add(t)
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	config := &op.Config{CodeMethodS256: true, GrantTypeRefreshToken: true, DeviceAuthorization: op.DeviceAuthorizationConfig{
		Lifetime: time.Minute, PollInterval: time.Second, UserFormPath: "/device", UserCode: op.UserCodeBase20}}
	_, _ = rand.Read(config.CryptoKey[:])
	made, err := op.NewProvider(config, p, op.StaticIssuer(p.URL), op.WithAllowInsecure())
	if err != nil {
		t.Fatal(err)
	}
	p.op = made
	return p
}

// set changes what the provider does from now on.
func (p *provider) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *provider) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	away := p.away
	if _, _, shown := r.BasicAuth(); shown {
		p.headers++
	}
	p.mu.Unlock()
	if away {
		panic(http.ErrAbortHandler) // cuts the connection
	}
	switch r.URL.Path {
	case "/login":
		p.login(w, r)
	case "/device":
		p.approve(w, r)
	case p.op.KeysEndpoint().Relative():
		p.op.ServeHTTP(w, r)
		select {
		case p.asked <- true:
		default:
		}
	case p.op.TokenEndpoint().Relative():
		p.token(w, r)
	default:
		p.op.ServeHTTP(w, r)
	}
}

// login is the page to which op sends a browser: its person is logged in at once, and goes back.
func (p *provider) login(w http.ResponseWriter, r *http.Request) {
	id := r.FormValue("id")
	p.mu.Lock()
	asked := p.requests[id]
	if asked != nil && p.refuses {
		p.mu.Unlock()
		back := asked.GetRedirectURI() + "?" + url.Values{"error": {"access_denied"}, "state": {asked.GetState()}}.Encode()
		http.Redirect(w, r, back, http.StatusFound)
		return
	}
	if asked != nil {
		asked.subject, asked.done = p.logsIn, true
	}
	p.mu.Unlock()
	http.Redirect(w, r, op.AuthCallbackURL(p.op)(op.ContextWithIssuer(r.Context(), p.URL), id), http.StatusFound)
}

// approve is the page on which a person says that a device may go on.
func (p *provider) approve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	state := p.devices[p.codes[r.FormValue("user_code")]]
	if state == nil {
		http.NotFound(w, r)
		return
	}
	state.Subject, state.AuthTime, state.Done, state.Denied = p.logsIn, time.Now(), !p.refuses, p.refuses
}

// token is op's answer, with another ID token where the test has one.
func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	asked, instead := p.requests[r.FormValue("code")], p.instead
	p.mu.Unlock()
	kept := httptest.NewRecorder()
	p.op.ServeHTTP(kept, r)
	if kept.Code == http.StatusOK {
		p.set(func() { p.grants = append(p.grants, r.FormValue("grant_type")) })
	}
	body := kept.Body.Bytes()
	if kept.Code == http.StatusOK && instead != nil && asked != nil {
		var answer map[string]any
		if err := json.Unmarshal(body, &answer); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer["id_token"] = instead(asked)
		body, _ = json.Marshal(answer)
	}
	maps.Copy(w.Header(), kept.Header())
	w.Header().Del("Content-Length")
	w.WriteHeader(kept.Code)
	_, _ = bytes.NewReader(body).WriteTo(w)
}

// mint has op make an ID token for who has logged in, or would.
func (p *provider) mint(t testing.TB, issuer string, asked *request, lasts time.Duration) string {
	t.Helper()
	token, err := op.CreateIDToken(context.Background(), issuer, asked, lasts, "", "", p, &client{p, asked.GetClientID()})
	if err != nil {
		t.Error(err)
	}
	return token
}

// keys are those of a provider: it shows them all, and signs with the last one.
type keys struct {
	mu  sync.Mutex
	all []*key
}

type key struct {
	id      string
	private *ecdsa.PrivateKey
}

func (k *keys) add(t testing.TB) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = append(k.all, &key{rand.Text(), private})
}

// withdraw shows the newest key alone from now on.
func (k *keys) withdraw() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = k.all[len(k.all)-1:]
}

func (k *keys) newest() *key {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.all[len(k.all)-1]
}

// request is what a login is for. op reads it by its methods.
type request struct {
	*oidc.AuthRequest
	id, subject string
	audience    []string
	done        bool
	began       time.Time
}

// asking is a request of a client for somebody, as if he had logged in.
func asking(clientID, subject string) *request {
	return &request{AuthRequest: &oidc.AuthRequest{ClientID: clientID, Scopes: []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail}},
		subject: subject, audience: []string{clientID}, done: true, began: time.Now()}
}

func (r *request) GetID() string                      { return r.id }
func (r *request) GetACR() string                     { return "" }
func (r *request) GetAMR() []string                   { return nil }
func (r *request) GetAudience() []string              { return r.audience }
func (r *request) GetAuthTime() time.Time             { return r.began }
func (r *request) GetClientID() string                { return r.ClientID }
func (r *request) GetNonce() string                   { return r.Nonce }
func (r *request) GetRedirectURI() string             { return r.RedirectURI }
func (r *request) GetResponseType() oidc.ResponseType { return r.ResponseType }
func (r *request) GetResponseMode() oidc.ResponseMode { return r.ResponseMode }
func (r *request) GetScopes() []string                { return r.Scopes }
func (r *request) GetState() string                   { return r.State }
func (r *request) GetSubject() string                 { return r.subject }
func (r *request) Done() bool                         { return r.done }
func (r *request) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: r.CodeChallenge, Method: r.CodeChallengeMethod}
}

// renewal is a request for who has logged in before. op tells it from a login by what it can't say.
type renewal struct{ of *request }

func (r *renewal) GetAMR() []string                 { return r.of.GetAMR() }
func (r *renewal) GetAudience() []string            { return r.of.audience }
func (r *renewal) GetAuthTime() time.Time           { return r.of.began }
func (r *renewal) GetClientID() string              { return r.of.ClientID }
func (r *renewal) GetScopes() []string              { return r.of.Scopes }
func (r *renewal) GetSubject() string               { return r.of.subject }
func (r *renewal) SetCurrentScopes(scopes []string) { r.of.Scopes = scopes }

// client is one that the provider knows: the command line is public and a person's, the machine has a secret.
type client struct {
	p  *provider
	id string
}

func (c *client) GetID() string                    { return c.id }
func (c *client) RedirectURIs() []string           { return []string{"http://127.0.0.1/callback"} }
func (c *client) PostLogoutRedirectURIs() []string { return nil }
func (c *client) LoginURL(id string) string        { return "/login?id=" + url.QueryEscape(id) }
func (c *client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c *client) DevMode() bool              { return false }
func (c *client) IsScopeAllowed(string) bool { return false }
func (c *client) ClockSkew() time.Duration   { return 0 }

// IDTokenUserinfoClaimsAssertion puts names into ID tokens, where aerie reads them.
func (c *client) IDTokenUserinfoClaimsAssertion() bool { return true }

func (c *client) AccessTokenType() op.AccessTokenType {
	if c.id == machine {
		return op.AccessTokenTypeJWT
	}
	return op.AccessTokenTypeBearer
}

func (c *client) ApplicationType() op.ApplicationType {
	if c.id == machine {
		return op.ApplicationTypeWeb
	}
	return op.ApplicationTypeNative
}

func (c *client) AuthMethod() oidc.AuthMethod {
	if c.id == machine {
		return oidc.AuthMethodBasic
	}
	return oidc.AuthMethodNone
}

func (c *client) GrantTypes() []oidc.GrantType {
	if c.id == machine {
		return []oidc.GrantType{oidc.GrantTypeClientCredentials}
	}
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeDeviceCode}
}

func (c *client) IDTokenLifetime() time.Duration {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return c.p.lasts
}

func all(scopes []string) []string { return scopes }

func (c *client) RestrictAdditionalIdTokenScopes() func([]string) []string     { return all }
func (c *client) RestrictAdditionalAccessTokenScopes() func([]string) []string { return all }
