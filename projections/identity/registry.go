// Package identity knows who may come in: the tokens and principals of the log, and the local token of the data directory.
// NATS and HTTP ask the same Registry, so that who is let in by one is let in by the other, and who is revoked is out of both.
//
// It decides nothing about what somebody may do: that is the table of package events. It keeps no secret, only hashes, and
// writes nothing. Begin with Registry. Its methods may be called from any goroutine; it is told of the log under the fold's
// lock. After a crash it is made again from the entities, by Load.
package identity

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
	"sync"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// Registry is everybody who may come in. It follows the log.
type Registry struct {
	mu     sync.RWMutex
	byRef  map[events.Ref]*entry
	actors map[string]*entry   // by the name that events give him
	keys   map[string][]*entry // by the public key; of two that have the same, neither comes in
	local  *entry              // nil: the local token lets nobody in
	wanted LocalToken          // what the log says of it
	news   chan struct{}       // told when that changes
	ended  []func(actor string)
	others func(token string) (events.Caller, <-chan struct{}, error) // of whom issuers vouch for; nil: nobody
	now    func() time.Time
}

// entry is somebody who may come in.
type entry struct {
	ref    events.Ref // of whom the log tells; the zero one of the local admin
	caller events.Caller
	hash   [sha256.Size]byte // of a token's secret
	key    string            // a principal's
	gone   chan struct{}     // closed when he may not any more, or not as before
	since  time.Time         // when this process learned of his rights; zero if he has had no others
}

// New makes a registry of nobody, which watches a fold that does not follow the log yet.
func New(fold *state.Live) *Registry {
	r := &Registry{byRef: map[events.Ref]*entry{}, actors: map[string]*entry{}, keys: map[string][]*entry{},
		news: make(chan struct{}, 1), now: time.Now}
	fold.Watch(r.see)
	return r
}

// Load learns who is in the entities already, which a snapshot has brought. It is called before the fold follows the log.
func (r *Registry) Load(w *state.Entities) {
	for _, k := range []events.Kind{events.Token, events.Principal} {
		w.Each(k, func(e fsm.Entity[fsm.Data]) { r.put(e) })
	}
}

