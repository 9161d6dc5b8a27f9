package execute

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/workers/command"
)

// Channel is where an agent asks and reports about one place.
type Channel struct {
	Conn  *nats.Conn
	Place queue.Partition
}

// agentAnswer is how long an agent waits for an answer.
const agentAnswer = 10 * time.Second

// Ask asks one question about the place.
func (c Channel) Ask(ctx context.Context, what string, question, answer any) error {
	data, err := ev.Encode(question)
	if err != nil {
		return fmt.Errorf("ask what is %s: %w", what, err)
	}
	ctx, cancel := context.WithTimeout(ctx, agentAnswer)
	defer cancel()
	m, err := c.Conn.RequestWithContext(ctx, ev.AgentSubject(c.Place.Owner, c.Place.Dataplane, what), data)
	if err == nil {
		err = json.Unmarshal(m.Data, answer)
	}
	if err != nil {
		return fmt.Errorf("ask what is %s: %w", what, err)
	}
	return nil
}

// Report tells the intake what was seen, waits until that is durable, and returns the answer.
func (c Channel) Report(ctx context.Context, r ev.ExecutorReport) (answer string, err error) {
	data, err := ev.Encode(r)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, command.AnswerTimeout)
	defer cancel()
	m, err := c.Conn.RequestWithContext(ctx, ev.ReportSubject(c.Place.Owner, c.Place.Dataplane, r.Ref), data)
	if err != nil {
		return "", err
	}
	return string(m.Data), nil
}
