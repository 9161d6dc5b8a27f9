package embedded

import (
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"strings"
	"sync"

	"github.com/nats-io/nats-server/v2/server"
)

// There are two accounts, because permissions alone leave holes (each was tried
// on nats-server 2.15.2). NATS checks the subject of what is published but not
// its reply subject, so in one account a permitted request whose answer is
// wanted on aerie.append.… puts that answer into the log; so does the trace that
// the header Nats-Trace-Dest asks for. Here streams and aerie live in one
// account and people in another: an answer goes back to who asked, in the
// account he asked in, where no stream listens. What crosses is listed below,
// and permissions say it once more.
const (
	ownAccount    = "AERIE"
	peopleAccount = "PEOPLE"
	admin         = "admin"
)

// gatePrefix stands before the API subjects that the gate answers for people.
const gatePrefix = "aerie.gate."

// asked are the subjects people may ask, command or read on.
var asked = []string{
	"aerie.cmd.>",
	"aerie.queue.>",
	"$SRV.>",
	"$JS.API.INFO",
	"$JS.API.STREAM.NAMES",
	"$JS.API.STREAM.LIST",
	"$JS.API.STREAM.INFO.*",
	"$JS.API.STREAM.MSG.GET.*",
	"$JS.API.DIRECT.GET.>",
	"$JS.API.CONSUMER.NAMES.*",
	"$JS.API.CONSUMER.LIST.*",
	"$JS.API.CONSUMER.INFO.*.*",
	"$JS.API.CONSUMER.DELETE.AERIE_EVENTS.*",
	"$JS.API.CONSUMER.MSG.NEXT.AERIE_EVENTS.*",
	"$JS.ACK.AERIE_EVENTS.>",
}

// gated are the subjects on which people make consumers; the gate looks at each.
var gated = []string{
	"$JS.API.CONSUMER.CREATE.AERIE_EVENTS",
	"$JS.API.CONSUMER.CREATE.AERIE_EVENTS.>",
	"$JS.API.CONSUMER.DURABLE.CREATE.AERIE_EVENTS.*",
}

// many are the asked subjects that may have more than one answer each. The
// others forget who asked with the first answer; these remember for two minutes.
var many = []string{"$SRV.>", "$JS.API.DIRECT.GET.>", "$JS.API.CONSUMER.MSG.NEXT.AERIE_EVENTS.*"}

// seen are the subjects people may subscribe to; committed events come by
// themselves.
const seen = "aerie.evt.>"

// accounts is the part of the server's configuration that says what crosses
// from one account to the other.
func accounts() string {
	var exports, imports strings.Builder
	cross := func(theirs, ours string) {
		answers := "singleton"
		if slices.Contains(many, ours) {
			answers = "stream"
		}
		exports.WriteString("{service: \"" + ours + "\", response: " + answers + "}\n")
		imports.WriteString("{service: {account: " + ownAccount + ", subject: \"" + ours + "\"}, to: \"" + theirs + "\"}\n")
	}
	for _, s := range asked {
		cross(s, s)
	}
	for _, s := range gated {
		cross(s, gatePrefix+s)
	}
	return "accounts {\n" +
		ownAccount + " {jetstream: enabled, exports: [{stream: \"" + seen + "\"}\n" + agentExports + exports.String() + "]}\n" +
		peopleAccount + " {imports: [{stream: {account: " + ownAccount + ", subject: \"" + seen + "\"}}\n" + imports.String() + "]}\n}\n"
}

// permissions are the admin's.
func permissions() *server.Permissions {
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: append(append([]string{}, asked...), gated...)},
		Subscribe: &server.SubjectPermission{Allow: []string{seen, "_INBOX.>"}},
	}
}

// doorman decides who enters, and as whom.
type doorman struct {
	srv           *server.Server
	secret, token string

	agents   sync.RWMutex // read: somebody enters; write: somebody is thrown out
	who      Agents
	accounts sync.Mutex // they are made one at a time
}

// Check lets in who presents the secret (aerie itself, all rights) or the token
// (the admin). nats-server calls it for every connection, at once for several.
func (d *doorman) Check(c server.ClientAuthentication) bool {
	shown := c.GetOpts().Token
	switch {
	case c.Kind() != server.CLIENT:
		return false
	case c.GetOpts().Nkey != "" && shown != "":
		return false // one credential, or it is not clear who that is
	case same(shown, d.secret):
		return d.enter(c, &server.User{Username: "aerie"}, ownAccount)
	case d.token != "" && same(shown, d.token):
		return d.enter(c, &server.User{Username: admin, Permissions: permissions()}, peopleAccount)
	}
	return d.enterAgent(c)
}

func (d *doorman) enter(c server.ClientAuthentication, u *server.User, account string) bool {
	acc, err := d.srv.LookupAccount(account)
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
