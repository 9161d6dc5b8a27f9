package embedded

import (
	"encoding/base64"
	"fmt"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// Rights are what somebody may do who enters as an agent, in the account of a customer.
type Rights struct {
	User, Owner  string // the name of the connection, and the customer
	Publish, See []string
}

// Agents says who enters as an agent. Both are asked for each connection, at once for several.
type Agents interface {
	// Key is who has a key, by its public half.
	Key(public string) (Rights, bool)
	// Joining is who may show a key of his own, by a token.
	Joining(token string) (Rights, bool)
}

// agentExports are what crosses from aerie's account to those of customers, who import of it what has their name.
const agentExports = `{service: "aerie.agent.>", response: singleton}
{service: "aerie.report.>", response: singleton}
{stream: "aerie.hint.>"}
`

// Admit lets agents in from now on.
func (s *Server) Admit(who Agents) {
	s.door.mu.Lock()
	defer s.door.mu.Unlock()
	s.door.agents = who
}

// Evict ends the connections of a user. Who enters meanwhile is asked for anew.
func (s *Server) Evict(user string) {
	s.door.mu.Lock() // nobody is half way in with the rights of before
	s.door.mu.Unlock()
	z, err := s.srv.Connz(&server.ConnzOptions{Username: true, User: user, Limit: 1 << 20})
	if err != nil {
		s.log.Warn("connections not ended", "user", user, "err", err)
		return
	}
	for _, c := range z.Conns {
		_ = s.srv.DisconnectClientByID(c.Cid) // it may be gone by itself
	}
}

// enterAgent lets in who has shown the key of an agent, or a token to join as one.
func (a *authenticator) enterAgent(c server.ClientAuthentication) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.agents == nil {
		return false
	}
	o := c.GetOpts()
	r, known := Rights{}, false
	if o.Nkey != "" {
		if err := proved(c); err != nil {
			return false
		}
		r, known = a.agents.Key(o.Nkey)
	} else {
		r, known = a.agents.Joining(o.Token)
	}
	if !known {
		return false
	}
	acc, err := a.customer(r.Owner)
	if err != nil {
		return false
	}
	// What the client says of itself must not be taken for what was proved: the server tells services the key before the
	// user, whether anybody looked at its signature or not.
	o.Nkey, o.JWT, o.Token, o.Password, o.Username = "", "", "", "", r.User
	c.RegisterUser(&server.User{Username: r.User, Account: acc, Permissions: &server.Permissions{Publish: only(r.Publish), Subscribe: only(r.See)}})
	return true
}

// proved says whether a client has the key that it names.
func proved(c server.ClientAuthentication) error {
	o := c.GetOpts()
	if !nkeys.IsValidPublicUserKey(o.Nkey) {
		return nkeys.ErrInvalidPublicKey
	}
	key, err := nkeys.FromPublicKey(o.Nkey)
	if err != nil {
		return err
	}
	signature, err := base64.RawURLEncoding.DecodeString(o.Sig)
	if err != nil {
		return err
	}
	nonce := c.GetNonce()
	if len(nonce) == 0 {
		return nkeys.ErrInvalidSignature
	}
	return key.Verify(nonce, signature)
}

// only allows some subjects; an empty list would allow all.
func only(subjects []string) *server.SubjectPermission {
	if len(subjects) == 0 {
		return &server.SubjectPermission{Deny: []string{">"}}
	}
	return &server.SubjectPermission{Allow: subjects}
}

// customer is the account of a customer, made when the first one enters. Only what has its name crosses; who asks is told
// to aerie.
func (a *authenticator) customer(owner string) (*server.Account, error) {
	a.accounts.Lock()
	defer a.accounts.Unlock()
	acc, made := a.srv.LookupOrRegisterAccount("CUSTOMER_" + owner)
	if !made {
		return acc, nil
	}
	own, err := a.srv.LookupAccount(ownAccount)
	if err != nil {
		return nil, fmt.Errorf("make the account of %s: %w", owner, err)
	}
	for _, s := range []string{"aerie.agent." + owner + ".>", "aerie.report." + owner + ".>"} {
		if err := acc.AddServiceImport(own, s, s); err != nil {
			return nil, fmt.Errorf("make the account of %s: %w", owner, err)
		}
		if err := acc.SetServiceImportSharing(own, s, true); err != nil {
			return nil, fmt.Errorf("make the account of %s: %w", owner, err)
		}
	}
	if err := acc.AddStreamImport(own, "aerie.hint."+owner+".>", ""); err != nil {
		return nil, fmt.Errorf("make the account of %s: %w", owner, err)
	}
	return acc, nil
}
