package embedded

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// gateTimeout bounds how long the server may take to make a consumer.
const gateTimeout = 5 * time.Second

const (
	// theLog is the only stream on which people may make consumers.
	theLog = "AERIE_EVENTS"
	// mostConsumers is how many consumers people may have on the log together.
	mostConsumers = 1000
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
	boundIdle(&req.Config)
	body, err := json.Marshal(req)
	if err != nil {
		refuse(m, 500, "internal error")
		return
	}
	s.gate.Lock() // so that they are counted one after the other
	defer s.gate.Unlock()
	if full, err := s.isFull(req); err != nil {
		refuse(m, 503, "ask JetStream: "+err.Error())
		return
	} else if full {
		refuseAs(m, &server.ApiError{Code: 400, ErrCode: uint16(server.JSMaximumConsumersLimitErr), Description: fmt.Sprintf(
			"maximum consumers limit reached: people have %d on %s together, the most there may be: delete some, or wait: those that nobody reads go after %s",
			mostConsumers, theLog, longestIdle)})
		return
	}
	answer, err := s.gateConn.Request(strings.TrimPrefix(m.Subject, gatePrefix), body, gateTimeout)
	if err != nil {
		refuse(m, 503, "ask JetStream: "+err.Error())
		return
	}
	_ = m.Respond(answer.Data) // whoever asked may be gone
}

// boundIdle sees to it that a consumer goes when nobody reads it any more. JetStream's
// own bound of one that is not durable is five seconds if it says none.
func boundIdle(c *server.ConsumerConfig) {
	if c.InactiveThreshold > longestIdle || c.InactiveThreshold <= 0 && c.Durable != "" {
		c.InactiveThreshold = longestIdle
	}
}

// isFull tells whether there is no room for a consumer of people. All consumers of the
// stream are counted: aerie's own are a handful, and for them there is always room. One that
// is there already takes none.
func (s *Server) isFull(req server.CreateConsumerRequest) (bool, error) {
	var stream server.JSApiStreamInfoResponse
	if err := s.askJetStream("STREAM.INFO."+theLog, &stream); err != nil {
		return false, err
	}
	if stream.StreamInfo == nil || stream.State.Consumers < mostConsumers {
		return false, nil // JetStream says why there is none
	}
	name := req.Config.Name
	if name == "" {
		name = req.Config.Durable
	}
	if name == "" || strings.ContainsAny(name, ".*> \t\r\n") {
		return true, nil
	}
	var there server.JSApiConsumerInfoResponse
	err := s.askJetStream("CONSUMER.INFO."+theLog+"."+name, &there)
	return there.ConsumerInfo == nil, err
}

// askJetStream asks the server's API.
func (s *Server) askJetStream(what string, answer any) error {
	m, err := s.gateConn.Request("$JS.API."+what, nil, gateTimeout)
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
