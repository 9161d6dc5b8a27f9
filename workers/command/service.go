package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/oklog/ulid/v2"

	ev "github.com/aeriehq/aerie/events"
)

// service is what "nats micro" is told of the commands: the protocol and the types are nats.go's package micro's. Its
// own services count as an error only what their handler has answered before it returns, and call handlers one after the other:
// commands are answered together, when they are durable.
type service struct {
	micro.Info
	started time.Time

	mu    sync.Mutex
	stats micro.EndpointStats
}

func newService(version string) *service {
	endpoint := micro.EndpointInfo{Name: "commands", Subject: CommandPrefix + ">", QueueGroup: micro.DefaultQueueGroup}
	return &service{started: time.Now().UTC(),
		Info: micro.Info{Type: micro.InfoResponseType, Description: "commands of the aerie control plane",
			Endpoints:       []micro.EndpointInfo{endpoint},
			ServiceIdentity: micro.ServiceIdentity{Name: "aerie", ID: ulid.Make().String(), Version: version, Metadata: map[string]string{}}},
		stats: micro.EndpointStats{Name: endpoint.Name, Subject: endpoint.Subject, QueueGroup: endpoint.QueueGroup}}
}

// serve gives commands to handle, and tells of the service who asks, until ctx ends.
func (s *service) serve(ctx context.Context, nc *nats.Conn, handle nats.MsgHandler) error {
	commands, err := nc.QueueSubscribe(s.stats.Subject, s.stats.QueueGroup, handle)
	if err != nil {
		return err
	}
	subs := []*nats.Subscription{commands}
	for verb, tell := range map[micro.Verb]func() any{
		micro.PingVerb:  func() any { return micro.Ping{ServiceIdentity: s.ServiceIdentity, Type: micro.PingResponseType} },
		micro.InfoVerb:  func() any { return s.Info },
		micro.StatsVerb: func() any { return s.counted() },
	} {
		for _, whom := range [][2]string{{}, {s.Name}, {s.Name, s.ID}} {
			subject, err := micro.ControlSubject(verb, whom[0], whom[1])
			if err != nil {
				return err
			}
			sub, err := nc.Subscribe(subject, answering(tell))
			if err != nil {
				return err
			}
			subs = append(subs, sub)
		}
	}
	context.AfterFunc(ctx, func() {
		for _, sub := range subs {
			_ = sub.Drain()
		}
	})
	return nil
}

func answering(tell func() any) nats.MsgHandler {
	return func(m *nats.Msg) {
		data, err := json.Marshal(tell())
		if err == nil {
			err = m.Respond(data)
		}
		if err != nil && !errors.Is(err, nats.ErrMsgNoReply) {
			slog.Warn("answer not sent", "err", err)
		}
	}
}

// count counts an answer, and that it was a refusal.
func (s *service) count(refusal *ev.Refusal, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.NumRequests++
	s.stats.ProcessingTime += took
	s.stats.AverageProcessingTime = s.stats.ProcessingTime / time.Duration(s.stats.NumRequests)
	if refusal != nil {
		s.stats.NumErrors++
		s.stats.LastError = fmt.Sprintf("%s:%s", refusal.Code, refusal.Message)
	}
}

func (s *service) counted() micro.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.stats
	return micro.Stats{ServiceIdentity: s.ServiceIdentity, Type: micro.StatsResponseType, Started: s.started,
		Endpoints: []*micro.EndpointStats{&now}}
}
