package oidc_test

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// A provider is its own storage: op leaves to its users what it does not keep itself.
var (
	_ op.Storage                    = (*provider)(nil)
	_ op.ClientCredentialsStorage   = (*provider)(nil)
	_ op.DeviceAuthorizationStorage = (*provider)(nil)
	_ op.CanSetUserinfoFromRequest  = (*provider)(nil)
)

var errUnknown = errors.New("nobody knows it here")

// CreateAuthRequest begins a login.
func (p *provider) CreateAuthRequest(_ context.Context, asked *oidc.AuthRequest, subject string) (op.AuthRequest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := &request{AuthRequest: asked, id: rand.Text(), subject: subject, audience: []string{asked.ClientID}, began: time.Now()}
	p.requests[r.id] = r
	return r, nil
}

// AuthRequestByID finds a login that has begun.
func (p *provider) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.requests[id]; r != nil {
		return r, nil
	}
	return nil, errUnknown
}

// AuthRequestByCode finds what a code was given for.
func (p *provider) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	return p.AuthRequestByID(ctx, code)
}

// SaveAuthCode keeps what a code is given for.
func (p *provider) SaveAuthCode(_ context.Context, id, code string) error {
	p.set(func() { p.requests[code] = p.requests[id] })
	return nil
}

// DeleteAuthRequest ends a login; its code is good no more.
func (p *provider) DeleteAuthRequest(_ context.Context, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for by, r := range p.requests {
		if r.id == id {
			delete(p.requests, by)
		}
	}
	return nil
}

// CreateAccessToken says how long a token is good.
func (p *provider) CreateAccessToken(context.Context, op.TokenRequest) (id string, expires time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return rand.Text(), time.Now().Add(p.lasts), nil
}

// CreateAccessAndRefreshTokens gives another refresh token each time; the one before is good no more.
func (p *provider) CreateAccessAndRefreshTokens(_ context.Context, asked op.TokenRequest, current string) (
	id, refresh string, expires time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.refresh, current)
	again := asking(commandLine, asked.GetSubject())
	again.Scopes = asked.GetScopes()
	refresh = rand.Text()
	p.refresh[refresh] = &renewal{again}
	return rand.Text(), refresh, time.Now().Add(p.lasts), nil
}

// TokenRequestByRefreshToken finds what a refresh token is for.
func (p *provider) TokenRequestByRefreshToken(_ context.Context, token string) (op.RefreshTokenRequest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.refresh[token]; r != nil {
		return r, nil
	}
	return nil, op.ErrInvalidRefreshToken
}

// StoreDeviceAuthorization keeps that a device waits.
func (p *provider) StoreDeviceAuthorization(_ context.Context, clientID, device, user string, expires time.Time, scopes []string) error {
	p.set(func() {
		p.devices[device] = &op.DeviceAuthorizationState{ClientID: clientID, Scopes: scopes, Expires: expires}
		p.codes[user] = device
	})
	return nil
}

// GetDeviceAuthorizatonState says whether it may go on. The name is op's.
func (p *provider) GetDeviceAuthorizatonState(_ context.Context, clientID, device string) (*op.DeviceAuthorizationState, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	state := p.devices[device]
	if state == nil || state.ClientID != clientID {
		return nil, errUnknown
	}
	now := *state
	return &now, nil
}

// ClientCredentials finds a machine by its secret.
func (p *provider) ClientCredentials(_ context.Context, id, shown string) (op.Client, error) {
	if id != machine || shown != secret {
		return nil, errUnknown
	}
	return &client{p, id}, nil
}

// ClientCredentialsTokenRequest is what a machine's token says. It asks for an audience by a scope, as zitadel's has it.
func (p *provider) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	audience := commandLine
	if len(scopes) == 1 {
		audience = scopes[0]
	}
	return &oidc.JWTTokenRequest{Subject: id, Audience: []string{audience}}, nil
}

// GetClientByClientID finds a client.
func (p *provider) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != commandLine && id != machine && id != another {
		return nil, errUnknown
	}
	return &client{p, id}, nil
}

// AuthorizeClientIDSecret takes the machine's secret alone: the others have none to show.
func (p *provider) AuthorizeClientIDSecret(_ context.Context, id, shown string) error {
	if id == machine && shown == secret {
		return nil
	}
	return errUnknown
}

// SetUserinfoFromRequest puts into an ID token who somebody is.
func (p *provider) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, asked op.IDTokenRequest, _ []string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	who, known := p.people[asked.GetSubject()]
	if !known {
		return errUnknown
	}
	info.Subject, info.Name, info.Email = asked.GetSubject(), who.Name, who.Email
	for name, value := range who.Claims {
		info.AppendClaims(name, value)
	}
	return nil
}

type signingKey struct{ *key }

func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k signingKey) Key() any                                    { return k.private }
func (k signingKey) ID() string                                  { return k.id }

type shownKey struct{ *key }

func (k shownKey) Algorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k shownKey) Use() string                        { return "sig" }
func (k shownKey) Key() any                           { return &k.private.PublicKey }
func (k shownKey) ID() string                         { return k.id }

// SigningKey is the newest key.
func (p *provider) SigningKey(context.Context) (op.SigningKey, error) {
	return signingKey{p.keys.newest()}, nil
}

// KeySet is all that are good.
func (p *provider) KeySet(context.Context) (all []op.Key, err error) {
	p.keys.mu.Lock()
	defer p.keys.mu.Unlock()
	for _, k := range p.keys.all {
		all = append(all, shownKey{k})
	}
	return all, nil
}

// SignatureAlgorithms are those of its keys.
func (p *provider) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.ES256}, nil
}

// Health is always well.
func (p *provider) Health(context.Context) error { return nil }

// What follows op has for who asks for it, and aerie asks for none of it.

// SetUserinfoFromScopes is op's older form of SetUserinfoFromRequest.
func (p *provider) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

// GetPrivateClaimsFromScopes has nothing more for a machine's token.
func (p *provider) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

// SetUserinfoFromToken is of the userinfo endpoint.
func (p *provider) SetUserinfoFromToken(context.Context, *oidc.UserInfo, string, string, string) error {
	return errUnknown
}

// SetIntrospectionFromToken is of introspection.
func (p *provider) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errUnknown
}

// TerminateSession is of the end of a session.
func (p *provider) TerminateSession(context.Context, string, string) error { return errUnknown }

// RevokeToken is of revocation.
func (p *provider) RevokeToken(context.Context, string, string, string) *oidc.Error {
	return oidc.ErrServerError()
}

// GetRefreshTokenInfo is of revocation.
func (p *provider) GetRefreshTokenInfo(context.Context, string, string) (user, id string, err error) {
	return "", "", op.ErrInvalidRefreshToken
}

// GetKeyByIDAndClientID is of clients that sign.
func (p *provider) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errUnknown
}

// ValidateJWTProfileScopes is of clients that sign.
func (p *provider) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errUnknown
}
