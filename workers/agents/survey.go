package agents

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/projections/state"
)

// surveys are the looks at tenants that somebody waits for, by the place and the id. With the process all of them end.
type surveys struct{ waiting sync.Map }

type surveyKey struct {
	at queue.Partition
	id string
}

// Survey has the agent of a place look what a tenant there uses, and waits for what it says until ctx ends. An agent of a release
// before does not answer.
func (s *Service) Survey(ctx context.Context, nc *nats.Conn, of ev.TenantSurvey) (use ev.TenantUse, err error) {
	at := queue.PlaceOf(of.EnsureTenant)
	ref, uid, ours := ev.ParseMark(of.Target.Owner)
	if !ours || !s.IsThere(at) {
		return use, fmt.Errorf("no agent is there at %s/%s", at.Owner, at.Dataplane)
	}
	of.Account = of.Account.ForAgent()
	s.fold.View(func(now *state.Entities) {
		if !entersToo(&of.There, at, now.Get) {
			of.Into = ""
		}
	})
	w := ev.SurveyWanted{ID: rand.Text(), Ref: ref, UID: uid, Survey: of}
	data, err := ev.Encode(w)
	if err != nil {
		return use, err
	}
	told, key := make(chan ev.Surveyed, 1), surveyKey{at, w.ID}
	s.surveys.waiting.Store(key, told)
	defer s.surveys.waiting.Delete(key)
	if err := nc.Publish(ev.HintSubject(at.Owner, at.Dataplane), data); err != nil {
		return use, err
	}
	select {
	case a := <-told:
		switch {
		case a.Error != "":
			return use, errors.New(a.Error)
		case a.Use == nil:
			return use, errors.New("the agent says nothing")
		}
		return *a.Use, nil
	case <-ctx.Done():
		return use, fmt.Errorf("the agent at %s/%s has not answered: %w", at.Owner, at.Dataplane, context.Cause(ctx))
	}
}

// take hands what a look at a place has shown to who waits for it.
func (s *surveys) take(at queue.Partition, a ev.Surveyed) ev.SurveyTaken {
	told, waits := s.waiting.LoadAndDelete(surveyKey{at, a.ID})
	if !waits {
		return ev.SurveyTaken{Error: "nobody waits for this"}
	}
	told.(chan ev.Surveyed) <- bounded(a) // once, and it has room for that
	return ev.SurveyTaken{}
}

// mostNamed is how many things of one sort an agent names, as who looks from here does.
const mostNamed = 20

// bounded is what an agent says, cut to what one that is honest says: it stands in the log from then on.
func bounded(a ev.Surveyed) ev.Surveyed {
	a.Error = brief(a.Error)
	if a.Use == nil {
		return a
	}
	u := *a.Use
	if min(u.CPU, u.Memory, u.Storage, u.Pods, u.Going) < 0 {
		return ev.Surveyed{ID: a.ID, Error: "the agent says that less than nothing is used"}
	}
	for _, list := range []*[]string{&u.Blocked, &u.Volumes, &u.Foreign, &u.Follow, &u.Budgets} {
		*list = slices.Clone((*list)[:min(len(*list), mostNamed+1)]) // the last says how many more there are
		for i, what := range *list {
			(*list)[i] = brief(what)
		}
	}
	a.Use = &u
	return a
}

// brief is a text of an agent's, at most 1,000 bytes long.
func brief(text string) string { return strings.ToValidUTF8(text[:min(len(text), 1000)], "") }
