package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events"
)

// Whoami is who the server takes the caller for, and what his subjects begin with where that is not aerie.
type Whoami struct {
	events.Caller
	NATS string
}

// Whoami is nil if the server was not asked, as with the local token, or has not said.
func (c *Client) Whoami() *Whoami { return c.whoami.Load() }

// learnSubjects asks the API which inboxes and subjects are the caller's. An API that does not answer now may do so later.
func (c *Client) learnSubjects() error {
	ctx, cancel := context.WithTimeout(context.Background(), AttemptTimeout)
	defer cancel()
	raw, err := c.request(ctx, http.MethodGet, "/v1/whoami", nil, nil)
	var r *events.Refusal
	if errors.As(err, &r) && r.Code == events.Internal {
		return events.Refuse(events.Unavailable, "the server does not say who you are: %s", r.Message)
	}
	if err != nil {
		return err
	}
	var me Whoami
	if err := json.Unmarshal(raw, &me); err != nil {
		return events.Refuse(events.Internal, "read who you are: %v", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.subject == "" && c.vouched() {
		c.options = append(c.options, nats.CustomInboxPrefix("_INBOX."+strings.TrimSuffix(me.InboxOf(), ".")))
	}
	c.subject = cmp.Or(me.NATS, ownSubject)
	c.whoami.Store(&me)
	return nil
}
