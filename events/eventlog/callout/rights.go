package callout

import (
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"

	"github.com/aeriehq/aerie/events"
)

// leeway is how long a connection may go on after the end of what its caller showed.
const leeway = 30 * time.Second

// rightsOf are what a caller may say and hear, as NATS servers are told. Whatever he says has his id in its subject, so that the
// server holds who says it. He hears the events that he may read, and his own inbox.
func rightsOf(user string, c events.Caller) *jwt.UserClaims {
	id := strings.TrimSuffix(c.InboxOf(), ".")
	u := newUser(user, c.Actor, id)
	own := c.SubjectsOf()
	switch {
	case !c.Role.OfCustomer():
		u.Permissions.Pub.Allow.Add(own + "read.>")
		u.Permissions.Sub.Allow.Add(events.EventPrefix + ">")
		if c.Role.Commands() {
			u.Permissions.Pub.Allow.Add(own+"cmd.>", own+"queue.>")
		}
	case c.Role.Commands():
		u.Permissions.Pub.Allow.Add(own+"cmd."+c.Owner+".>", own+"queue."+c.Owner+".>")
		fallthrough
	default:
		u.Permissions.Pub.Allow.Add(own + "read." + c.Owner + ".>")
		u.Permissions.Sub.Allow.Add(events.EventPrefix + c.Owner + ".>")
	}
	for _, d := range events.Builtin.All() {
		if d.May(c.Role, events.VerbRead) == events.OfNobody {
			u.Permissions.Sub.Deny.Add(events.EventPrefix + "*." + string(d.Kind) + ".>")
		}
	}
	if !c.Until.IsZero() {
		u.Expires = c.Until.Add(leeway).Unix()
	}
	return u
}

// newUser is somebody who may use an inbox of his own, and nothing else. He comes as a client, not as a server or over MQTT.
func newUser(user, name, id string) *jwt.UserClaims {
	u := jwt.NewUserClaims(user)
	u.Name, u.Audience = name, clientsAccount
	inbox := inboxPrefix + id + ".>"
	u.Permissions.Pub.Allow.Add(inbox)
	u.Permissions.Sub.Allow.Add(inbox)
	u.AllowedConnectionTypes.Add(jwt.ConnectionTypeStandard, jwt.ConnectionTypeWebsocket)
	return u
}
