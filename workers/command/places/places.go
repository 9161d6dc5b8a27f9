// Package places shares out room for what is answered at once, so that those who flood, however many they are, leave some for who comes
// next.
//
// It knows neither commands nor agents, and answers nothing: whoever answers takes a place first and lets go of it afterwards. Begin
// with Room. Its methods may be called from any goroutine. Nothing is kept: a process that ends has answered nobody, and who is not
// answered asks again.
package places

import (
	"sync"

	"github.com/aeriehq/aerie/events"
)

// Room is room for so many at once. Somebody has a place as long as there are more free ones than he has: alone he gets half of the
// room, of n who flood each gets one part of n+1, and one part stays free. So who has none finds one, unless there are as many others
// as there are places.
type Room struct {
	each int

	mu   sync.Mutex
	free int
	held map[string]int
}

// Of names whose places a caller takes: those of a customer's people are counted together. The local admin's are not counted, and the
// name is empty: his is the way in when nothing else is.
func Of(c events.Caller) string {
	switch {
	case c.Actor == events.ActorAdmin:
		return ""
	case c.Role.OfCustomer():
		return "customer " + c.Owner
	}
	return "actor " + c.Actor
}

// OfAgents names whose places the agents of a customer take, all together.
func OfAgents(customer string) string { return "agents " + customer }

// New makes room for most at once, of which nobody has more than each.
func New(most, each int) *Room { return &Room{each: each, free: most, held: map[string]int{}} }

// Enter takes n places for somebody, or refuses them: with rate_limited to who has his share, and with unavailable where there is no
// room. Nobody, by the name "", has no share, and all that is free.
func (r *Room) Enter(who string, n int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	has := r.held[who] + n
	switch {
	case n > r.free:
		return events.Refuse(events.Unavailable, "too much is being answered at once: ask again in a second")
	case who != "" && (has > r.free || has > r.each):
		return events.Refuse(events.TooMany, "too many of your requests are still being answered: ask again in a second")
	}
	r.free -= n
	r.held[who] = has
	return nil
}

// Leave lets go of n places that somebody has taken.
func (r *Room) Leave(who string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free += n
	if r.held[who] -= n; r.held[who] == 0 {
		delete(r.held, who)
	}
}
