package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"time"

	"github.com/aeriehq/aerie/events"
)

// entity is one entity as the API answers it.
type entity struct {
	Kind    events.Kind       `json:"kind"`
	Owner   string            `json:"owner"`
	ID      string            `json:"id"`
	UID     string            `json:"uid"`
	Phase   string            `json:"phase"`
	Seq     uint64            `json:"seq"`
	Created time.Time         `json:"created"`
	Labels  map[string]string `json:"labels"`
	Spec    json.RawMessage   `json:"spec"`
	Status  status            `json:"status"`

	raw json.RawMessage // as it came
}

// status is what the server says of an entity beside what was asked for.
type status struct {
	Conditions []condition       `json:"conditions"`
	Reason     *reason           `json:"reason"`
	Placement  *events.Placement `json:"placement"`
	Owed       map[string]any    `json:"owed"`
	Observed   map[string]any    `json:"observed"`
}

type condition struct {
	Type    string    `json:"type"`
	Status  string    `json:"status"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Since   time.Time `json:"since"`
}

// reason says why an entity is not where it should be.
type reason struct {
	events.Reason
	Retried bool      `json:"retried"`
	NextAt  time.Time `json:"next_at"`
}

// happened is one event as the API answers it.
type happened struct {
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

func (e entity) ref() events.Ref { return events.Ref{Kind: e.Kind, Owner: e.Owner, ID: e.ID} }

// gone are the phases after which a name is free again.
var gone = map[string]bool{"Deleted": true, "Closed": true, "Removed": true, "Uninstalled": true, "Revoked": true}

func decodeEntity(raw json.RawMessage) (entity, error) {
	e := entity{raw: raw}
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, events.Refuse(events.Internal, "read an entity: %v", err)
	}
	return e, nil
}

// entityPath is where the API has an entity.
func entityPath(r events.Ref) string {
	if r.Kind == events.Customer {
		return "/v1/customers/" + r.ID
	}
	return "/v1/" + r.Kind.Plural() + "/" + r.Owner + "/" + r.ID
}

// entity reads one entity, as it is at seq or later.
func (c *client) entity(ctx context.Context, r events.Ref, seq uint64) (entity, error) {
	q := url.Values{}
	if seq > 0 {
		q.Set("min_seq", strconv.FormatUint(seq, 10))
	}
	raw, err := c.get(ctx, entityPath(r), q)
	if err != nil {
		return entity{}, err
	}
	return decodeEntity(raw)
}

// list is an answer with items: one page of it, or several put together.
type list struct {
	AsOf  json.RawMessage   `json:"as_of"`
	Items []json.RawMessage `json:"items"`
	Next  *string           `json:"next"`

	raw json.RawMessage // as it came, if it is one page
}

func decodeList(raw json.RawMessage) (list, error) {
	l := list{raw: raw}
	if err := json.Unmarshal(raw, &l); err != nil {
		return l, events.Refuse(events.Internal, "read a list: %v", err)
	}
	return l, nil
}

// pageSize is what a page of a list that is read to its end asks for.
const pageSize = 1000

// list reads a list: limit items of it, or all if limit is 0.
func (c *client) list(ctx context.Context, path string, q url.Values, limit int) (list, error) {
	var all list
	q = maps.Clone(q)
	if q == nil {
		q = url.Values{}
	}
	for {
		size := pageSize
		if limit > 0 {
			size = min(size, limit-len(all.Items))
		}
		q.Set("limit", strconv.Itoa(size))
		raw, err := c.get(ctx, path, q)
		if err != nil {
			return all, err
		}
		page, err := decodeList(raw)
		if err != nil {
			return all, err
		}
		all = all.and(page)
		if page.Next == nil || len(page.Items) == 0 || limit > 0 && len(all.Items) >= limit {
			return all, nil
		}
		q.Set("cursor", *page.Next)
	}
}

func (l list) and(page list) list {
	if l.Items == nil {
		return page
	}
	return list{AsOf: l.AsOf, Items: append(l.Items, page.Items...), Next: page.Next}
}

// json is the list as the API answers it.
func (l list) json() (json.RawMessage, error) {
	if l.raw != nil {
		return l.raw, nil
	}
	raw, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("encode a list: %w", err)
	}
	return raw, nil
}

func (l list) entities() (all []entity, err error) {
	for _, raw := range l.Items {
		e, err := decodeEntity(raw)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

func (l list) events() (all []happened, err error) {
	for _, raw := range l.Items {
		var h happened
		if err := json.Unmarshal(raw, &h); err != nil {
			return nil, events.Refuse(events.Internal, "read an event: %v", err)
		}
		all = append(all, h)
	}
	return all, nil
}
