package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"time"

	"github.com/aeriehq/aerie/events"
)

// Entity is one entity as the API answers it.
type Entity struct {
	Kind    events.Kind       `json:"kind"`
	Owner   string            `json:"owner"`
	ID      string            `json:"id"`
	UID     string            `json:"uid"`
	Phase   string            `json:"phase"`
	Seq     uint64            `json:"seq"`
	Created time.Time         `json:"created"`
	Labels  map[string]string `json:"labels"`
	Spec    json.RawMessage   `json:"spec"`
	Status  Status            `json:"status"`

	Raw json.RawMessage `json:"-"` // as it came
}

// Status is what the server says of an entity beside what was asked for.
type Status struct {
	Conditions []Condition       `json:"conditions"`
	Reason     *Reason           `json:"reason"`
	Placement  *events.Placement `json:"placement"`
	Owed       map[string]any    `json:"owed"`
	Observed   map[string]any    `json:"observed"`
}

// Condition is one statement about an entity, such as Ready.
type Condition struct {
	Type    string    `json:"type"`
	Status  string    `json:"status"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Since   time.Time `json:"since"`
}

// Reason says why an entity is not where it should be.
type Reason struct {
	events.Reason
	Since   time.Time `json:"since"` // zero: the server does not say it
	Retried bool      `json:"retried"`
	NextAt  time.Time `json:"next_at"`
}

// Event is one event as the API answers it.
type Event struct {
	Seq       uint64          `json:"seq"`
	ID        string          `json:"id"`
	Type      string          `json:"type"`
	CEType    string          `json:"ce_type"`
	Time      time.Time       `json:"time"`
	Actor     string          `json:"actor"`
	Owner     string          `json:"owner"`
	Kind      events.Kind     `json:"kind"`
	Entity    string          `json:"entity"`
	CommandID string          `json:"command_id"`
	Cause     string          `json:"causation_id"`
	Thread    string          `json:"correlation_id"`
	Data      json.RawMessage `json:"data"`
}

// Ref names the entity.
func (e Entity) Ref() events.Ref { return events.Ref{Kind: e.Kind, Owner: e.Owner, ID: e.ID} }

// Gone are the phases after which a name is free again.
var Gone = map[string]bool{"Deleted": true, "Closed": true, "Removed": true, "Uninstalled": true, "Revoked": true}

func decodeEntity(raw json.RawMessage) (Entity, error) {
	e := Entity{Raw: raw}
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, events.Refuse(events.Internal, "read an entity: %v", err)
	}
	return e, nil
}

// EntityPath is where the API has an entity.
func EntityPath(r events.Ref) string {
	if r.Kind == events.Customer {
		return "/v1/customers/" + r.ID
	}
	return "/v1/" + r.Kind.Plural() + "/" + r.Owner + "/" + r.ID
}

// Entity reads one entity, as it is at seq or later.
func (c *Client) Entity(ctx context.Context, r events.Ref, seq uint64) (Entity, error) {
	q := url.Values{}
	if seq > 0 {
		q.Set("min_seq", strconv.FormatUint(seq, 10))
	}
	raw, err := c.Get(ctx, EntityPath(r), q)
	if err != nil {
		return Entity{}, err
	}
	return decodeEntity(raw)
}

// List is an answer with items: one page of it, or several put together.
type List struct {
	AsOf  json.RawMessage   `json:"as_of"`
	Items []json.RawMessage `json:"items"`
	Next  *string           `json:"next"`

	raw json.RawMessage // as it came, if it is one page
}

// Seq is the last sequence of the log that the answer includes; 0 if it does not say.
func (l List) Seq() uint64 {
	var as struct{ Seq uint64 }
	if json.Unmarshal(l.AsOf, &as) != nil {
		return 0
	}
	return as.Seq
}

// DecodeList reads an answer with items.
func DecodeList(raw json.RawMessage) (List, error) {
	l := List{raw: raw}
	if err := json.Unmarshal(raw, &l); err != nil {
		return l, events.Refuse(events.Internal, "read a list: %v", err)
	}
	return l, nil
}

// PageSize is what a page of a list that is read to its end asks for.
const PageSize = 1000

// List reads a list: limit items of it, or all if limit is 0.
func (c *Client) List(ctx context.Context, path string, q url.Values, limit int) (List, error) {
	var all List
	q = maps.Clone(q)
	if q == nil {
		q = url.Values{}
	}
	for {
		size := PageSize
		if limit > 0 {
			size = min(size, limit-len(all.Items))
		}
		q.Set("limit", strconv.Itoa(size))
		raw, err := c.Get(ctx, path, q)
		if err != nil {
			return all, err
		}
		page, err := DecodeList(raw)
		if err != nil {
			return all, err
		}
		c.noteMoment(page)
		all = all.and(page)
		if page.Next == nil || len(page.Items) == 0 || limit > 0 && len(all.Items) >= limit {
			return all, nil
		}
		q.Set("cursor", *page.Next)
	}
}

// noteMoment keeps of when a list is.
func (c *Client) noteMoment(l List) {
	var as struct{ Time string }
	if json.Unmarshal(l.AsOf, &as) == nil && as.Time != "" {
		c.read.Store(&as.Time)
	}
}

func (l List) and(page List) List {
	if l.Items == nil {
		return page
	}
	return List{AsOf: l.AsOf, Items: append(l.Items, page.Items...), Next: page.Next}
}

// JSON is the list as the API answers it.
func (l List) JSON() (json.RawMessage, error) {
	if l.raw != nil {
		return l.raw, nil
	}
	raw, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("encode a list: %w", err)
	}
	return raw, nil
}

// Entities are the items of a list of entities.
func (l List) Entities() (all []Entity, err error) {
	for _, raw := range l.Items {
		e, err := decodeEntity(raw)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// Events are the items of a list of events.
func (l List) Events() (all []Event, err error) {
	for _, raw := range l.Items {
		var h Event
		if err := json.Unmarshal(raw, &h); err != nil {
			return nil, events.Refuse(events.Internal, "read an event: %v", err)
		}
		all = append(all, h)
	}
	return all, nil
}

// Ref is the entity the event happened to.
func (h Event) Ref() events.Ref { return events.Ref{Kind: h.Kind, Owner: h.Owner, ID: h.Entity} }

// DecodeJSON reads one JSON value and keeps its numbers as they are written.
func DecodeJSON(data []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}
