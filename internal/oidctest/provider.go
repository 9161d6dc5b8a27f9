// Package oidctest is an OpenID Connect provider inside a test, over real HTTP: it logs people in by code and by device, hands out
// tokens that it signs, changes its keys, and goes away for a while.
//
// It is for tests alone; nothing of the product imports it. It asks nobody for a password: who logs in is whom the test has
// named. Begin with New and Provider.Token. Its methods may be called from any goroutine. Nothing is kept.
package oidctest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Provider is the provider. Its URL is the issuer.
type Provider struct {
	*httptest.Server
	ClientID string

	mu     sync.Mutex
	keys   []*ecdsa.PrivateKey // the last one signs
	away   bool
	asked  int
	person map[string]any    // the claims of who logs in
	codes  map[string]params // what was asked with a code, a device or a refresh token
	lasts  time.Duration     // how long its tokens are good
}

// params is what was said when a code was given out.
type params struct {
	nonce, challenge string
	pending          int // how often a device is told to wait
}

// New starts a provider that ends with the test.
func New(t testing.TB) *Provider {
	p := &Provider{ClientID: "aerie", codes: map[string]params{}, lasts: time.Hour}
	p.Rotate()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discover)
	mux.HandleFunc("GET /keys", p.listKeys)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /device", p.device)
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		away := p.away
		p.asked++
		p.mu.Unlock()
		if away {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// LogsIn says who logs in from now on, by his claims.
func (p *Provider) LogsIn(claims map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.person = claims
}

// Lasts says how long tokens are good from now on.
func (p *Provider) Lasts(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lasts = d
}

// Rotate signs with another key from now on. The one before is no longer shown.
func (p *Provider) Rotate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = append(p.keys, key)
}

// Away has it answer nobody, or answer again.
func (p *Provider) Away(away bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = away
}

// Asked is how often it was asked anything.
func (p *Provider) Asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// Token signs claims; those that every token has are filled in where they are absent, and left out where they are nil.
func (p *Provider) Token(claims map[string]any) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sign(claims)
}

func (p *Provider) sign(claims map[string]any) string {
	now := time.Now()
	all := map[string]any{"iss": p.URL, "aud": p.ClientID, "iat": now.Unix(), "exp": now.Add(p.lasts).Unix()}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	key := p.keys[len(p.keys)-1]
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: kid(key)}}, nil)
	if err != nil {
		panic(err)
	}
	data, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	signed, err := signer.Sign(data)
	if err != nil {
		panic(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return token
}

func kid(key *ecdsa.PrivateKey) string {
	sum := sha256.Sum256(key.X.Bytes())
	return fmt.Sprintf("%x", sum[:4])
}

func (p *Provider) discover(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"issuer": p.URL, "jwks_uri": p.URL + "/keys", "authorization_endpoint": p.URL + "/authorize",
		"token_endpoint": p.URL + "/token", "device_authorization_endpoint": p.URL + "/device", "id_token_signing_alg_values_supported": []string{"ES256"}})
}

func (p *Provider) listKeys(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := p.keys[len(p.keys)-1]
	answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: kid(key), Algorithm: "ES256", Use: "sig"}}})
}

// authorize logs in at once, and goes back to who asked.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("client_id") != p.ClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_request"})
		return
	}
	code := p.note(params{nonce: q.Get("nonce"), challenge: q.Get("code_challenge")})
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (p *Provider) device(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("client_id") != p.ClientID {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_client"})
		return
	}
	code := p.note(params{pending: 1, challenge: r.FormValue("code_challenge")})
	answer(w, http.StatusOK, map[string]any{"device_code": code, "user_code": "ABCD-EFGH", "verification_uri": p.URL + "/activate", "expires_in": 60, "interval": 1})
}

func (p *Provider) note(what params) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	code := rand.Text()
	p.codes[code] = what
	return code
}

// token answers with tokens for a code, a device or a refresh token; each is good once.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	code := r.FormValue("code") + r.FormValue("device_code") + r.FormValue("refresh_token")
	asked, known := p.codes[code]
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	switch {
	case !known, asked.challenge != "" && asked.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	case asked.pending > 0:
		asked.pending--
		p.codes[code] = asked
		answer(w, http.StatusBadRequest, map[string]any{"error": "authorization_pending"})
		return
	}
	delete(p.codes, code)
	claims := maps.Clone(p.person)
	if asked.nonce != "" && claims["nonce"] == nil {
		claims["nonce"] = asked.nonce
	}
	refresh := rand.Text()
	p.codes[refresh] = params{}
	answer(w, http.StatusOK, map[string]any{"access_token": "opaque", "token_type": "Bearer", "expires_in": int(p.lasts.Seconds()), "id_token": p.sign(claims), "refresh_token": refresh})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// Unsigned is a token that nobody has signed, with the same claims as another: alg none.
func Unsigned(token string) string {
	parts := strings.Split(token, ".")
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."
}
