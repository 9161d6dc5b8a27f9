package client

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/aeriehq/aerie/events"
)

const (
	// refreshBefore is how long before its end a token is got anew.
	refreshBefore = time.Minute
	// loginWithin is how long a person may take to log in.
	loginWithin = 5 * time.Minute
)

// fresh is the token of a login, got anew if its end is near. Where that can't be done it is shown as it is: the server says what
// it thinks of it.
func (c *Context) fresh(ctx context.Context) (string, error) {
	if time.Until(endOf(c.Token)) > refreshBefore || c.Login.Refresh == "" {
		return c.Token, nil
	}
	p, config, ctx, err := c.Login.open(ctx)
	if err == nil {
		var got *oauth2.Token
		if got, err = config.TokenSource(ctx, &oauth2.Token{RefreshToken: c.Login.Refresh}).Token(); err == nil {
			err = c.take(ctx, p, got, "")
		}
	}
	if err != nil {
		if time.Now().Before(endOf(c.Token)) {
			return c.Token, nil
		}
		return "", events.Refuse(events.Denied, "your login has expired, and %s does not renew it: aerie auth login", c.Login.Issuer)
	}
	all, err := ReadContexts()
	if err != nil {
		return "", err
	}
	all.Put(*c)
	return c.Token, all.Write()
}

// endOf is when a token ends, as it says itself; zero if it does not.
func endOf(token string) time.Time {
	var said struct {
		Ends float64 `json:"exp"`
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &said) != nil {
		return time.Time{}
	}
	return time.Unix(int64(said.Ends), 0)
}

// open asks the issuer where it is asked for tokens.
func (l *Login) open(ctx context.Context, scopes ...string) (*oidc.Provider, oauth2.Config, context.Context, error) {
	asks := &http.Client{Timeout: 10 * time.Second}
	if l.CA != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		pool.AppendCertsFromPEM([]byte(l.CA))
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
		asks.Transport = transport
	}
	ctx = oidc.ClientContext(ctx, asks)
	p, err := oidc.NewProvider(ctx, l.Issuer)
	if err != nil {
		return nil, oauth2.Config{}, ctx, events.Refuse(events.Unavailable, "%s does not say how to log in: %v", l.Issuer, err)
	}
	at := p.Endpoint()
	at.AuthStyle = oauth2.AuthStyleInParams // there is no secret to show, and an attempt to show one may use a code up
	return p, oauth2.Config{ClientID: l.ClientID, Endpoint: at, Scopes: scopes}, ctx, nil
}

// take checks what the issuer has answered, and keeps the token that says who somebody is.
func (c *Context) take(ctx context.Context, p *oidc.Provider, got *oauth2.Token, nonce string) error {
	raw, _ := got.Extra("id_token").(string)
	if raw == "" {
		return events.Refuse(events.Denied, "%s has answered without an id_token: is openid among the scopes?", c.Login.Issuer)
	}
	t, err := p.Verifier(&oidc.Config{ClientID: c.Login.ClientID}).Verify(ctx, raw)
	if err != nil {
		return events.Refuse(events.Denied, "the token of %s is not valid: %v", c.Login.Issuer, err)
	}
	if nonce != "" && t.Nonce != nonce {
		return events.Refuse(events.Denied, "the token of %s was made for another login: its nonce is not ours", c.Login.Issuer)
	}
	c.Token = raw
	if got.RefreshToken != "" {
		c.Login.Refresh = got.RefreshToken
	}
	return nil
}

// LogIn gets a token of an issuer for a context. With a device somebody logs in in any browser, anywhere; else in one on this machine,
// which comes back to an address of this program. tell says to the person what to do.
func (c *Context) LogIn(ctx context.Context, l Login, scopes []string, device bool, tell func(string)) error {
	ctx, cancel := context.WithTimeout(ctx, loginWithin)
	defer cancel()
	if len(scopes) == 0 {
		scopes = []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess}
	}
	p, config, ctx, err := l.open(ctx, scopes...)
	if err != nil {
		return err
	}
	c.Login = &l
	if device {
		return c.byDevice(ctx, p, config, tell)
	}
	return c.byCode(ctx, p, config, tell)
}

func (c *Context) byDevice(ctx context.Context, p *oidc.Provider, config oauth2.Config, tell func(string)) error {
	if config.Endpoint.DeviceAuthURL == "" {
		return events.Refuse(events.Refused, "%s has no login by device: leave --device out", c.Login.Issuer)
	}
	verifier := oauth2.GenerateVerifier()
	d, err := config.DeviceAuth(ctx, oauth2.S256ChallengeOption(verifier))
	if err != nil {
		return failed(c.Login.Issuer, err)
	}
	if d.VerificationURIComplete != "" {
		tell(fmt.Sprintf("open %s and see that the code there is %s", d.VerificationURIComplete, d.UserCode))
	} else {
		tell(fmt.Sprintf("open %s and give the code %s", d.VerificationURI, d.UserCode))
	}
	got, err := config.DeviceAccessToken(ctx, d, oauth2.VerifierOption(verifier))
	if err != nil {
		return failed(c.Login.Issuer, err)
	}
	return c.take(ctx, p, got, "")
}

// byCode sends the person to the issuer, and waits for him to come back with a code. That it is his own login that comes back is
// shown by state, nonce and the proof of the code's key.
func (c *Context) byCode(ctx context.Context, p *oidc.Provider, config oauth2.Config, tell func(string)) error {
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for who has logged in: %w", err)
	}
	config.RedirectURL = "http://" + listen.Addr().String() + "/callback"
	state, nonce, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	codes := make(chan string, 1)
	faults := make(chan error, 1)
	srv := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.URL.Path != "/callback" || q.Get("state") != state {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if q.Get("code") == "" {
			offer(faults, error(events.Refuse(events.Denied, "%s says %s", c.Login.Issuer, events.Truncate(q.Get("error")))))
			fmt.Fprintln(w, "You are not logged in. The command line says why.")
			return
		}
		offer(codes, q.Get("code"))
		fmt.Fprintln(w, "You can close this page: the command line goes on.")
	})}
	go func() { _ = srv.Serve(listen) }()
	defer func() { _ = srv.Shutdown(context.WithoutCancel(ctx)) }() // the page is sent first
	tell("open " + config.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)))
	select {
	case <-ctx.Done():
		return &Failure{Code: "timeout", Message: "nobody has logged in", Exit: ExitTimeout}
	case err := <-faults:
		return err
	case code := <-codes:
		got, err := config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
		if err != nil {
			return failed(c.Login.Issuer, err)
		}
		return c.take(ctx, p, got, nonce)
	}
}

// offer sends the first value; who comes later is too late.
func offer[T any](to chan<- T, v T) {
	select {
	case to <- v:
	default:
	}
}

// failed is what an issuer has refused, in its own code.
func failed(issuer string, err error) error {
	var said *oauth2.RetrieveError
	switch {
	case errors.As(err, &said) && said.ErrorCode != "":
		return events.Refuse(events.Denied, "%s says %s", issuer, events.Truncate(said.ErrorCode+" "+said.ErrorDescription))
	case errors.Is(err, context.DeadlineExceeded):
		return &Failure{Code: "timeout", Message: "nobody has logged in", Exit: ExitTimeout}
	}
	return events.Refuse(events.Unavailable, "no answer from %s: %v", issuer, err)
}
