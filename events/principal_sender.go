package events

import (
	"encoding/json"
	"strings"
)

// The headers that say who sent a message.
const (
	// HeaderRequestInfo is what the NATS server writes into a request that comes from another account, in the place of
	// whatever its sender wrote there.
	HeaderRequestInfo = "Nats-Request-Info"
	// HeaderCaller is what aerie writes into a queued command: the Caller, as JSON.
	HeaderCaller = "Aerie-Caller"
)

// OwnAccount is aerie's own account on the embedded NATS server.
const OwnAccount = "AERIE"

// SentBy is the header by which a part of aerie's own says who it is, where no other account is crossed and the NATS server
// says nothing. From another account nobody can send it: there the server writes its own.
func SentBy(actor string) map[string][]string {
	return map[string][]string{HeaderRequestInfo: {`{"acc":"` + OwnAccount + `","user":"` + actor + `"}`}}
}

// SenderOf is the name under which the sender of a request was let in; false if the server does not say it.
func SenderOf(h map[string][]string) (name string, ok bool) {
	said := h[HeaderRequestInfo]
	if len(said) != 1 {
		return "", false
	}
	account, user := requestInfo(said[0])
	return user, account != "" && user != ""
}

// requestInfo reads the account and the user of what a server says of who asks. Each command is read so: where no quote is
// escaped and nothing is nested, a key between quotes is found where it stands.
func requestInfo(said string) (account, user string) {
	if strings.IndexByte(said, '\\') < 0 && strings.LastIndexByte(said, '{') == 0 && strings.IndexByte(said, '[') < 0 {
		return plainField(said, `"acc":"`), plainField(said, `"user":"`)
	}
	var info struct {
		Account string `json:"acc"`
		User    string `json:"user"`
	}
	if json.Unmarshal([]byte(said), &info) != nil {
		return "", ""
	}
	return info.Account, info.User
}

func plainField(said, key string) string {
	_, rest, _ := strings.Cut(said, key)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// InboxOf is the token, with its dot, that begins the inboxes of a caller behind _INBOX: each has his own, so that nobody hears
// the answers of another. The local admin has none.
func (c Caller) InboxOf() string {
	if _, id, ok := strings.Cut(c.Actor, ":"); ok {
		return id + "."
	}
	return ""
}

// SubjectsOf begin, instead of aerie., the subjects on which a caller asks on NATS servers that ask aerie who he is: there his id in
// them is what says who asks. The local admin has none.
func (c Caller) SubjectsOf() string {
	if c.InboxOf() == "" {
		return ""
	}
	return FromPrefix + c.InboxOf()
}

// FromPrefix begins the subjects of SubjectsOf, and EventPrefix those of all events.
const (
	FromPrefix  = "aerie.from."
	EventPrefix = "aerie.evt."
)

// InboxPrefix is the inbox prefix of who shows a token; "" where it is the one that NATS clients have by themselves.
func InboxPrefix(token string) string {
	if id, _, ok := SplitToken(token); ok {
		return "_INBOX." + id
	}
	return ""
}
