package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Waiting is a command that waits in the queue.
type Waiting struct {
	Seq       uint64    `json:"seq" required:"true" doc:"Its place in the queue"`
	CommandID string    `json:"command_id" required:"true" doc:"Its id, as the client gave it, or as the queue made it up"`
	Owner     string    `json:"owner" required:"true" doc:"Whose entity it is for, as its subject says"`
	Kind      string    `json:"kind" required:"true" doc:"The kind of the entity, as its subject says"`
	ID        string    `json:"id" required:"true" doc:"The entity's name, as its subject says"`
	Verb      string    `json:"verb" required:"true" doc:"What is asked, as its subject says"`
	Bytes     int       `json:"bytes" required:"true" doc:"The length of its body"`
	Stored    time.Time `json:"stored" required:"true" doc:"Since when it waits"`
}

// WaitingList is a page of the queue.
type WaitingList struct {
	Items []Waiting `json:"items" required:"true" nullable:"false"`
	Next  *string   `json:"next" required:"true" doc:"The cursor of the next page, null on the last one"`
}

// WaitingQuery names a page of the queue.
type WaitingQuery struct {
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"How many commands at most"`
	Cursor string `query:"cursor" maxLength:"20" pattern:"^[0-9]+$" doc:"The next of the page before"`
}

// PlaceQuery names a place of the queue.
type PlaceQuery struct {
	Seq uint64 `path:"seq" minimum:"1" doc:"The place in the queue"`
}

type waitingAnswer struct{ Body WaitingList }

type droppedAnswer struct{ Body Waiting }

func (s *server) queue(api huma.API) {
	route(api, get("list-queue", "/v1/queue", "The commands that wait to be handled, the oldest first", "commands"), s.waiting)
	op := huma.Operation{OperationID: "drop-queued", Method: http.MethodDelete, Path: "/v1/queue/{seq}", Tags: []string{"commands"},
		Summary: "Take a command off the queue; that it was refused is an event"}
	route(api, op, func(ctx context.Context, q *PlaceQuery) (*droppedAnswer, error) {
		dropped, err := s.Drop(ctx, q.Seq, callerOf(ctx).Actor)
		if err != nil {
			return nil, err
		}
		return &droppedAnswer{dropped}, nil
	})
}

func (s *server) waiting(ctx context.Context, q *WaitingQuery) (*waitingAnswer, error) {
	from, _ := strconv.ParseUint(q.Cursor, 10, 64) // empty is the beginning
	all, err := s.Waiting(ctx, from, q.Limit)
	if err != nil {
		return nil, err
	}
	out := &waitingAnswer{WaitingList{Items: append([]Waiting{}, all...)}}
	if len(all) == q.Limit {
		next := strconv.FormatUint(all[len(all)-1].Seq+1, 10)
		out.Body.Next = &next
	}
	return out, nil
}
