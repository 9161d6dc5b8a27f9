package embedded

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
)

// gateTimeout bounds how long the server may take to make a consumer.
const gateTimeout = 5 * time.Second

const (
	// theLog is the only stream on which people may make consumers.
	theLog = eventlog.Stream
	// mostConsumers is how many consumers people may have on the log together.
	mostConsumers = 1000
	// mostOfOne is how many of them one caller may have. The local admin may have all.
	mostOfOne = 250
	// madeBy is where a consumer says who has made it.
	madeBy = "aerie.caller"
	// longestIdle is how long a consumer of people stays that nobody reads.
	longestIdle = 5 * time.Minute
)

// openGate answers people who make a consumer on the log. A push consumer names
// the subject it delivers to, and would be obeyed: with aerie.report.… it hands
// events to those who wait for reports. So only pull consumers pass, which is
// what nats.go's jetstream package and its ordered consumers make.
func (s *Server) openGate() error {
	nc, err := s.Connect("aerie gate")
	if err != nil {
		return err
	}
	s.gateConn = nc
	for _, subject := range gated {
		if _, err := nc.Subscribe(gatePrefix+subject, func(m *nats.Msg) { s.pass(m) }); err != nil {
			return fmt.Errorf("open gate: %w", err)
		}
	}
	if err := nc.Flush(); err != nil {
		return fmt.Errorf("open gate: %w", err)
	}
	return nil
}

// pass asks the server for what was asked of the gate, if it is harmless.
func (s *Server) pass(m *nats.Msg) {
	// Decoded and encoded with the server's own type, so that the server cannot
	// read anything in the request that was not looked at here.
	var req server.CreateConsumerRequest
	if err := json.Unmarshal(m.Data, &req); err != nil {
		refuse(m, 400, "not a request for a consumer: "+err.Error())
		return
	}
	if req.Config.DeliverSubject != "" || req.Config.DeliverGroup != "" {
		refuse(m, 403, "a push consumer may not be made here: use a pull or an ordered consumer of the jetstream API")
		return
	}
	caller, known := s.auth.callerOf(m.Header)
	if !known {
		refuse(m, 403, "who asks is not known")
		return
	}
	boundIdle(&req.Config)
	s.gate.Lock() // so that they are counted one after the other
	defer s.gate.Unlock()
	there, err := s.consumer(req)
	full := ""
	if err == nil && there == nil {
		full, err = s.isFull(caller.Actor)
	}
	switch {
	case err != nil:
		refuse(m, 503, "ask JetStream: "+err.Error())
		return
	case full != "":
		refuseAs(m, &server.ApiError{Code: 400, ErrCode: uint16(server.JSMaximumConsumersLimitErr), Description: fmt.Sprintf(
			"maximum consumers limit reached: %s on %s, the most there may be: delete some, or wait: those that nobody reads go after %s", full, theLog, longestIdle)})
		return
	}
	markConsumer(&req.Config, there, caller.Actor)
	body, err := json.Marshal(req)
	if err != nil {
		refuse(m, 500, "internal error")
		return
	}
	answer, err := s.gateConn.Request(strings.TrimPrefix(m.Subject, gatePrefix), body, gateTimeout)
	if err != nil {
		refuse(m, 503, "ask JetStream: "+err.Error())
		return
	}
	if there == nil && s.consumersOf != nil {
		s.consumersOf[caller.Actor]++ // if it was not made, they are counted anew sooner
	}
	_ = m.Respond(answer.Data) // whoever asked may be gone
}

// markConsumer has a consumer say who has made it. Whoever made one first is named for as long as it is there.
func markConsumer(c *server.ConsumerConfig, there *server.ConsumerInfo, caller string) {
	if there != nil && there.Config != nil {
		caller = there.Config.Metadata[madeBy] // none has it that an older release has let pass
	}
	c.Metadata = maps.Clone(c.Metadata)
	delete(c.Metadata, madeBy)
	if caller == "" {
		return
	}
	if c.Metadata == nil {
		c.Metadata = map[string]string{}
	}
	c.Metadata[madeBy] = caller
}

// boundIdle sees to it that a consumer goes when nobody reads it any more. JetStream's
// own bound of one that is not durable is five seconds if it says none.
func boundIdle(c *server.ConsumerConfig) {
	if c.InactiveThreshold > longestIdle || c.InactiveThreshold <= 0 && c.Durable != "" {
		c.InactiveThreshold = longestIdle
	}
}

// isFull says of whom there are as many consumers as there may be; "" if there is room for one more of a caller. All consumers of
// the stream are counted: aerie's own are a handful, and for them there is always room.
func (s *Server) isFull(caller string) (string, error) {
	var stream server.JSApiStreamInfoResponse
	if err := s.askJetStream("STREAM.INFO."+theLog, nil, &stream); err != nil {
		return "", err
	}
	if stream.StreamInfo == nil {
		return "", nil // JetStream says why there is none
	}
	if stream.State.Consumers >= mostConsumers {
		return fmt.Sprintf("people have %d together", mostConsumers), nil
	}
	if caller == events.ActorAdmin {
		return "", nil
	}
	if s.consumersOf == nil || s.consumersOf[caller] >= mostOfOne { // those that were deleted or have gone are still in it
		if err := s.countConsumers(); err != nil {
			return "", err
		}
	}
	if s.consumersOf[caller] >= mostOfOne {
		return fmt.Sprintf("you have %d", mostOfOne), nil
	}
	return "", nil
}

// countConsumers counts the consumers of each caller.
func (s *Server) countConsumers() error {
	counts := map[string]int{}
	for offset := 0; ; {
		var page server.JSApiConsumerListResponse
		if err := s.askJetStream("CONSUMER.LIST."+theLog, server.ApiPagedRequest{Offset: offset}, &page); err != nil {
			return err
		}
		for _, c := range page.Consumers {
			if c.Config != nil && c.Config.Metadata[madeBy] != "" {
				counts[c.Config.Metadata[madeBy]]++
			}
		}
		if offset += len(page.Consumers); len(page.Consumers) == 0 || offset >= page.Total {
			s.consumersOf = counts
			return nil
		}
	}
}

// consumer is the one that a request names, if it is there already.
func (s *Server) consumer(req server.CreateConsumerRequest) (*server.ConsumerInfo, error) {
	name := cmp.Or(req.Config.Name, req.Config.Durable)
	if name == "" || strings.ContainsAny(name, ".*> \t\r\n") {
		return nil, nil
	}
	var there server.JSApiConsumerInfoResponse
	err := s.askJetStream("CONSUMER.INFO."+theLog+"."+name, nil, &there)
	return there.ConsumerInfo, err
}

// askJetStream asks the server's API.
func (s *Server) askJetStream(what string, question, answer any) error {
	var data []byte
	if question != nil {
		var err error
		if data, err = json.Marshal(question); err != nil {
			return err
		}
	}
	m, err := s.gateConn.Request("$JS.API."+what, data, gateTimeout)
	if err != nil {
		return err
	}
	return json.Unmarshal(m.Data, answer)
}

// refuse answers as the JetStream API does.
func refuse(m *nats.Msg, code int, why string) {
	refuseAs(m, &server.ApiError{Code: code, Description: why})
}

func refuseAs(m *nats.Msg, why *server.ApiError) {
	answer := server.JSApiConsumerCreateResponse{
		ApiResponse: server.ApiResponse{Type: server.JSApiConsumerCreateResponseType, Error: why},
	}
	data, err := json.Marshal(answer)
	if err != nil {
		return
	}
	_ = m.Respond(data) // whoever asked may be gone
}
