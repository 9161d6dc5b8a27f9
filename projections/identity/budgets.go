package identity

import (
	"sync"
	"time"

	"github.com/aeriehq/aerie/events"
)

// Budget is how much a caller of a customer, and each of its agents, may ask. The platform's staff may ask staffTimes as much of it.
type Budget struct {
	Requests int // a second
	Bytes    int // a second, asked and answered
	Tails    int // streams of events that are open at once
}

// DefaultBudget is far more than people and programs need that do not flood.
var DefaultBudget = Budget{Requests: 500, Bytes: 16 << 20, Tails: 50}

const (
	staffTimes    = 20 // how much more the platform's staff may ask
	customerTimes = 4  // how much more all callers of one customer may ask together: more tokens make no difference
	unused        = 10 // how many seconds' worth somebody has who has asked nothing
	mostSpenders  = 10_000
)

// RoleOfAgents stands for the role of an agent, which has none of those that people have.
const RoleOfAgents events.Role = "agent"

// OutOfConnections is what somebody has used up whom the NATS server no longer lets in; that counts them itself.
const OutOfConnections = "connections"

// What else somebody has used up.
const (
	outOfRequests = "requests"
	outOfBytes    = "bytes"
	outOfTails    = "tails"
)

// Budgets keeps each caller, and each customer, within a budget, in this process. The local admin has none: his is the way in
// when nothing else is. The methods may be called from any goroutine.
type Budgets struct {
	each     Budget
	exceeded func(role events.Role, what string)
	now      func() time.Time

	mu       sync.Mutex
	spenders map[string]*spending // by the actor, and by the customer
}

// spending is what somebody has left.
type spending struct {
	requests, bytes float64
	tails           int // that are open
	at              time.Time
}

// NewBudgets gives each caller a budget. A function is told of who has used up what of his.
func NewBudgets(each Budget, exceeded func(role events.Role, what string)) *Budgets {
	return &Budgets{each: each, exceeded: exceeded, now: time.Now, spenders: map[string]*spending{}}
}

// SpendAgent takes what an agent of a customer has sent off the agent's budget, which is as large as a caller's. Its customer's agents
// have one together, beside that of its people.
func (b *Budgets) SpendAgent(actor, customer string, bytes int) error {
	return b.Spend(events.Caller{Actor: actor, Owner: customer, Role: RoleOfAgents}, bytes)
}

// Spend takes a request of some bytes off the caller's budget, or refuses it.
func (b *Budgets) Spend(c events.Caller, bytes int) error {
	return b.take(c, func(s *spending, times float64) string {
		switch {
		case s.requests < 1:
			return outOfRequests
		case s.bytes <= 0:
			return outOfBytes
		}
		return ""
	}, func(s *spending) { s.requests, s.bytes = s.requests-1, s.bytes-float64(bytes) })
}

// Answered takes what an answer had off the caller's budget. He has had it: what is missing then is missing for his next request.
func (b *Budgets) Answered(c events.Caller, bytes int) {
	_ = b.take(c, func(*spending, float64) string { return "" }, func(s *spending) { s.bytes -= float64(bytes) })
}

// OpenTail opens a stream of events, or refuses it. The stream is over with done.
func (b *Budgets) OpenTail(c events.Caller) (done func(), err error) {
	err = b.take(c, func(s *spending, times float64) string {
		if float64(s.tails) >= times*float64(b.each.Tails) {
			return outOfTails
		}
		return ""
	}, func(s *spending) { s.tails++ })
	if err != nil {
		return nil, err
	}
	return func() {
		_ = b.take(c, func(*spending, float64) string { return "" }, func(s *spending) { s.tails-- })
	}, nil
}

// take asks the budgets that a caller has part in, and spends of each if none is used up.
func (b *Budgets) take(c events.Caller, lacks func(s *spending, times float64) string, spend func(*spending)) error {
	if c.Actor == events.ActorAdmin || c.Role == "" {
		return nil // who is nobody is refused whatever he asks
	}
	b.mu.Lock()
	what := b.takeLocked(c, lacks, spend)
	b.mu.Unlock()
	if what == "" {
		return nil
	}
	b.exceeded(c.Role, what)
	return events.Refuse(events.TooMany, "your budget of %s is used up: ask again in a second, and less often", what)
}

func (b *Budgets) takeLocked(c events.Caller, lacks func(s *spending, times float64) string, spend func(*spending)) string {
	now, times, together := b.now(), 1.0, ""
	switch {
	case c.Role == RoleOfAgents:
		together = "agents " + c.Owner
	case c.Role.OfCustomer():
		together = "customer " + c.Owner
	default:
		times = staffTimes
	}
	own := b.of(c.Actor, now, times)
	if what := lacks(own, times); what != "" {
		return what
	}
	if together != "" {
		all := b.of(together, now, customerTimes)
		if what := lacks(all, customerTimes); what != "" {
			return what
		}
		spend(all)
	}
	spend(own)
	return ""
}

// of is what somebody has left now.
func (b *Budgets) of(who string, now time.Time, times float64) *spending {
	requests, bytes := times*float64(b.each.Requests), times*float64(b.each.Bytes)
	s := b.spenders[who]
	if s == nil {
		b.forget(now)
		s = &spending{requests: unused * requests, bytes: unused * bytes, at: now}
		b.spenders[who] = s
		return s
	}
	if since := now.Sub(s.at).Seconds(); since > 0 {
		s.requests, s.bytes = min(unused*requests, s.requests+since*requests), min(unused*bytes, s.bytes+since*bytes)
		s.at = now
	}
	return s
}

// forget forgets who has asked nothing for a while, once there are many: he has all of his budget again.
func (b *Budgets) forget(now time.Time) {
	if len(b.spenders) < mostSpenders {
		return
	}
	for who, s := range b.spenders {
		if s.tails == 0 && now.Sub(s.at) > time.Minute && s.bytes > 0 {
			delete(b.spenders, who)
		}
	}
}
