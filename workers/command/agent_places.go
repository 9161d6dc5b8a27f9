package command

import (
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
)

// mostOfAgents is how many reports of one customer's agents are taken at once. Each of its agents works on 32 things at once.
const mostOfAgents = queued / 8

// agentPlaces has how many of the intake's places the agents of each customer have, so that those who flood leave room for others. Its
// methods may be called from any goroutine.
type agentPlaces struct {
	mu   sync.Mutex
	held map[string]int // by customer
}

// enter takes a place for a report, which is let go with leave, or refuses it. Aerie's own executors need none.
func (p *agentPlaces) enter(m *nats.Msg) (leave func(), err error) {
	if sender, said := ev.SenderOf(m.Header); !said || sender == ev.ActorExecutor {
		return func() {}, nil
	}
	customer, _, _ := strings.Cut(strings.TrimPrefix(m.Subject, ev.ReportPrefix), ".") // the NATS server has seen to it that it is his
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held[customer] >= mostOfAgents {
		return nil, ev.Refuse(ev.TooMany, "%d reports of your agents are being taken: report again in a second", mostOfAgents)
	}
	if p.held == nil {
		p.held = map[string]int{}
	}
	p.held[customer]++
	return func() { p.leave(customer) }, nil
}

func (p *agentPlaces) leave(customer string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held[customer]--; p.held[customer] == 0 {
		delete(p.held, customer)
	}
}
