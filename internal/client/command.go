package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/v1"
	"github.com/nats-io/nats.go"
	"github.com/oklog/ulid/v2"

	"github.com/aeriehq/aerie/events"
)

// Command is one command as it goes over the wire.
type Command struct {
	Ref    events.Ref // of whom something is asked
	Verb   string
	Body   []byte // JSON, as the verb wants it
	DryRun bool   // have it decided, and nothing changed
	UID    string // if set, refuse if the name belongs to another incarnation
	Seq    uint64 // if set, refuse if the entity has moved on since
}

// UID reads which incarnation a name stands for now: a command that destroys
// names it, so that its repeat can't hit the name's next owner.
func (c *Client) UID(ctx context.Context, ref events.Ref) (uid string, err error) {
	err = c.Retry(ctx, "read "+ref.String(), func(ctx context.Context) error {
		e, err := c.Entity(ctx, ref, 0)
		uid = e.UID
		return err
	})
	return uid, err
}

// Send asks until there is an answer or ctx ends, always under one id, so that
// the command is done once however often it is heard.
func (c *Client) Send(ctx context.Context, cmd Command) (events.Answer, error) {
	msg := cmd.Message(ulid.Make().String())
	var a events.Answer
	what := fmt.Sprintf("%s %s (command %s)", cmd.Verb, cmd.Ref, msg.Header.Get(nats.MsgIdHdr))
	err := c.Retry(ctx, what, func(ctx context.Context) (err error) {
		a, err = c.Ask(ctx, msg)
		return err
	})
	return a, err
}

// Message is the command as NATS carries it, under an id.
func (cmd Command) Message(id string) *nats.Msg {
	msg := nats.NewMsg("aerie.cmd." + cmd.Ref.Tokens() + "." + cmd.Verb)
	msg.Header.Set(nats.MsgIdHdr, id)
	if cmd.UID != "" {
		msg.Header.Set("Aerie-Expected-Uid", cmd.UID)
	}
	if cmd.Seq > 0 {
		msg.Header.Set("Aerie-Expected-Seq", strconv.FormatUint(cmd.Seq, 10))
	}
	if cmd.DryRun {
		msg.Header.Set("Aerie-Dry-Run", "true")
	}
	msg.Data = cmd.Body
	return msg
}

// Ask tries once.
func (c *Client) Ask(ctx context.Context, msg *nats.Msg) (events.Answer, error) {
	nc, err := c.Connect()
	if err != nil {
		return events.Answer{}, err
	}
	unsure := c.mayHaveOthers() // before it asks: another command may learn it meanwhile
	reply, err := c.askAs(ctx, nc, msg)
	if errors.Is(err, errSubject) && unsure {
		c.async.Store(nil) // these subjects may be nobody's, so it says nothing about rights
		if err := c.learnSubjects(); err != nil {
			return events.Answer{}, err
		}
		reply, err = c.askAs(ctx, nc, msg)
	}
	if errors.Is(err, errSubject) {
		return events.Answer{}, events.Refuse(events.Denied, "the server does not let you ask %s", events.Truncate(strings.TrimPrefix(msg.Subject, "aerie.cmd.")))
	}
	if err != nil {
		return events.Answer{}, c.Unanswered(err)
	}
	return decodeAnswer(reply.Data)
}

// askAs asks on what is known of the caller's subjects; errSubject says that they are not his.
func (c *Client) askAs(ctx context.Context, nc *nats.Conn, msg *nats.Msg) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, AttemptTimeout)
	defer cancel()
	asked, this := *msg, &asking{end: cancel}
	c.mu.Lock()
	asked.Subject = cmp.Or(c.subject, ownSubject) + strings.TrimPrefix(msg.Subject, ownSubject)
	this.subject = asked.Subject
	c.asked[this] = true
	c.mu.Unlock()
	reply, err := nc.RequestMsgWithContext(ctx, &asked)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.asked, this)
	if err != nil && this.refused {
		err = errSubject
	}
	return reply, err
}

// Unanswered says why a request had no answer. A lack of rights comes beside
// the request, not as its answer.
func (c *Client) Unanswered(err error) error {
	if e := c.async.Load(); e != nil && errors.Is(*e, nats.ErrPermissionViolation) {
		return events.Refuse(events.Denied, "%v", *e)
	}
	if errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrBadSubject) {
		return events.Refuse(events.Invalid, "%v", err)
	}
	return events.Refuse(events.Unavailable, "no answer from %s: %v", Redacted(c.natsURL), err)
}

// errSubject says that the server does not let something be sent. It gives no answer then: it only says so besides.
var errSubject = errors.New("the server refuses the subject")

// asking is a request under way, which ends when the server says that its subject is not for who is connected.
type asking struct {
	subject string
	refused bool
	end     context.CancelFunc
}

// heard takes what the connection says besides.
func (c *Client) heard(err error) {
	c.async.Store(&err)
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for a := range c.asked {
		if strings.Contains(err.Error(), `"`+a.subject+`"`) {
			a.refused = true
			a.end()
		}
	}
}

func decodeAnswer(data []byte) (events.Answer, error) {
	var a struct {
		events.Answer
		Error *events.Refusal `json:"error"`
	}
	if err := jsonv2.Unmarshal(data, &a, json.DefaultOptionsV1()); err != nil {
		return a.Answer, events.Refuse(events.Internal, "the answer %q is not an answer: %v", events.Truncate(string(data)), err)
	}
	if a.Error != nil {
		return a.Answer, a.Error
	}
	return a.Answer, nil
}

// Connect opens the NATS connection, or returns the open one. Once open it
// reconnects by itself for as long as the client lives.
func (c *Client) Connect() (*nats.Conn, error) {
	c.connecting.Lock()
	defer c.connecting.Unlock()
	if c.nc != nil {
		return c.nc, nil
	}
	if c.mayHaveOthers() {
		if err := c.learnSubjects(); err != nil && c.vouched() { // others may go on over NATS alone: Ask asks again
			return nil, err
		}
	}
	nc, err := DialNATS(c.natsURL, append(c.options, nats.Name("aerie"), nats.Timeout(AttemptTimeout),
		nats.MaxReconnects(-1), nats.ReconnectWait(RetryPause), nats.IgnoreAuthErrorAbort(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { c.heard(err) }))...)
	switch {
	case errors.Is(err, nats.ErrAuthorization):
		return nil, events.Refuse(events.Denied, "%s does not know this token; it comes from --token, AERIE_TOKEN or <data-dir>/token", Redacted(c.natsURL))
	case err != nil && distrusted("--nats-url", err) != nil:
		return nil, distrusted("--nats-url", err)
	case err != nil: // the address was checked before: it is the network or the server
		return nil, events.Refuse(events.Unavailable, "no answer from %s: %v", Redacted(c.natsURL), err)
	}
	c.nc = nc
	return nc, nil
}
