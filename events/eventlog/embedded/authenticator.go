package embedded

import (
	"crypto/sha256"
	"crypto/subtle"

	"github.com/nats-io/nats-server/v2/server"
)

// authenticator decides who enters, and as whom.
type authenticator struct {
	srv           *server.Server
	secret, token string
}

// Check lets in who presents the secret (aerie itself, all rights) or the token
// (the admin). nats-server calls it for every connection, at once for several.
func (a *authenticator) Check(c server.ClientAuthentication) bool {
	shown := c.GetOpts().Token
	switch {
	case c.Kind() != server.CLIENT:
		return false
	case same(shown, a.secret):
		return a.enter(c, &server.User{Username: "aerie"}, ownAccount)
	case a.token != "" && same(shown, a.token):
		return a.enter(c, &server.User{Username: admin, Permissions: permissions()}, peopleAccount)
	}
	return false
}

func (a *authenticator) enter(c server.ClientAuthentication, u *server.User, account string) bool {
	acc, err := a.srv.LookupAccount(account)
	if err != nil {
		return false
	}
	u.Account = acc
	c.RegisterUser(u)
	return true
}

// same compares in a time that tells nothing, not even the length.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