// OnEnd has a function called with the actor of each who may not come in any more, or not as before: whoever keeps his
// connections ends them. It is called from a goroutine of its own, after which nobody is let in as he was before.
func (r *Registry) OnEnd(ended func(actor string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = append(r.ended, ended)
}

// see watches the fold.
func (r *Registry) see(w *state.Entities, decision []events.Recorded, _ bool) {
	for _, d := range decision {
		if d.Ref.Kind != events.Token && d.Ref.Kind != events.Principal {
			continue
		}
		if e, ok := w.Get(d.Ref); ok {
			r.put(e)
		}
	}
}

// put takes what the log says of somebody now.
func (r *Registry) put(e fsm.Entity[fsm.Data]) {
	now := entryOf(e)
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Ref == events.LocalPrincipal {
		r.putLocal(e)
	}
	old := r.byRef[e.Ref]
	if old != nil && now != nil && old.caller == now.caller && old.hash == now.hash && old.key == now.key {
		return // its labels changed
	}
	r.remove(e.Ref, old)
	if now == nil {
		return
	}
	if e.Revision > 1 || old != nil {
		now.since = r.now()
	}
	r.byRef[e.Ref] = now
	r.actors[now.caller.Actor] = now
	if now.key != "" {
		r.keys[now.key] = append(r.keys[now.key], now)
	}
}

// remove forgets somebody, and ends what he has open.
func (r *Registry) remove(ref events.Ref, old *entry) {
	if old == nil {
		return
	}
	delete(r.byRef, ref)
	delete(r.actors, old.caller.Actor)
	var others []*entry
	for _, o := range r.keys[old.key] {
		if o != old {
			others = append(others, o)
		}
	}
	delete(r.keys, old.key)
	if len(others) > 0 {
		r.keys[old.key] = others
	}
	r.end(old)
}

func (r *Registry) end(old *entry) {
	close(old.gone)
	for _, tell := range r.ended {
		go tell(old.caller.Actor)
	}
}

// entryOf makes the entry of whom an entity lets in; nil if it no longer lets anybody in.
func entryOf(e fsm.Entity[fsm.Data]) *entry {
	if fsm.Machines[e.Ref.Kind].Ended(e.Phase()) {
		return nil
	}
	n := &entry{ref: e.Ref, gone: make(chan struct{})}
	switch d := e.Data.(type) {
	case fsm.TokenData:
		hash, err := hex.DecodeString(d.Spec.Hash)
		if err != nil || copy(n.hash[:], hash) != sha256.Size {
			return nil
		}
		n.caller = events.Caller{Actor: events.TokenActor(e.UID), Role: d.Spec.Role, Owner: e.Ref.Owner, Until: d.Spec.Ends()}
	case fsm.PrincipalData:
		if e.Phase() == fsm.Disabled || d.Spec.Issuer == events.IssuerLocal {
			return nil
		}
		n.key = d.Spec.Key
		n.caller = events.Caller{Actor: events.UserActor(e.UID), Role: d.Spec.Role, Owner: e.Ref.Owner, Until: d.Spec.Ends()}
	default:
		return nil
	}
	if n.caller.Role.OfCustomer() == (n.caller.Owner == events.Platform) { // no such thing is taken
		return nil
	}
	return n
}

// Authenticate says who shows a token, and has a channel that is closed when he is not let in any more. It is events.ErrNobody if nobody
// does, and a refusal that is unavailable if that can't be said now. A wrong token takes as long as a right one.
func (r *Registry) Authenticate(token string) (events.Caller, <-chan struct{}, error) {
	if others := r.byIssuers(token); others != nil {
		return others(token)
	}
	whole := sha256.Sum256([]byte(token))
	id, secret, _ := events.SplitToken(token)
	part := sha256.Sum256([]byte(secret))
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.local != nil && subtle.ConstantTimeCompare(whole[:], r.local.hash[:]) == 1 {
		return r.local.caller, r.local.gone, nil
	}
	found, known := r.actors[events.TokenActor(id)]
	if !known {
		found = &entry{} // whose hash nothing has
	}
	same := subtle.ConstantTimeCompare(part[:], found.hash[:]) == 1
	if !known || !same || found.over(r.now()) {
		return events.Caller{}, nil, events.ErrNobody
	}
	return found.caller, found.gone, nil
}

// VouchedFor has a function say who shows a token of an issuer's. It is called before anybody is let in.
func (r *Registry) VouchedFor(by func(token string) (events.Caller, <-chan struct{}, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.others = by
}

// byIssuers is the function that knows a token which has the form of an issuer's; nil if it has another, or nobody vouches.
func (r *Registry) byIssuers(token string) func(string) (events.Caller, <-chan struct{}, error) {
	if !strings.HasPrefix(token, "eyJ") || strings.Count(token, ".") != 2 {
		return nil
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.others
}

// Principal says who a principal is, and has a channel that is closed when he is not let in any more; false: he is not.
func (r *Registry) Principal(ref events.Ref) (events.Caller, <-chan struct{}, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if e := r.byRef[ref]; e != nil && !e.over(r.now()) {
		return e.caller, e.gone, true
	}
	return events.Caller{}, nil, false
}

// RefOf is the token or principal of who is let in under a name; false if he is none in the log.
func (r *Registry) RefOf(actor string) (events.Ref, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	e, known := r.actors[actor]
	if !known {
		return events.Ref{}, false
	}
	return e.ref, true
}

// Key says who has a public key; false: nobody, or more than one. That he has the private one too is for the caller to check.
func (r *Registry) Key(public string) (events.Caller, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if all := r.keys[public]; len(all) == 1 && !all[0].over(r.now()) {
		return all[0].caller, true
	}
	return events.Caller{}, false
}

// Actor says who is let in under a name that he has proved, now; false: nobody any more.
func (r *Registry) Actor(name string) (events.Caller, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.local != nil && name == events.ActorAdmin {
		return r.local.caller, true
	}
	if e, known := r.actors[name]; known && !e.over(r.now()) {
		return e.caller, true
	}
	return events.Caller{}, false
}

// LetIn tells whether who came in under a name at a moment came with the rights that he has now. Of rights that changed before this
// process began it does not know when they did: who came in before it is not taken to have them.
func (r *Registry) LetIn(name string, came time.Time) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	e, known := r.actors[name]
	return known && !e.over(r.now()) && !came.Before(e.since)
}

// over tells whether somebody's time has ended.
func (e *entry) over(now time.Time) bool {
	return !e.caller.Until.IsZero() && !now.Before(e.caller.Until)
}
