package embedded

import (
	"log/slog"
	"sync"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/aeriehq/aerie/events"
)

// MostSubscriptions is how many a customer's caller may have on one connection.
const MostSubscriptions = 500

// What callers may have at once, since each connection and each subscription takes memory of the server's. The staff may have staffTimes
// as much. The local admin is not bounded in his connections: his is the way in when nothing else is.
const (
	mostConnections      = 50    // of one caller, and of one agent
	mostOfPeople         = 200   // connections of all people of one customer: more tokens make no difference
	mostOfAgents         = 2_000 // connections of all agents of one customer
	agentsSubscriptions  = 50    // on one connection of an agent, which needs a handful
	staffTimes           = 20
	staffConnections     = staffTimes * mostConnections
	staffSubscriptions   = staffTimes * MostSubscriptions
	unboundedConnections = 0
)

// fullAccount may have no connection at all. Whoever has too many is put into it: that is how nats-server tells a client that
// there are too many, and not only that it is not let in.
const fullAccount = "FULL"

// bounder sets the limits of accounts of the server beside it. It is a nats-server that is never started and has no accounts: the
// only call that sets the limits of an account made while it runs takes claims, and goes through all accounts of the server that is
// asked, since any of them could import something of this one. These export nothing, so a server without accounts does as well, and
// the account of the last customer costs what that of the first does.
type bounder struct{ idle *server.Server }

func newBounder() (bounder, error) {
	idle, err := server.NewServer(&server.Options{ServerName: "bounder", DontListen: true, NoSigs: true, NoLog: true})
	return bounder{idle}, err
}

// bound bounds the connections of a new account, and the subscriptions on each. It takes away what the account imports, so it comes
// first: also what nats-server has each import of the system's, which nobody in these accounts may ask.
func (b bounder) bound(acc *server.Account, connections, subscriptions int64) {
	limits := jwt.NewAccountClaims(acc.GetName())
	limits.Limits.Conn, limits.Limits.Subs = connections, subscriptions
	b.idle.UpdateAccountClaims(acc, limits)
}

// MostConnections is how many connections a caller may have at once, and the people of his customer together; 0: any number.
func MostConnections(c events.Caller) (own, together int) {
	switch {
	case c.Actor == events.ActorAdmin:
		return unboundedConnections, unboundedConnections
	case c.Role.OfCustomer():
		return mostConnections, mostOfPeople
	}
	return staffConnections, unboundedConnections
}

// register lets a user in if he has fewer than most connections, and says whether it did. One too many is told, and registered in
// fullAccount, which ends it. The connections are counted anew each time, so that nothing has to be told of one that has ended.
func (a *authenticator) register(c server.ClientAuthentication, u *server.User, most int, full func()) bool {
	if most == unboundedConnections {
		c.RegisterUser(u)
		return true
	}
	account := u.Account.GetName()
	counting, _ := a.counting.LoadOrStore(account, &sync.Mutex{}) // who enters an account at once is counted one after the other
	counting.(*sync.Mutex).Lock()
	defer counting.(*sync.Mutex).Unlock()
	z, err := a.srv.Connz(&server.ConnzOptions{Account: account, User: u.Username, Limit: most})
	if err != nil {
		slog.Error("nobody is let in whose connections can't be counted", "user", u.Username, "err", err)
		return false
	}
	free := len(z.Conns) < most && !u.Account.MaxTotalConnectionsReached()
	if !free {
		if u.Account, err = a.srv.LookupAccount(fullAccount); err != nil {
			slog.Error("who has too many connections can't be told so", "user", u.Username, "err", err)
			return false
		}
		full() // before he knows: whoever looks then finds it
	}
	c.RegisterUser(u)
	return free
}
