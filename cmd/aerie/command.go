package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/oklog/ulid/v2"

	"github.com/aeriehq/aerie/events"
)

// command is one command as it goes over the wire.
type command struct {
	ref    events.Ref
	verb   string
	body   []byte
	dryRun bool
	uid    string // if set, refuse if the name belongs to another incarnation
	seq    uint64 // if set, refuse if the entity has moved on since
}

// uid reads which incarnation a name stands for now: a command that destroys
// names it, so that its repeat can't hit the name's next owner.
func (c *client) uid(ctx context.Context, ref events.Ref) (uid string, err error) {
	err = c.patiently(ctx, "read "+ref.String(), func(ctx context.Context) error {
		e, err := c.entity(ctx, ref, 0)
		uid = e.UID
		return err
	})
	return uid, err
}

// send asks until there is an answer or ctx ends, always under one id, so that
// the command is done once however often it is heard.
func (c *client) send(ctx context.Context, cmd command) (events.Answer, error) {
	msg := cmd.message(ulid.Make().String())
	var a events.Answer
	what := fmt.Sprintf("%s %s (command %s)", cmd.verb, cmd.ref, msg.Header.Get(nats.MsgIdHdr))
	err := c.patiently(ctx, what, func(ctx context.Context) (err error) {
		a, err = c.ask(ctx, msg)
		return err
	})
	return a, err
}

func (cmd command) message(id string) *nats.Msg {
	msg := nats.NewMsg("aerie.cmd." + cmd.ref.Tokens() + "." + cmd.verb)
	msg.Header.Set(nats.MsgIdHdr, id)
	if cmd.uid != "" {
		msg.Header.Set("Aerie-Expected-Uid", cmd.uid)
	}
	if cmd.seq > 0 {
		msg.Header.Set("Aerie-Expected-Seq", strconv.FormatUint(cmd.seq, 10))
	}
	if cmd.dryRun {
		msg.Header.Set("Aerie-Dry-Run", "true")
	}
	msg.Data = cmd.body
	return msg
}

// ask tries once.
func (c *client) ask(ctx context.Context, msg *nats.Msg) (a events.Answer, err error) {
	nc, err := c.connect()
	if err != nil {
		return a, err
	}
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	reply, err := nc.RequestMsgWithContext(ctx, msg)
	if err != nil {
		return a, c.unanswered(err)
	}
	return decodeAnswer(reply.Data)
}

// unanswered says why a request had no answer. A lack of rights comes beside
// the request, not as its answer.
func (c *client) unanswered(err error) error {
	if e := c.async.Load(); e != nil && errors.Is(*e, nats.ErrPermissionViolation) {
		return events.Refuse(events.Denied, "%v", *e)
	}
	if errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrBadSubject) {
		return events.Refuse(events.Invalid, "%v", err)
	}
	return events.Refuse(events.Unavailable, "no answer from %s: %v", redacted(c.natsURL), err)
}

func decodeAnswer(data []byte) (events.Answer, error) {
	var a struct {
		events.Answer
		Error *events.Refusal `json:"error"`
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return a.Answer, events.Refuse(events.Internal, "the answer %q is not an answer: %v", events.Clip(string(data)), err)
	}
	if a.Error != nil {
		return a.Answer, a.Error
	}
	return a.Answer, nil
}

// connect opens the NATS connection, or returns the open one. Once open it
// reconnects by itself for as long as the client lives.
func (c *client) connect() (*nats.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nc != nil {
		return c.nc, nil
	}
	nc, err := nats.Connect(c.natsURL, append(c.options, nats.Name("aerie"), nats.Timeout(attempt),
		nats.MaxReconnects(-1), nats.ReconnectWait(pause), nats.IgnoreAuthErrorAbort(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { c.async.Store(&err) }))...)
	switch {
	case errors.Is(err, nats.ErrAuthorization):
		return nil, events.Refuse(events.Denied, "%s does not know this token; it comes from --token, AERIE_TOKEN or <data-dir>/token", redacted(c.natsURL))
	case err != nil && distrusted("--nats-url", err) != nil:
		return nil, distrusted("--nats-url", err)
	case err != nil: // the address was checked before: it is the network or the server
		return nil, events.Refuse(events.Unavailable, "no answer from %s: %v", redacted(c.natsURL), err)
	}
	c.nc = nc
	return nc, nil
}
