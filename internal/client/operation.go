package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/aeriehq/aerie/events"
)

// Operation is something that is done to an entity and takes its time, as the API answers it.
type Operation struct {
	ID     string `json:"id"`
	Seq    uint64 `json:"seq"`
	Entity struct {
		Owner string      `json:"owner"`
		Kind  events.Kind `json:"kind"`
		ID    string      `json:"id"`
	} `json:"entity"`
	Verb     string    `json:"verb"`
	Actor    string    `json:"actor"`
	State    string    `json:"state"`
	Since    time.Time `json:"since"`
	TookMS   int64     `json:"took_ms"`
	WaitsFor []string  `json:"waits_for"`
	Reason   *Reason   `json:"reason"`
	Done     int       `json:"done"`
	Total    int       `json:"total"`
	Can      []string  `json:"can"`
	Steps    []struct {
		Name   string `json:"name"`
		State  string `json:"state"`
		TookMS int64  `json:"took_ms"`
	} `json:"steps"`
}

// Ref is the entity that it is done to.
func (o Operation) Ref() events.Ref {
	return events.Ref{Kind: o.Entity.Kind, Owner: o.Entity.Owner, ID: o.Entity.ID}
}

// Step is the step that is taken now, or was the last one; empty if none was.
func (o Operation) Step() string {
	for i := range o.Steps {
		if o.Steps[i].State != "done" {
			return o.Steps[i].Name
		}
	}
	return ""
}

// Operations are the items of a list of operations.
func (l List) Operations() (all []Operation, err error) {
	for _, raw := range l.Items {
		var o Operation
		if err := json.Unmarshal(raw, &o); err != nil {
			return nil, events.Refuse(events.Internal, "read an operation: %v", err)
		}
		all = append(all, o)
	}
	return all, nil
}

// MoveEnded says why a move that is over has not come about, as it was aborted or given up; nil if it has, or if nobody can
// tell any more. A tenant is at rest after the one as after the other.
func (c *Client) MoveEnded(ctx context.Context, tenant events.Ref, id string) error {
	raw, err := c.Get(ctx, "/v1/operations", url.Values{"kind": {string(tenant.Kind)}, "entity": {tenant.Path()}, "state": {"failed"}})
	if err != nil {
		return err
	}
	l, err := DecodeList(raw)
	if err != nil {
		return err
	}
	failed, err := l.Operations()
	if err != nil {
		return err
	}
	return moveFailed(failed, tenant, id)
}

// moveFailed finds a move among operations that have failed.
func moveFailed(failed []Operation, tenant events.Ref, id string) error {
	for _, o := range failed {
		if o.ID != id {
			continue
		}
		code, why := events.ConflictReason, "its move was given up"
		if o.Reason != nil {
			code, why = o.Reason.Code, o.Reason.Message
		}
		return &Failure{string(code), fmt.Sprintf("%s has not moved and is as it was before: %s", tenant, why), nil, ExitFailure}
	}
	return nil
}

// mostStepsTold is for how many entities at once it is asked how far they are.
const mostStepsTold = 64

// steps says for people how far some entities are, such as ", step 2 of 4". It is left out where nobody can tell, as an
// older server can't.
func (c *Client) steps(ctx context.Context, refs []events.Ref) map[events.Ref]string {
	told := map[events.Ref]string{}
	if len(refs) > mostStepsTold {
		return told
	}
	var mu sync.Mutex
	_ = Each(len(refs), func(i int) error { // it is a part of a line, and no reason to stop
		raw, err := c.Get(ctx, "/v1/operations", url.Values{"kind": {string(refs[i].Kind)}, "entity": {refs[i].Path()}, "state": {"running"}, "limit": {"1"}})
		if err != nil {
			return nil
		}
		l, err := DecodeList(raw)
		if err != nil {
			return nil
		}
		if all, err := l.Operations(); err == nil && len(all) == 1 && all[0].Total > 1 {
			mu.Lock()
			defer mu.Unlock()
			told[refs[i]] = fmt.Sprintf(", step %d of %d", all[0].Done+1, all[0].Total)
		}
		return nil
	})
	return told
}
