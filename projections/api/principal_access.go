package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/views"
)

// leeway is how long an open stream may go on after the end of what its caller showed.
const leeway = 30 * time.Second

type callerKey struct{}

// callerOf is who asks; nobody, who may do nothing, where a route is open to all.
func callerOf(ctx context.Context) events.Caller {
	c, _ := ctx.Value(callerKey{}).(events.Caller)
	return c
}

// enter says who asks, and when he is not let in any more; a problem if he is not let in. Paths that are open want nobody.
func (s *server) enter(w http.ResponseWriter, r *http.Request) (c events.Caller, ended <-chan struct{}, p *Problem) {
	if slices.Contains(openPaths, r.URL.Path) || s.OpenMetrics && r.URL.Path == "/metrics" {
		return c, nil, nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); strings.EqualFold(scheme, "Bearer") {
		c, ended, err := s.who(token)
		var refused *events.Refusal
		if errors.As(err, &refused) {
			return c, nil, problem(refused)
		}
		if err == nil {
			if c.Actor == events.ActorAdmin && s.Local != nil {
				s.Local(r.RemoteAddr)
			}
			return c, ended, nil
		}
	}
	if s.Denied != nil {
		s.Denied(c, "", "")
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	p = problem(events.Refuse(events.Denied, "give the token: Authorization: Bearer <token>"))
	p.Status = http.StatusUnauthorized
	return c, nil, p
}

// who finds out whose a token is: nobody's, or a refusal if that can't be said now. How long that takes tells nothing of a token.
func (s *server) who(token string) (events.Caller, <-chan struct{}, error) {
	given := sha256.Sum256([]byte(token))
	if same := subtle.ConstantTimeCompare(given[:], s.token[:]) == 1; same && s.Token != "" {
		return events.LocalAdmin(), nil, nil
	}
	if s.Authenticate == nil {
		return events.Caller{}, nil, events.ErrNobody
	}
	return s.Authenticate(token)
}

// permit refuses a route that the caller's role has no use of. A route that does not say that it is open to customers is
// closed to them, and what changes something is closed to those who command nothing.
func (s *server) permit(pattern, method string, c events.Caller) *events.Refusal {
	switch {
	case c.Role == "": // an open path
		return nil
	case c.Role.OfCustomer() && !s.open[pattern]:
		return events.Refuse(events.Denied, "this is for the platform's staff")
	case method != http.MethodGet && method != http.MethodHead && !c.Role.Commands():
		return events.Refuse(events.Denied, "%s may not change anything", events.Kind(c.Role).A())
	}
	return nil
}

// forCustomers says of a route that it answers a customer's people with what is theirs alone.
func (s *server) forCustomers(ops ...huma.Operation) {
	for _, op := range ops {
		s.open[op.Method+" "+op.Path] = true
	}
}

// whileWelcome is a context that ends when a caller is not let in any more.
func whileWelcome(ctx context.Context, c events.Caller, ended <-chan struct{}) (context.Context, context.CancelFunc) {
	cancels := []context.CancelFunc{}
	if !c.Until.IsZero() {
		var over context.CancelFunc
		ctx, over = context.WithDeadline(ctx, c.Until.Add(leeway))
		cancels = append(cancels, over)
	}
	ctx, cancel := context.WithCancel(ctx)
	cancels = append(cancels, cancel)
	if ended != nil {
		go func() {
			select {
			case <-ended:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	return ctx, func() {
		for _, end := range cancels {
			end()
		}
	}
}

// narrow bounds a list to what the caller may see: a customer's people to their own things, and of plans to those of the
// platform that are shown to them.
func (s *server) narrow(c events.Caller, k events.Kind, q *views.ListQuery) error {
	d, _ := s.Kinds.Of(k)
	reach := d.May(c.Role, events.VerbRead)
	if reach == events.OfNobody {
		return events.Refuse(events.Denied, "%s may not read %s", events.Kind(c.Role).A(), d.Plural)
	}
	if !c.Role.OfCustomer() {
		return nil
	}
	own := c.Owner
	if k == events.Plan {
		own = events.Platform
	}
	if err := ownedBy(c, own, &q.Owner); err != nil {
		return err
	}
	return s.narrowFilters(c, q)
}

// ownedBy has a list show what one owner has. To ask for another's is denied.
func ownedBy(c events.Caller, own string, asked *string) error {
	if *asked != "" && *asked != own {
		return events.Refuse(events.Denied, "%s may not list what %s owns", events.Kind(c.Role).A(), events.Truncate(*asked))
	}
	*asked = own
	return nil
}

// planShown tells whether a customer sees a plan: a draft is none of theirs, and one that is for others neither, unless it has tenants
// there.
func planShown(c events.Caller, a views.Any, subscribed bool) bool {
	spec, _ := a.Spec.(events.PlanSpec)
	return a.Phase != "Draft" && (spec.Serves(c.Owner) || subscribed)
}

// plansOf are the plans on which a customer has tenants.
func (s *server) plansOf(owner string) map[string]bool {
	on := map[string]bool{}
	for q := (&views.ListQuery{Owner: owner, Limit: 1000}); ; {
		l, err := s.views.List(context.Background(), events.Tenant, q)
		if err != nil {
			return on
		}
		for _, a := range l.Items {
			if spec, ok := a.Spec.(events.TenantSpec); ok {
				on[strings.TrimPrefix(spec.Plan, events.Platform+"/")] = true
			}
		}
		if l.Next == nil {
			return on
		}
		q.Cursor = *l.Next
	}
}

// shownOf tells which things of a kind are shown to a caller, of those that narrow has left; nil: all.
func (s *server) shownOf(c events.Caller, k events.Kind) func(views.Any) bool {
	if !c.Role.OfCustomer() || k != events.Plan {
		return nil
	}
	on := s.plansOf(c.Owner) // before the list, which is made under a lock
	return func(a views.Any) bool { return planShown(c, a, on[a.ID]) }
}

// narrowFilters refuses a filter that names what the caller does not see, in the same words whether it is there or not.
func (s *server) narrowFilters(c events.Caller, q *views.ListQuery) error {
	var faults []events.FieldError
	for _, f := range []struct {
		field, path string
		kind        events.Kind
	}{{"dataplane", q.Dataplane, events.Dataplane}, {"plan", q.Plan, events.Plan}} {
		ref, wrong := events.ParseRef(f.kind, f.path)
		if f.path == "" || len(wrong) > 0 { // the list says what is wrong with it
			continue
		}
		if !s.sees(c, ref) {
			faults = append(faults, events.FieldError{Field: f.field, Message: fmt.Sprintf("there is no %s %s", f.kind, events.Truncate(ref.Path()))})
		}
	}
	return events.RefuseFaults("list", faults)
}

// sees tells whether a caller sees a thing that is there.
func (s *server) sees(c events.Caller, ref events.Ref) bool {
	if s.mayRead(c, ref) != nil {
		return false
	}
	shows := s.sight(c, ref)
	a, _, err := s.views.Get(context.Background(), ref, &views.GetQuery{})
	return err == nil && shows(a)
}

// uses tells whether a customer has a tenant on a plan or on a dataplane.
func (s *server) uses(owner string, of events.Ref) bool {
	q := &views.ListQuery{Owner: owner, Limit: 1}
	if of.Kind == events.Plan {
		q.Plan = of.Path()
	} else {
		q.Dataplane = of.Path()
	}
	l, err := s.views.List(context.Background(), events.Tenant, q)
	return err == nil && len(l.Items) > 0
}

// mayRead refuses what the caller does not see as if it were not there, without looking.
func (s *server) mayRead(c events.Caller, ref events.Ref) error {
	d, _ := s.Kinds.Of(ref.Kind)
	if c.Reads(s.Kinds, ref.Kind, ref.Owner) || ref.Owner == events.Platform && c.Role.OfCustomer() && len(d.Access.Shown) > 0 {
		return nil
	}
	if !c.Role.OfCustomer() {
		return events.Refuse(events.Denied, "%s may not read %s", events.Kind(c.Role).A(), d.Plural)
	}
	return nothing(ref)
}

// nothing is what a customer's people are told of what is not there, and of what is another's.
func nothing(ref events.Ref) *events.Refusal {
	return events.Refuse(events.NotFound, "there is no %s %s", events.Truncate(string(ref.Kind)), events.Truncate(ref.Path()))
}

// blind gives a refusal to a customer's people the words of nothing: no names of others, whatever was found.
func blind(c events.Caller, ref events.Ref, err error) error {
	var r *events.Refusal
	if c.Role.OfCustomer() && errors.As(err, &r) && r.Code == events.NotFound {
		return nothing(ref)
	}
	return err
}

// sight finds out what decides whether a caller sees a thing, before anybody looks for the thing itself: that is the same work whether
// it is there or not. Of the platform's a customer sees a plan that is no draft, and a dataplane on which it has a tenant.
func (s *server) sight(c events.Caller, ref events.Ref) (shows func(views.Any) bool) {
	if !c.Role.OfCustomer() || ref.Owner != events.Platform {
		return func(views.Any) bool { return true }
	}
	uses := s.uses(c.Owner, ref)
	return func(a views.Any) bool {
		return ref.Kind == events.Plan && planShown(c, a, uses) || ref.Kind == events.Dataplane && uses
	}
}

// prune leaves of the platform's things in an answer to a customer's people what is shown to them, and of its own what names
// no others.
func (s *server) prune(whole *wholeAnswer, pattern string, c events.Caller) {
	if !c.Role.OfCustomer() || whole.status != http.StatusOK {
		return
	}
	var answer map[string]any
	d := json.NewDecoder(strings.NewReader(whole.body.String()))
	d.UseNumber()
	if d.Decode(&answer) != nil {
		return
	}
	pruned := events.HideOthers(c.Owner, answer)
	items, _ := answer["items"].([]any)
	for _, item := range append(items, any(answer)) {
		if e, ok := item.(map[string]any); ok && e["owner"] == events.Platform {
			pruned = s.pruneEntity(e) || pruned
		}
	}
	if pattern == versionsPattern {
		for _, item := range items {
			if v, ok := item.(map[string]any); ok {
				pruned = true
				delete(v, "actor")
				plan, _ := s.Kinds.Of(events.Plan)
				keepOnly(v, "spec", plan.Access.Shown)
			}
		}
	}
	if !pruned {
		return
	}
	whole.body.Reset()
	e := json.NewEncoder(&whole.body)
	e.SetEscapeHTML(false)
	_ = e.Encode(answer) // it was decoded
}

// pruneEntity leaves of a thing its name, its phase, and the fields that its kind shows.
func (s *server) pruneEntity(e map[string]any) bool {
	name, _ := e["kind"].(string)
	d, known := s.Kinds.Of(events.Kind(name))
	if !known {
		return false
	}
	keepOnly(e, "spec", d.Access.Shown)
	status, _ := e["status"].(map[string]any)
	keepOnly(e, "status", d.Access.Shown)
	for _, field := range []string{"reason", "placement", "owed"} {
		if _, had := status[field]; had {
			e["status"].(map[string]any)[field] = nil
		}
	}
	e["status"].(map[string]any)["conditions"] = []any{}
	e["labels"] = map[string]any{}
	return true
}

// keepOnly replaces a part of an object by what some paths name in it.
func keepOnly(of map[string]any, part string, paths []string) {
	old, kept := of[part], map[string]any{}
	for _, path := range paths {
		steps := strings.Split(path, ".")
		if steps[0] != part {
			continue
		}
		from, to := old, kept
		for i, step := range steps[1:] {
			m, ok := from.(map[string]any)
			if !ok {
				break
			}
			if from, ok = m[step]; !ok {
				break
			}
			if i == len(steps)-2 {
				to[step] = from
				break
			}
			if _, made := to[step]; !made {
				to[step] = map[string]any{}
			}
			to, _ = to[step].(map[string]any)
		}
	}
	of[part] = kept
}
