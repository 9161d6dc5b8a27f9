package login

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

const (
	// leeway is how long after its end a token is still taken, for clocks that differ.
	leeway = 30 * time.Second
	// keysFresh is after how long the keys of an issuer are asked for again, beside what is going on.
	keysFresh = time.Hour
	// keysGood is how long keys are good while their issuer does not answer.
	keysGood = 24 * time.Hour
	// asksEvery is how often an issuer is asked for keys at most, whatever tokens name.
	asksEvery = 10 * time.Second
)

// algorithms are those by which tokens may be signed: with a private key that the issuer alone has. none is none of them, nor is a
// secret that both sides know.
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
	oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA}

// issuer checks the tokens of one issuer.
type issuer struct {
	IssuerSettings
	client *http.Client
	now    func() time.Time

	mu    sync.Mutex
	keys  []jose.JSONWebKey
	read  time.Time     // when they were read
	tried time.Time     // when they were asked for last
	asks  chan struct{} // closed when who asks now has an answer; nil: nobody asks
}

// claims are what a token says that was checked.
type claims struct {
	all     map[string]any
	subject string
	issued  time.Time
	ends    time.Time
}

// issuerOf is what a token says of its issuer, of which nothing is checked.
func issuerOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	var said struct {
		Issuer string `json:"iss"`
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &said) != nil {
		return ""
	}
	return said.Issuer
}

// verify checks a token: its signature, issuer, audience and end. What is wrong with it is errBadToken.
func (i *issuer) verify(ctx context.Context, token string) (c claims, err error) {
	if err := i.ready(ctx); err != nil {
		return c, err
	}
	if c, err = i.check(ctx, token); err != nil {
		return c, fmt.Errorf("%w: %w", errBadToken, err)
	}
	return c, nil
}

func (i *issuer) check(ctx context.Context, token string) (c claims, err error) {
	v := oidc.NewVerifier(i.URL, i, &oidc.Config{SkipClientIDCheck: true, SupportedSigningAlgs: algorithms,
		Now: func() time.Time { return i.now().Add(-leeway) }})
	t, err := v.Verify(ctx, token)
	if err != nil {
		return c, err
	}
	wanted := i.Audiences
	if len(wanted) == 0 {
		wanted = []string{i.ClientID}
	}
	if !slices.ContainsFunc(t.Audience, func(one string) bool { return one != "" && slices.Contains(wanted, one) }) {
		return c, fmt.Errorf("it is for %q, not for %q", t.Audience, wanted)
	}
	if t.Subject == "" || t.Expiry.IsZero() {
		return c, errors.New("it has no sub, or no exp")
	}
	c = claims{subject: t.Subject, issued: t.IssuedAt, ends: t.Expiry}
	return c, t.Claims(&c.all)
}

// VerifySignature is for go-oidc: it checks a signature by the keys that are known, and asks for others only if none fits.
func (i *issuer) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	var allowed []jose.SignatureAlgorithm
	for _, a := range algorithms {
		allowed = append(allowed, jose.SignatureAlgorithm(a))
	}
	jws, err := jose.ParseSignedCompact(token, allowed)
	if err != nil {
		return nil, fmt.Errorf("read a token: %w", err)
	}
	if len(jws.Signatures) != 1 {
		return nil, errors.New("a token has more than one signature")
	}
	if payload := i.signed(jws); payload != nil {
		return payload, nil
	}
	if err := i.refresh(ctx); err != nil {
		return nil, err
	}
	if payload := i.signed(jws); payload != nil {
		return payload, nil
	}
	return nil, errors.New("it is signed by no key of the issuer's")
}

// signed is the payload of what one of the known keys has signed; nil if none has. Keys that are not fresh any more are asked for
// beside that.
func (i *issuer) signed(jws *jose.JSONWebSignature) []byte {
	i.mu.Lock()
	keys, age := i.keys, i.now().Sub(i.read)
	i.mu.Unlock()
	if len(keys) > 0 && age > keysFresh {
		go func() { _ = i.refresh(context.Background()) }()
	}
	if age > keysGood {
		return nil
	}
	kid := jws.Signatures[0].Header.KeyID
	for _, key := range keys {
		if kid != "" && key.KeyID != "" && key.KeyID != kid {
			continue
		}
		if payload, err := jws.Verify(&key); err == nil {
			return payload
		}
	}
	return nil
}

// ready has keys by which tokens can be checked.
func (i *issuer) ready(ctx context.Context) error {
	if i.good() {
		return nil
	}
	if err := i.refresh(ctx); err != nil {
		return err
	}
	if !i.good() {
		return fmt.Errorf("issuer %s has not said its keys", i.Name)
	}
	return nil
}

func (i *issuer) good() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.keys) > 0 && i.now().Sub(i.read) <= keysGood
}

// refresh reads the keys anew, once for all who wait for them, and not more often than every few seconds.
func (i *issuer) refresh(ctx context.Context) error {
	i.mu.Lock()
	if asks := i.asks; asks != nil {
		i.mu.Unlock()
		select {
		case <-asks:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("ask issuer %s for its keys: %w", i.Name, ctx.Err())
		}
	}
	if since := i.now().Sub(i.tried); !i.tried.IsZero() && since >= 0 && since < asksEvery {
		i.mu.Unlock()
		return nil // it was asked just now
	}
	i.asks, i.tried = make(chan struct{}), i.now()
	i.mu.Unlock()
	keys, err := i.fetch(ctx)
	i.mu.Lock()
	defer i.mu.Unlock()
	close(i.asks)
	i.asks = nil
	if err != nil {
		return fmt.Errorf("ask issuer %s for its keys: %w", i.Name, err)
	}
	i.keys, i.read = keys, i.now()
	return nil
}

// fetch finds out where the keys of the issuer are, and reads them.
func (i *issuer) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, i.client), i.URL)
	if err != nil {
		return nil, err
	}
	var said struct {
		JWKS string `json:"jwks_uri"`
	}
	if err := p.Claims(&said); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, said.JWKS, nil)
	if err != nil {
		return nil, err
	}
	res, err := i.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil || res.StatusCode != http.StatusOK {
		return nil, errors.Join(err, fmt.Errorf("its keys: %s", res.Status))
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("read its keys: %w", err)
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && key.IsPublic() && key.Valid() { // of what is not understood there is nothing to be had
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("it has no keys")
	}
	return keys, nil
}
