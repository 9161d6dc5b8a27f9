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

// openGate answers people who make a consumer on the log. A push consumer names
// the subject it delivers to, and would be obeyed: with aerie.report.… it hands
// events to those who wait for reports. So only pull consumers pass, which is
// what nats.go's jetstream package and its ordered consumers make.
func (s *Server) openGate() error {
	nc, err := s.Connect("aerie gate")
	if err != nil {
		return err
	}
	s.door = nc
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
	body, err := json.Marshal(req)
	if err != nil {
		refuse(m, 500, "internal error")
		return
	}
	answer, err := s.door.Request(strings.TrimPrefix(m.Subject, gatePrefix), body, gateTimeout)
	if err != nil {
		refuse(m, 503, "ask JetStream: "+err.Error())
		return
	}
	_ = m.Respond(answer.Data) // whoever asked may be gone
}

// refuse answers as the JetStream API does.
func refuse(m *nats.Msg, code int, why string) {
	answer := server.JSApiConsumerCreateResponse{
		ApiResponse: server.ApiResponse{
			Type:  server.JSApiConsumerCreateResponseType,
			Error: &server.ApiError{Code: code, Description: why},
		},
	}
	data, err := json.Marshal(answer)
	if err != nil {
		return
	}
	_ = m.Respond(data) // whoever asked may be gone
}
