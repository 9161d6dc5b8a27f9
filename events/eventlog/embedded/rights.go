package embedded

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/aeriehq/aerie/events"
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
	ownAccount    = events.OwnAccount
	peopleAccount = "PEOPLE"
)

// customerAccount begins the name of the account of a customer's people: C_acme. There only what is the customer's own
// crosses, and nothing of JetStream; a reply goes to who is in the same account, so that no answer can be sent to another's.
const customerAccount = "C_"

// gatePrefix stands before the API subjects that the gate answers for people.
const gatePrefix = "aerie.gate."

// asked are the subjects people may ask, command or read on.
var asked = []string{
	commands,
	reads,
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

// What anybody may ask, of what is his, and who asks is told to who answers.
const (
	commands = "aerie.cmd.>"
	reads    = "aerie.read.>"
	queued   = "aerie.queue.>"
)

// relayPrefix stands in AERIE before the rest of a subject of the queue: the relay writes down whose a command is, and
// passes it on.
const relayPrefix = "aerie.relay."

// told are the subjects, as they are in AERIE, whose messages say who sent them; what comes to the gate says so too.
var told = []string{commands, reads, relayPrefix + queued}

// gated are the subjects on which people make consumers; the gate looks at each.
var gated = []string{
	"$JS.API.CONSUMER.CREATE.AERIE_EVENTS",
	"$JS.API.CONSUMER.CREATE.AERIE_EVENTS.>",
	"$JS.API.CONSUMER.DURABLE.CREATE.AERIE_EVENTS.*",
}

// personal are the subjects on which the directory of people could be read, which HTTP shows to whom it is for, and the
// installation's own keys, which are sealed and nobody's.
var personal = []string{
	"$JS.API.STREAM.MSG.GET.KV_AERIE_PEOPLE",
	"$JS.API.DIRECT.GET.KV_AERIE_PEOPLE",
	"$JS.API.DIRECT.GET.KV_AERIE_PEOPLE.>",
	"$JS.API.STREAM.MSG.GET.KV_AERIE_KEYS",
	"$JS.API.DIRECT.GET.KV_AERIE_KEYS",
	"$JS.API.DIRECT.GET.KV_AERIE_KEYS.>",
}

// many are the asked subjects that may have more than one answer each. The
// others forget who asked with the first answer; these remember for two minutes.
var many = []string{"$SRV.>", "$JS.API.DIRECT.GET.>", "$JS.API.CONSUMER.MSG.NEXT.AERIE_EVENTS.*"}

// seen are the subjects people may subscribe to; committed events come by
// themselves.
const seen = events.EventPrefix + ">"

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
		share := ""
		if slices.Contains(told, ours) || strings.HasPrefix(ours, gatePrefix) {
			share = ", share: true"
		}
		imports.WriteString("{service: {account: " + ownAccount + ", subject: \"" + ours + "\"}, to: \"" + theirs + "\"" + share + "}\n")
	}
	cross(queued, relayPrefix+queued)
	for _, s := range asked {
		cross(s, s)
	}
	for _, s := range gated {
		cross(s, gatePrefix+s)
	}
	return "accounts {\n" +
		ownAccount + " {jetstream: enabled, exports: [{stream: \"" + seen + "\"}\n{stream: \"" + shownPrefix + ">\"}\n" + agentExports + exports.String() + "]}\n" +
		peopleAccount + " {limits: {max_subscriptions: " + strconv.Itoa(staffSubscriptions) + "}, imports: [{stream: {account: " + ownAccount + ", subject: \"" + seen + "\"}}\n" + imports.String() + "]}\n" +
		fullAccount + " {limits: {max_connections: 0}}\n}\n"
}

// adminInbox is, behind _INBOX, where the local admin may publish to himself. He hears every inbox of the staff's; that he can't
// answer in them keeps answers true.
const adminInbox = "admin."

