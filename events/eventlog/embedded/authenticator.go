package embedded

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/aeriehq/aerie/events"
)

// Callers says who may come in, beside aerie itself. Token and Key are called for each connection, Actor and Spend for each message,
// and Denied for each violation, from the server's logger. Each is called for several at once, so all of them must be quick; Token
// alone may wait, for the word of an issuer.
type Callers struct {
	Token func(token string) (events.Caller, bool)  // who shows a token
	Key   func(public string) (events.Caller, bool) // who has a key; that he has its private half was checked
	Actor func(name string) (events.Caller, bool)   // who is let in under a name now
	// Spend takes what is put into the queue off a caller's budget, or refuses it; nil: nobody has one.
	Spend func(c events.Caller, bytes int) error
	// Denied is told of who published or subscribed where he may not; nil: nobody is told.
	Denied func(actor, subject string)
	// Full is told of who is not let in because he, or his customer, has as many connections as may be; nil: nobody is told.
	Full func(c events.Caller)
	// Local is told from which address somebody has come in with the local token; nil: nobody is told.
	Local func(address string)
}

// leeway is how long a connection may go on after the end of what its caller showed.
const leeway = 30 * time.Second

// authenticator decides who enters, and as whom.
type authenticator struct {
	srv           *server.Server
	bounder       bounder
	secret, token string
	callers       atomic.Pointer[Callers] // nil: nobody is known yet but who shows the token
	agents        atomic.Pointer[Agents]  // nil: no agent is let in
	teller        atomic.Pointer[teller]  // there before anybody of a customer is let in

	// entering is read-locked while somebody enters, and locked by who throws somebody out: so nobody is overlooked who was
	// found in order just before.
	entering sync.RWMutex
	counting sync.Map        // the name of an account -> *sync.Mutex, held while its connections are counted
	making   sync.Mutex      // accounts are made one at a time
	made     map[string]bool // the customers whose account is whole
}

// Admit lets in who is known to some functions, instead of who shows the token of Options.
func (s *Server) Admit(c Callers) {
	s.auth.callers.Store(&c)
	if c.Denied != nil {
		s.logger.denied.Store(&c.Denied)
	}
}

// Evict ends the connections of a caller, who is no longer let in, or not as before. It says how many there were.
func (s *Server) Evict(actor string) (int, error) { return s.EvictBefore(actor, time.Now()) }

// EvictBefore ends those that were begun until some moment: who came later was let in as he is now.
func (s *Server) EvictBefore(actor string, moment time.Time) (ended int, err error) {
	s.auth.awaitEntering()
	all, err := s.connectionsOf(actor)
	for _, c := range all {
		if c.Start.After(moment) {
			continue
		}
		_ = s.srv.DisconnectClientByID(c.Cid) // one that is gone is gone
		ended++
	}
	return ended, err
}

// connectionsOf are the connections of a caller that are there now.
func (s *Server) connectionsOf(actor string) ([]*server.ConnInfo, error) {
	z, err := s.srv.Connz(&server.ConnzOptions{Username: true, User: actor, Limit: 1 << 20})
	if err != nil {
		return nil, fmt.Errorf("find the connections of %s: %w", actor, err)
	}
	return z.Conns, nil
}

// awaitEntering returns when everybody is in who was entering.
func (a *authenticator) awaitEntering() {
	a.entering.Lock()
	defer a.entering.Unlock()
}

// Check lets in who presents the secret (aerie itself, all rights), and those whom the callers know. nats-server calls it for
// every connection, at once for several, and for every CONNECT of a connection.
func (a *authenticator) Check(c server.ClientAuthentication) bool {
	a.entering.RLock()
	defer a.entering.RUnlock()
	if c.Kind() != server.CLIENT {
		return false
	}
	caller, own, err := a.identify(c)
	if errors.Is(err, errUnknown) {
		return a.enterAgent(c)
	}
	if err != nil {
		return false
	}
	name := caller.Actor
	if own {
		name = "aerie"
	}
	// What a client says of itself must not be taken for what it has proved: the server tells services a key before the
	// user's name, whether anybody looked at its signature or not.
	o := c.GetOpts()
	o.Nkey, o.JWT, o.Token, o.Password, o.Username = "", "", "", "", name
	if own {
		u := &server.User{Username: name}
		if u.Account, err = a.srv.LookupAccount(ownAccount); err != nil {
			return false
		}
		c.RegisterUser(u)
		return true
	}
	return a.enterCaller(c, caller)
}

// enterCaller lets in a caller who has shown who he is, if there is room for one more connection of his.
func (a *authenticator) enterCaller(c server.ClientAuthentication, caller events.Caller) bool {
	acc, err := a.accountOf(caller)
	if err != nil {
		return false
	}
	u := &server.User{Username: caller.Actor, Account: acc, Permissions: permissionsOf(caller)}
	if !caller.Until.IsZero() {
		u.ConnectionDeadline = caller.Until.Add(leeway)
	}
	callers := a.callers.Load()
	if callers != nil && callers.Local != nil && caller.Actor == events.ActorAdmin && c.RemoteAddress() != nil {
		callers.Local(c.RemoteAddress().String())
	}
	most, _ := MostConnections(caller)
	return a.register(c, u, most, func() {
		if callers != nil && callers.Full != nil {
			callers.Full(caller)
		}
	})
}

var (
	errCredentials = errors.New("want one credential: a token, or a key with its signature")
	errUnknown     = errors.New("nobody is known by this")
)

// identify says who shows what he shows; own is aerie itself.
func (a *authenticator) identify(c server.ClientAuthentication) (caller events.Caller, own bool, err error) {
	o := c.GetOpts()
	switch {
	case o.JWT != "" || (o.Nkey != "") == (o.Token != ""):
		return caller, false, errCredentials
	case o.Nkey != "":
		caller, err = a.byKey(c, o)
		return caller, false, err
	case same(o.Token, a.secret):
		return caller, true, nil
	}
	known := false
	if callers := a.callers.Load(); callers != nil {
		caller, known = callers.Token(o.Token)
	} else if known = a.token != "" && same(o.Token, a.token); known {
		caller = events.LocalAdmin()
	}
	if !known {
		err = errUnknown
	}
	return caller, false, err
}

// byKey says who has signed what this connection was given to sign.
func (a *authenticator) byKey(c server.ClientAuthentication, o *server.ClientOpts) (caller events.Caller, err error) {
	if err := CheckSignature(o.Nkey, o.Sig, c.GetNonce()); err != nil {
		return caller, err
	}
	known := false
	if callers := a.callers.Load(); callers != nil {
		caller, known = callers.Key(o.Nkey)
	}
	if !known {
		return caller, errUnknown
	}
	return caller, nil
}

// CheckSignature checks that who shows a user's public key has signed with its private half what he was given to sign.
func CheckSignature(public, signature string, nonce []byte) error {
	if len(nonce) == 0 || !nkeys.IsValidPublicUserKey(public) {
		return errCredentials
	}
	key, err := nkeys.FromPublicKey(public)
	if err != nil {
		return fmt.Errorf("read a key: %w", err)
	}
	sig, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		return fmt.Errorf("read a signature: %w", err)
	}
	if err := key.Verify(nonce, sig); err != nil {
		return fmt.Errorf("check a signature: %w", err)
	}
	return nil
}

// same compares in a time that tells nothing, not even the length.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
