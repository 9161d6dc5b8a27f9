package callout

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/embedded"
)

// The accounts on the NATS servers. Streams and aerie are in the first, callers in the second.
const (
	ownAccount     = "AERIE"
	clientsAccount = "AERIE_CLIENTS"
	fullAccount    = "AERIE_FULL" // may have no connection at all: whoever has too many is put into it
)

// What crosses between the accounts. All of it are streams, which keep the reply subject of a message, while a service hides it
// behind one of its own: aerie sees where each answer is to go, and sends it itself.
const (
	fromPrefix   = events.FromPrefix // from callers to aerie: the caller's id, then what he asks
	answerPrefix = "aerie.answer."   // from aerie to callers, who hear it as _INBOX.
	shownPrefix  = "aerie.shown."    // events from aerie to callers, who hear them as events.EventPrefix
	inboxPrefix  = "_INBOX."
)

// What aerie asks of the servers themselves, to end connections of who is no longer let in.
const (
	listConnections = "$SYS.REQ.ACCOUNT." + clientsAccount + ".CONNZ"
	endConnection   = "$SYS.REQ.SERVER.*.KICK"
)

// answerWithin is how long a server waits to be told who a connection is.
const answerWithin = 10 * time.Second

// Configuration is the part of the configuration of each NATS server that lets callers in.
func (k Key) Configuration() (string, error) {
	var public [3]string
	for i, pair := range []nkeys.KeyPair{k.issuer, k.box, k.user} {
		var err error
		if public[i], err = pair.PublicKey(); err != nil {
			return "", fmt.Errorf("write the configuration of the auth callout: %w", err)
		}
	}
	return strings.NewReplacer("{issuer}", public[0], "{box}", public[1], "{user}", public[2], "{own}", ownAccount, "{clients}", clientsAccount, "{full}", fullAccount,
		"{from}", fromPrefix+">", "{answer}", answerPrefix+">", "{shown}", shownPrefix+">", "{inbox}", inboxPrefix+">", "{events}", events.EventPrefix+">",
		"{subscriptions}", strconv.Itoa(embedded.MostSubscriptions), "{list}", listConnections, "{end}", endConnection, "{timeout}", strconv.Itoa(int(answerWithin.Seconds()))).Replace(configuration), nil
}

const configuration = `# For each NATS server of a cluster that serves aerie alone: for every user but aerie's own, the servers ask aerie.
accounts {
  SYS {
    exports: [
      {service: "{list}", response: stream, accounts: [{own}]}
      {service: "{end}", accounts: [{own}]}
    ]
  }
  {own} {
    jetstream: enabled
    users: [{nkey: {user}}]
    exports: [
      {stream: "{answer}", accounts: [{clients}]}
      {stream: "{shown}", accounts: [{clients}]}
    ]
    imports: [
      {stream: {account: {clients}, subject: "{from}"}}
      {service: {account: SYS, subject: "{list}"}}
      {service: {account: SYS, subject: "{end}"}}
    ]
  }
  {clients} {
    limits: {max_subscriptions: {subscriptions}} # on one connection
    exports: [{stream: "{from}", accounts: [{own}]}]
    imports: [
      {stream: {account: {own}, subject: "{answer}"}, to: "{inbox}"}
      {stream: {account: {own}, subject: "{shown}"}, to: "{events}"}
    ]
  }
  {full} { limits: {max_connections: 0} } # for who has too many
}
system_account: SYS
authorization {
  timeout: {timeout} # seconds: an issuer may have to be asked
  auth_callout {
    account: {own}
    auth_users: [{user}]
    issuer: {issuer}
    xkey: {box}
  }
}
`