// permissionsOf are what a caller may say and hear. To his own inbox each may publish: that is how the nats CLI checks a
// connection, and nobody else hears it. The intake judges each command besides; what can't be asked by any of
// his is not let through to it.
func permissionsOf(c events.Caller) *server.Permissions {
	p := &server.Permissions{Publish: &server.SubjectPermission{}, Subscribe: &server.SubjectPermission{}}
	inbox := "_INBOX." + c.InboxOf() + ">"
	if c.Role.OfCustomer() {
		p.Publish.Allow = []string{"aerie.read." + c.Owner + ".>"}
		if c.Role.Commands() {
			p.Publish.Allow = append(p.Publish.Allow, "aerie.cmd."+c.Owner+".>", "aerie.queue."+c.Owner+".>")
		}
		p.Subscribe.Allow = []string{events.EventPrefix + c.Owner + ".>", inbox}
	} else {
		p.Publish.Allow = []string{reads, "$SRV.>"}
		if c.Reads(events.Builtin, events.Token, events.Platform) { // else the streams would say it
			p.Publish.Allow = slices.Concat(asked, gated)
		}
		if c.Role.Commands() {
			p.Publish.Allow = append(p.Publish.Allow, queued)
		} else {
			p.Publish.Deny = []string{commands}
		}
		p.Subscribe.Allow = []string{seen, inbox}
	}
	p.Publish.Allow = append(p.Publish.Allow, "_INBOX."+cmp.Or(c.InboxOf(), adminInbox)+">")
	p.Publish.Deny = append(p.Publish.Deny, personal...)
	for _, d := range events.Builtin.All() {
		if d.May(c.Role, events.VerbRead) == events.OfNobody {
			p.Subscribe.Deny = append(p.Subscribe.Deny, "aerie.evt.*."+string(d.Kind)+".>")
		}
		if c.Role.Commands() && !c.Role.OfCustomer() && d.May(c.Role, events.VerbCreate) == events.OfCustomers {
			p.Publish.Deny = append(p.Publish.Deny, "aerie.cmd.-."+string(d.Kind)+".>", "aerie.queue.-."+string(d.Kind)+".>")
		}
	}
	return p
}

// accountOf is where a caller is: with the staff, or with the people of his customer. That account is made when the first of
// them comes.
func (a *authenticator) accountOf(c events.Caller) (*server.Account, error) {
	if !c.Role.OfCustomer() {
		return a.srv.LookupAccount(peopleAccount)
	}
	a.making.Lock()
	defer a.making.Unlock()
	acc, _ := a.srv.LookupOrRegisterAccount(customerAccount + c.Owner)
	if a.made[c.Owner] {
		return acc, nil
	}
	own, err := a.srv.LookupAccount(ownAccount)
	if err != nil {
		return nil, err
	}
	a.bounder.bound(acc, mostOfPeople, MostSubscriptions)
	for _, theirs := range []string{"aerie.cmd." + c.Owner + ".>", "aerie.read." + c.Owner + ".>", "aerie.queue." + c.Owner + ".>"} {
		ours := theirs
		if strings.HasPrefix(theirs, "aerie.queue.") {
			ours = relayPrefix + theirs
		}
		if err := acc.AddServiceImport(own, theirs, ours); err != nil {
			return nil, fmt.Errorf("let %s into %s: %w", theirs, ownAccount, err)
		}
		if err := acc.SetServiceImportSharing(own, ours, true); err != nil {
			return nil, fmt.Errorf("have %s say who sends it: %w", theirs, err)
		}
	}
	if err := acc.AddMappedStreamImport(own, shownPrefix+c.Owner+".>", events.EventPrefix+c.Owner+".>"); err != nil {
		return nil, fmt.Errorf("let the events of %s out: %w", c.Owner, err)
	}
	if err := a.teller.Load().show(c.Owner); err != nil {
		return nil, err
	}
	a.made[c.Owner] = true
	return acc, nil
}
