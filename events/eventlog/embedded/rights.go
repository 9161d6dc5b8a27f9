package embedded

import (
	"slices"
	"strings"

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
		ownAccount + " {jetstream: enabled, exports: [{stream: \"" + seen + "\"}\n" + exports.String() + "]}\n" +
		peopleAccount + " {imports: [{stream: {account: " + ownAccount + ", subject: \"" + seen + "\"}}\n" + imports.String() + "]}\n}\n"
}

// permissions are the admin's.
func permissions() *server.Permissions {
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: append(append([]string{}, asked...), gated...)},
		Subscribe: &server.SubjectPermission{Allow: []string{seen, "_INBOX.>"}},
	}
}
