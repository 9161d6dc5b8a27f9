package embedded

import (
	"fmt"
	"slices"

	"github.com/nats-io/nats-server/v2/server"
)

// Rights are what somebody may do who enters as an agent, for a customer.
type Rights struct {
	User, Owner  string // the name of the connection, and the customer
	Publish, See []string
}

// Agents says who enters as an agent. The functions are called for each connection, at once for several.
type Agents struct {
	Key     func(public string) (Rights, bool) // who has a key; that he has its private half was checked
	Joining func(token string) (Rights, bool)  // who may show a key of his own, by a token
	// Full is told the name of an agent that is not let in, because it, or its customer's agents together, have as many connections as
	// may be. It must be set.
	Full func(agent string)
}

// agentsAccount begins the name of the account of a customer's agents. It is another one than its people's: an answer that
// is sent astray reaches other agents of the same customer alone.
const agentsAccount = "A_"

// agentExports are what crosses from aerie's account to those of agents, who import of it what has their customer's name.
const agentExports = `{service: "aerie.agent.>", response: singleton}
{service: "aerie.report.>", response: singleton}
{stream: "aerie.hint.>"}
`

// AdmitAgents lets agents in from now on.
func (s *Server) AdmitAgents(who Agents) { s.auth.agents.Store(&who) }

// IsThere tells whether a caller has a connection, by the number that services are told. Where that is not known, it has.
func (s *Server) IsThere(actor string, conn uint64) bool {
	all, err := s.connectionsOf(actor)
	if err != nil {
		s.log.Warn("taken to be there", "err", err)
		return true
	}
	return slices.ContainsFunc(all, func(c *server.ConnInfo) bool { return c.Cid == conn })
}

// enterAgent lets in who has shown the key of an agent, or a token to join as one.
func (a *authenticator) enterAgent(c server.ClientAuthentication) bool {
	who := a.agents.Load()
	if who == nil {
		return false
	}
	o := c.GetOpts()
	r, known := Rights{}, false
	if o.Nkey != "" {
		r, known = who.Key(o.Nkey)
	} else {
		r, known = who.Joining(o.Token)
	}
	if !known {
		return false
	}
	acc, err := a.accountOfAgents(r.Owner)
	if err != nil {
		return false
	}
	o.Nkey, o.JWT, o.Token, o.Password, o.Username = "", "", "", "", r.User // as for all who enter
	return a.register(c, &server.User{Username: r.User, Account: acc,
		Permissions: &server.Permissions{Publish: only(r.Publish), Subscribe: only(r.See)}}, mostConnections, func() { who.Full(r.User) })
}

// only allows some subjects; an empty list would allow all.
func only(subjects []string) *server.SubjectPermission {
	if len(subjects) == 0 {
		return &server.SubjectPermission{Deny: []string{">"}}
	}
	return &server.SubjectPermission{Allow: subjects}
}

// accountOfAgents is the account of a customer's agents, made when the first one enters. Who asks is told to aerie.
func (a *authenticator) accountOfAgents(owner string) (*server.Account, error) {
	a.making.Lock()
	defer a.making.Unlock()
	name := agentsAccount + owner
	acc, _ := a.srv.LookupOrRegisterAccount(name)
	if a.made[name] {
		return acc, nil
	}
	own, err := a.srv.LookupAccount(ownAccount)
	if err != nil {
		return nil, fmt.Errorf("make the account of the agents of %s: %w", owner, err)
	}
	a.bounder.bound(acc, mostOfAgents, agentsSubscriptions)
	for _, s := range []string{"aerie.agent." + owner + ".>", "aerie.report." + owner + ".>"} {
		if err := acc.AddServiceImport(own, s, s); err != nil {
			return nil, fmt.Errorf("let %s into %s: %w", s, ownAccount, err)
		}
		if err := acc.SetServiceImportSharing(own, s, true); err != nil {
			return nil, fmt.Errorf("have %s say who sends it: %w", s, err)
		}
	}
	if err := acc.AddStreamImport(own, "aerie.hint."+owner+".>", ""); err != nil {
		return nil, fmt.Errorf("let the hints for %s out: %w", owner, err)
	}
	a.made[name] = true
	return acc, nil
}
