package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aeriehq/aerie/events"
)

// Event is one event as it reads over HTTP.
type Event struct {
	Seq           uint64          `json:"seq" required:"true" doc:"Its place in the log"`
	ID            string          `json:"id" required:"true" doc:"Its own id, a ULID"`
	Type          string          `json:"type" required:"true" doc:"What happened, such as activated"`
	CEType        string          `json:"ce_type" required:"true" doc:"The same as CloudEvents say it, such as io.aerie.tenant.activated.v1"`
	Time          time.Time       `json:"time" required:"true" doc:"When it was decided"`
	Actor         string          `json:"actor" required:"true" doc:"Who caused it"`
	Owner         string          `json:"owner" required:"true" doc:"The customer its entity belongs to; - is the platform"`
	Kind          events.Kind     `json:"kind" required:"true" doc:"The kind of its entity"`
	Entity        string          `json:"entity" required:"true" doc:"The id of its entity"`
	CommandID     string          `json:"command_id" required:"true" doc:"The command, or report, that caused it"`
	CausationID   string          `json:"causation_id" required:"true" doc:"The event or command right before it in the chain"`
	CorrelationID string          `json:"correlation_id" required:"true" doc:"The command a person gave, however long ago"`
	Data          json.RawMessage `json:"data" required:"true" doc:"What the event itself says"`
}

// eventOf writes an event down the way it is read.
func eventOf(r events.Recorded) (Event, error) {
	data, err := json.Marshal(r.Event)
	if err != nil {
		return Event{}, fmt.Errorf("write event %d: %w", r.Seq, err)
	}
	typ := r.Event.Type()
	return Event{
		Seq: r.Seq, ID: r.EventID, Type: typ, CEType: events.CEType(r.Ref.Kind, r.Event), Time: r.Time,
		Actor: r.Actor, Owner: r.Ref.Owner, Kind: r.Ref.Kind, Entity: r.Ref.ID,
		CommandID: r.CommandID, CausationID: r.CausationID, CorrelationID: r.CorrelationID, Data: data,
	}, nil
}

// readEvents reads events from the log.
func (v *Views) readEvents(ctx context.Context, seqs []uint64) ([]Event, error) {
	all := make([]Event, 0, len(seqs))
	for _, seq := range seqs {
		r, err := v.ReadEvent(ctx, seq)
		if err != nil {
			return nil, err
		}
		e, err := eventOf(r)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}
