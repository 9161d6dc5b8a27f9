// Package login lets in people and machines on the word of issuers of OpenID Connect: it checks their tokens, finds the role that
// the settings give to their claims, and keeps a principal for each in the log.
//
// It keeps no sessions: a token is shown with each request and checked by the issuer's keys, which are known, so that an issuer
// that does not answer keeps nobody out who has a token. Names and addresses go into package events/people alone. Begin with
// Service and enter. Its methods may be called from any goroutine and on several replicas. Each step can be done again: who
// is killed between the entry of a person and his principal makes the principal when the person comes next.
package login

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/people"
	"github.com/aeriehq/aerie/projections/identity"
	"github.com/aeriehq/aerie/workers/command"
)

const (
	// within is how long it may take to let somebody in.
	within = 5 * time.Second
	// mostKnown is how many people are kept in memory.
	mostKnown = 100_000
)

var (
	errNoIssuer = errors.New("it is of no issuer of ours")
	errNoRule   = errors.New("no rule gives a role to its claims")
	errDisabled = errors.New("its principal is disabled")
	errBadToken = errors.New("it is not good")
)

// Service lets in who has a token of an issuer.
type Service struct {
	issuers   map[string]*issuer
	directory *people.Directory
	who       *identity.Registry
	do        decide
	now       func() time.Time

	mu    sync.Mutex
	known map[string]entry // by their keys in the directory
}

type entry struct {
	people.Person
	revision uint64
}

// decide decides a command, and returns when its events are durable and folded in.
type decide func(context.Context, ev.Command) (ev.Answer, error)

// New makes a service that keeps people in a directory, and principals by a function that decides commands.
func New(s Settings, d *people.Directory, who *identity.Registry, do decide) (*Service, error) {
	v := &Service{issuers: map[string]*issuer{}, directory: d, who: who, do: do, now: time.Now, known: map[string]entry{}}
	for _, one := range s.Issuers {
		client, err := one.clientOf()
		if err != nil {
			return nil, err
		}
		v.issuers[one.URL] = &issuer{IssuerSettings: one, client: client, now: func() time.Time { return v.now() }}
	}
	return v, nil
}

// Warm reads the keys of all issuers, so that the first to come does not wait for them. One that does not answer is asked again
// when somebody comes.
func (s *Service) Warm(ctx context.Context) {
	for _, i := range s.issuers {
		if err := i.refresh(ctx); err != nil && ctx.Err() == nil {
			slog.Warn("an issuer does not answer", "issuer", i.Name, "err", err)
		}
	}
}

