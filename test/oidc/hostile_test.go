package oidc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// forgery is a token that is not good, for a login that would be.
type forgery func(t *testing.T, p *provider, asked *request) string

// forgeries are wrong in one thing each, and everything else of them is op's own.
var forgeries = map[string]forgery{
	"of another issuer": func(t *testing.T, p *provider, asked *request) string {
		return p.mint(t, "https://evil.example.com", asked, time.Hour)
	},
	"of this issuer with a slash more": func(t *testing.T, p *provider, asked *request) string {
		return p.mint(t, p.URL+"/", asked, time.Hour)
	},
	"for another client": func(t *testing.T, p *provider, asked *request) string {
		return p.mint(t, p.URL, changed(asked, func(r *request) { r.ClientID, r.audience = another, []string{another} }), time.Hour)
	},
	"that is over": func(t *testing.T, p *provider, asked *request) string {
		return p.mint(t, p.URL, asked, -time.Minute)
	},
	"without a subject": func(t *testing.T, p *provider, asked *request) string {
		return p.mint(t, p.URL, changed(asked, func(r *request) { r.subject = "" }), time.Hour)
	},
	"alg none": func(t *testing.T, p *provider, asked *request) string {
		return headed(`{"alg":"none"}`, payloadOf(p.mint(t, p.URL, asked, time.Hour))) + "."
	},
	"alg None, with the signature": func(t *testing.T, p *provider, asked *request) string {
		good := p.mint(t, p.URL, asked, time.Hour)
		return headed(`{"alg":"None"}`, payloadOf(good)) + good[strings.LastIndex(good, "."):]
	},
	"HS256 with the public key as the secret": func(t *testing.T, p *provider, asked *request) string {
		der, err := x509.MarshalPKIXPublicKey(&p.keys.newest().private.PublicKey)
		if err != nil {
			t.Error(err)
		}
		text := headed(`{"alg":"HS256","kid":"`+p.keys.newest().id+`"}`, payloadOf(p.mint(t, p.URL, asked, time.Hour)))
		sum := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		sum.Write([]byte(text))
		return text + "." + base64.RawURLEncoding.EncodeToString(sum.Sum(nil))
	},
	"of another's key under the name of the right one": func(t *testing.T, p *provider, asked *request) string {
		return signed(t, p.keys.newest().id, payloadOf(p.mint(t, p.URL, asked, time.Hour)), nil)
	},
	"of a key that it brings along": func(t *testing.T, p *provider, asked *request) string {
		return signed(t, "", payloadOf(p.mint(t, p.URL, asked, time.Hour)), &jose.SignerOptions{EmbedJWK: true})
	},
	"of somebody else, with the signature of before": func(t *testing.T, p *provider, asked *request) string {
		parts := strings.Split(p.mint(t, p.URL, changed(asked, func(r *request) { r.subject = "eve" }), time.Hour), ".")
		return parts[0] + "." + payloadOf(p.mint(t, p.URL, asked, time.Hour)) + "." + parts[2]
	},
	"without its signature": func(t *testing.T, p *provider, asked *request) string {
		good := p.mint(t, p.URL, asked, time.Hour)
		return good[:strings.LastIndex(good, ".")+1]
	},
	"nothing": func(*testing.T, *provider, *request) string { return "" },
}

// changed is a request with something else in it.
func changed(asked *request, change func(*request)) *request {
	inner, other := *asked.AuthRequest, *asked
	other.AuthRequest = &inner
	change(&other)
	return &other
}

func payloadOf(token string) string {
	if parts := strings.Split(token, "."); len(parts) == 3 {
		return parts[1]
	}
	return ""
}

func headed(head, payload string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + payload
}

// signed signs a payload with a key that is nobody's.
func signed(t *testing.T, kid, payload string, options *jose.SignerOptions) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: private, KeyID: kid}}, options)
	if err != nil {
		t.Fatal(err)
	}
	data, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(data)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// TestForgedTokens lets nobody in who shows one, over HTTP or NATS, and nobody log in who is answered one.
func TestForgedTokens(t *testing.T) {
	r := newRig(t)
	r.p.people[""] = r.p.people["ada"] // for the one without a subject
	if !r.letsIn(r.p.mint(t, r.p.URL, asking(commandLine, "ada"), time.Hour)) {
		t.Fatal("a good one lets in nobody")
	}
	for name, forge := range forgeries {
		if token := forge(t, r.p, asking(commandLine, "ada")); r.letsIn(token) {
			t.Errorf("a token %s lets in: %s", name, token)
		}
	}
	if r.letsIn(r.ofMachine(another)) {
		t.Error("a machine's token for something else lets in")
	}
	atLogins := map[string]forgery{"of another login": func(t *testing.T, p *provider, asked *request) string {
		return p.mint(t, p.URL, changed(asked, func(r *request) { r.Nonce = "another" }), time.Hour)
	}, "of no login": func(t *testing.T, p *provider, asked *request) string {
		return p.mint(t, p.URL, changed(asked, func(r *request) { r.Nonce = "" }), time.Hour)
	}}
	for name, forge := range forgeries {
		atLogins[name] = forge
	}
	for name, forge := range atLogins {
		r.p.set(func() { r.p.instead = func(asked *request) string { return forge(t, r.p, asked) } })
		r.logIn(3)
		if token, refresh := r.kept(); token != "" || refresh != "" {
			t.Errorf("%s: something of it is kept", name)
		}
	}
	r.p.set(func() { r.p.instead = nil })
	r.logIn(0)
	var people struct{ Items []json.RawMessage }
	if err := json.Unmarshal([]byte(r.do(0, "auth", "people", "list", "-o", "json")), &people); err != nil || len(people.Items) != 1 {
		t.Errorf("one person has come in, and there are %d: %v", len(people.Items), err)
	}
}
