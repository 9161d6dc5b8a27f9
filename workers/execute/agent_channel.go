package execute

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/workers/command"
	"github.com/aeriehq/aerie/workers/consent"
)

// Channel is where an agent asks and reports about one place.
type Channel struct {
	Conn  *nats.Conn
	Place queue.Partition
	Skew  *Skew         // nil: there is none
	Gate  *consent.Gate // of an agent: what it may do and send; nil: everything
	News  *News         // of an agent: whether what was told is still so; nil: nobody says
}

// Skew is by how much the control plane's clock is ahead of an agent's. What is told of times is in the control plane's time.
type Skew struct{ ahead atomic.Int64 }

// Set sets it.
func (s *Skew) Set(ahead time.Duration) { s.ahead.Store(int64(ahead)) }

// By is how much it is.
func (s *Skew) By() time.Duration {
	if s == nil {
		return 0
	}
	return time.Duration(s.ahead.Load())
}

// now is the control plane's time.
func (s *Skew) now() time.Time { return time.Now().Add(s.By()) }

// correct puts what a report says of times into the control plane's time. The report is the caller's own.
func (s *Skew) correct(r *ev.ExecutorReport) {
	by := s.By()
	if by == 0 {
		return
	}
	if r.Failure != nil {
		f := *r.Failure
		f.Calls, r.Failure = corrected(f.Calls, by), &f
		if !f.NextAt.IsZero() {
			f.NextAt = f.NextAt.Add(by)
		}
	}
	r.Calls = corrected(r.Calls, by)
	if r.Saw != nil {
		saw := *r.Saw
		saw.Calls, r.Saw = corrected(saw.Calls, by), &saw
	}
	if r.Swept != nil {
		swept := *r.Swept
		swept.Calls, r.Swept = corrected(swept.Calls, by), &swept
	}
	if r.Catalogue != nil {
		seen := *r.Catalogue
		seen.Calls, r.Catalogue = corrected(seen.Calls, by), &seen
	}
}

func corrected(calls []ev.Call, by time.Duration) []ev.Call {
	calls = slices.Clone(calls)
	for i := range calls {
		calls[i].At = calls[i].At.Add(by)
	}
	return calls
}

// agentAnswer is how long an agent waits for an answer.
const agentAnswer = 10 * time.Second

// Ask asks one question about the place.
func (c Channel) Ask(ctx context.Context, what string, question, answer any) error {
	data, err := ev.Encode(question)
	if err != nil {
		return fmt.Errorf("ask what is %s: %w", what, err)
	}
	subject := ev.AgentSubject(c.Place.Owner, c.Place.Dataplane, what)
	if data, err = c.Gate.Cross(what, subject, data); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, agentAnswer)
	defer cancel()
	known := c.Gate.Log()
	m, err := c.Conn.RequestWithContext(ctx, subject, data)
	if err == nil && !bytes.HasPrefix(m.Data, []byte("{")) {
		err = errors.New(ev.Truncate(string(m.Data))) // why it is not answered
	}
	if err == nil {
		err = json.Unmarshal(m.Data, answer)
	}
	if from, says := answer.(interface{ At() ev.LogPoint }); says && err == nil {
		err = c.Gate.Meet(known, from.At())
	}
	if err != nil {
		return fmt.Errorf("ask what is %s: %w", what, err)
	}
	return nil
}

// Report tells the intake what was seen, waits until that is durable, and returns the answer.
func (c Channel) Report(ctx context.Context, r ev.ExecutorReport) (answer string, err error) {
	c.Skew.correct(&r)
	data, err := ev.Encode(r)
	if err != nil {
		return "", err
	}
	subject := ev.ReportSubject(c.Place.Owner, c.Place.Dataplane, r.Ref)
	if data, err = c.Gate.Cross("report", subject, data); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, command.AnswerTimeout)
	defer cancel()
	m, err := c.Conn.RequestMsgWithContext(ctx, &nats.Msg{Subject: subject,
		Header: ev.SentBy(ev.ActorExecutor), Data: data}) // of an agent's the server says who it is, whatever this says
	if err != nil {
		return "", err
	}
	return string(m.Data), nil
}

// tooOldAgain is when what an agent does not know is tried again; nothing will have changed but the agent.
const tooOldAgain = time.Hour

// errTooOld is that an agent does not know how to do something.
var errTooOld = errors.New("the agent does not know how: a newer one is needed")