// Offers are the issuers at which people log in, by name.
func (s *Service) Offers() (all []IssuerSettings) {
	for _, i := range s.issuers {
		if i.ClientID != "" {
			all = append(all, i.IssuerSettings)
		}
	}
	slices.SortFunc(all, func(a, b IssuerSettings) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Authenticate says who shows a token, and has a channel that is closed when he is not let in any more. It is ev.ErrNobody if
// the token lets nobody in, and unavailable if that can't be said now: the same token may be good when it is shown again.
func (s *Service) Authenticate(token string) (ev.Caller, <-chan struct{}, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	c, gone, err := s.enter(ctx, token)
	if err == nil {
		return c, gone, nil
	}
	if transient(err) {
		slog.Warn("it can't be said whom a token of an issuer lets in", "why", err) // nothing of the person is in there
		return ev.Caller{}, nil, ev.Refuse(ev.Unavailable, "it can't be said now who shows this token: show it again")
	}
	slog.Info("a token of an issuer lets nobody in", "why", err)
	return ev.Caller{}, nil, ev.ErrNobody
}

// transient tells whether it is for no fault of a token that it lets nobody in.
func transient(err error) bool {
	for _, final := range []error{errNoIssuer, errNoRule, errDisabled, errBadToken} {
		if errors.Is(err, final) {
			return false
		}
	}
	var refused *ev.Refusal
	return !errors.As(err, &refused) || refused.Retryable || refused.Fault != ev.ByUser
}

func (s *Service) enter(ctx context.Context, token string) (ev.Caller, <-chan struct{}, error) {
	i := s.issuers[issuerOf(token)]
	if i == nil {
		return ev.Caller{}, nil, errNoIssuer
	}
	said, err := i.verify(ctx, token)
	if err != nil {
		return ev.Caller{}, nil, fmt.Errorf("issuer %s: %w", i.Name, err)
	}
	role, owner, ok := i.roleOf(said.all)
	if !ok {
		return ev.Caller{}, nil, fmt.Errorf("issuer %s: %w", i.Name, errNoRule)
	}
	key := people.Key(i.URL, said.subject)
	for range 5 { // each time somebody else has changed what is written
		c, gone, err := s.principal(ctx, key, i, said, role, owner)
		if errors.Is(err, people.ErrChanged) {
			s.forget(key)
			continue
		}
		if err != nil {
			return ev.Caller{}, nil, fmt.Errorf("issuer %s: %w", i.Name, err)
		}
		if c.Until.IsZero() || said.ends.Before(c.Until) {
			c.Until = said.ends
		}
		return c, gone, nil
	}
	return ev.Caller{}, nil, people.ErrChanged
}

// principal is who stands under a key, with the role that his claims give him. A token that is older than the newest one seen
// changes nothing.
func (s *Service) principal(ctx context.Context, key string, i *issuer, said claims, role ev.Role, owner string) (
	c ev.Caller, gone <-chan struct{}, err error) {
	p, err := s.person(ctx, key, i, said, owner)
	if err != nil {
		return c, nil, err
	}
	ref := ev.Ref{Kind: ev.Principal, Owner: p.Owner, ID: p.Principal}
	c, gone, in := s.who.Principal(ref)
	old := said.issued.Before(p.Issued)
	if in && (old || c.Role == role && p.Owner == owner) {
		return c, gone, s.note(ctx, key, p, said)
	}
	if p.Owner != owner && !old { // whose thing somebody is does not change: he begins anew
		if in {
			if _, err := s.do(ctx, command.Internal(ref, ev.ActorAerie, ev.Delete{})); err != nil {
				return c, nil, err
			}
		}
		moved := p.Person
		moved.Principal, moved.Owner = draw(), owner
		if err := s.put(ctx, key, moved, p.revision); err != nil {
			return c, nil, err
		}
		return c, nil, people.ErrChanged // and so once more
	}
	spec := ev.PrincipalSpec{Role: role, Issuer: i.Name}
	ask := command.Internal(ref, ev.ActorAerie, ev.Create{Spec: spec})
	if in {
		ask.Payload = ev.Update{Spec: spec}
	}
	ask.UID = ulid.Make().String()
	_, err = s.do(ctx, ask)
	var refused *ev.Refusal
	if err != nil && !(errors.As(err, &refused) && refused.Code == ev.Conflict) { // else it is there, and lets nobody in
		return c, nil, err
	}
	if c, gone, in = s.who.Principal(ref); !in {
		return c, nil, errDisabled
	}
	return c, gone, s.note(ctx, key, p, said)
}

// person is who stands under a key in the directory. Who is new gets an id there first, so that he has the same one whatever is
// killed before his principal is made.
func (s *Service) person(ctx context.Context, key string, i *issuer, said claims, owner string) (entry, error) {
	s.mu.Lock()
	known, ok := s.known[key]
	s.mu.Unlock()
	if ok {
		if _, _, in := s.who.Principal(ev.Ref{Kind: ev.Principal, Owner: known.Owner, ID: known.Principal}); in {
			return known, nil
		} // else he may have been erased
	}
	p, revision, err := s.directory.Find(ctx, key)
	if errors.Is(err, people.ErrNobody) {
		p = people.Person{Principal: draw(), Owner: owner, Issuer: i.Name, Subject: said.subject,
			Name: text(said.all, "name"), Email: text(said.all, "email"), Issued: said.issued}
		if err := s.put(ctx, key, p, 0); err != nil {
			return entry{}, err
		}
		p, revision, err = s.directory.Find(ctx, key)
	}
	if err != nil {
		return entry{}, err
	}
	e := entry{p, revision}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= mostKnown {
		s.known = map[string]entry{}
	}
	s.known[key] = e
	return e, nil
}

// note writes down what a newer token says of a person, if that is another name than before; and when it was issued, if it is a
// while later, so that tokens of before give no role back.
func (s *Service) note(ctx context.Context, key string, p entry, said claims) error {
	now := p.Person
	if said.issued.After(p.Issued) {
		now.Name, now.Email, now.Issued = text(said.all, "name"), text(said.all, "email"), said.issued
	}
	if now == p.Person {
		return nil
	}
	return s.put(ctx, key, now, p.revision)
}

func (s *Service) put(ctx context.Context, key string, p people.Person, revision uint64) error {
	s.forget(key)
	return s.directory.Put(ctx, key, p, revision)
}

func (s *Service) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, key)
}

// draw is an id that tells nothing. It is a label, which begins with a letter.
func draw() string { return "u" + strings.ToLower(ulid.Make().String()) }

func text(claims map[string]any, name string) string {
	t, _ := claims[name].(string)
	return ev.Truncate(t)
}

// People lists who is in the directory, by their principals.
func (s *Service) People(ctx context.Context) ([]people.Person, error) {
	all := map[string]people.Person{}
	err := s.directory.Each(ctx, func(_ string, p people.Person) bool { all[p.Principal] = p; return true })
	var sorted []people.Person
	for _, id := range slices.Sorted(maps.Keys(all)) {
		sorted = append(sorted, all[id])
	}
	return sorted, err
}

// Erase takes a person out of the directory, and ends his principal. Erasing nobody is not_found.
func (s *Service) Erase(ctx context.Context, ref ev.Ref, actor string) error {
	found := ""
	err := s.directory.Each(ctx, func(key string, p people.Person) bool {
		if p.Principal == ref.ID && p.Owner == ref.Owner {
			found = key
		}
		return found == ""
	})
	switch {
	case err != nil:
		return err
	case found == "":
		return ev.Refuse(ev.NotFound, "nobody is known as %s", ref)
	}
	end := command.Internal(ref, actor, ev.Delete{})
	end.Internal = false
	var refused *ev.Refusal
	if _, err := s.do(ctx, end); err != nil && !(errors.As(err, &refused) && refused.Code == ev.NotFound) {
		return err
	}
	s.forget(found)
	return s.directory.Erase(ctx, found)
}
