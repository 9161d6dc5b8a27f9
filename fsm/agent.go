package fsm

import (
	"fmt"
	"slices"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// The phases of an agent.
const (
	Invited   Phase = "Invited"
	Connected Phase = "Connected"
	Lost      Phase = "Lost"
)

// AgentData is what an agent's events say of it.
type AgentData struct {
	Spec    ev.AgentSpec
	Secret  string    // the SHA-256 of the one that may join; empty: nobody may
	Until   time.Time // until then
	Used    string    // the SHA-256 of the secret that has joined
	Key     string    // its public key; empty: it has none, or none that is good
	Seen    ev.AgentConnected
	Differs ev.LogDiffers // what it has met and nobody has accepted; zero: nothing
	Agreed  ev.LogPoint   // what was accepted last
	Mended  time.Time     // of the last repair that it has told of
}

// Wants returns the spec.
func (d AgentData) Wants() ev.Spec { return d.Spec }

// An agent joins once by a secret, and is from then on who has its key.
var agent = Kind[AgentData]{
	Name: ev.Agent,
	Table: append(table(nil, "", Revoked,
		Row{ev.Created[ev.AgentSpec]{}, []Phase{Unborn}, Invited},
		Row{ev.Updated[ev.AgentSpec]{}, []Phase{Invited, Connected, Lost}, Stay},
		Row{ev.Invited{}, []Phase{Invited, Connected, Lost}, Stay},
		Row{ev.Joined{}, []Phase{Invited, Connected, Lost}, Stay},
		Row{ev.JoinRefused{}, []Phase{Invited, Connected, Lost}, Stay},
		Row{ev.AgentConnected{}, []Phase{Invited, Lost, Connected}, Connected},
		Row{ev.AgentLost{}, []Phase{Connected}, Lost},
		Row{ev.ReportRefused{}, []Phase{Invited, Connected, Lost}, Stay},
		Row{ev.RepairedAway{}, []Phase{Invited, Connected, Lost}, Stay},
		Row{ev.LogDiffers{}, []Phase{Invited, Connected, Lost}, Stay},
		Row{ev.DifferenceAccepted{}, []Phase{Invited, Connected, Lost}, Stay},
	), Row{ev.AgentRevoked{}, []Phase{Invited, Connected, Lost}, Revoked}),
	SteadyPhases: []Phase{Invited, Connected, Lost},
	FinalPhase:   Revoked,
	CheckSpec:    fitsAgent,
	CreateEvents: func(c ev.Create, uid string) []ev.Event {
		return []ev.Event{ev.Created[ev.AgentSpec]{UID: uid, Labels: c.Labels, Spec: c.Spec.(ev.AgentSpec)}}
	},
	UpdateEvents: func(_ Entity[AgentData], s ev.Spec) ([]ev.Event, []ev.FieldError) {
		return []ev.Event{ev.Updated[ev.AgentSpec]{Spec: s.(ev.AgentSpec)}}, nil
	},
	DecideVerb: commandAgent,
	Evolve:     evolveAgent,
	Owed:       func(Entity[AgentData]) ev.Effect { return nil },
	Conditions: func(e Entity[AgentData]) []Condition {
		return []Condition{e.condition(ConditionReady, e.Phase() == Connected)}
	},
}

// fitsAgent wants dataplanes that are there, and are for an agent.
func fitsAgent(ref ev.Ref, s ev.Spec, refs *Refs) (faults []ev.FieldError) {
	for i, name := range s.(ev.AgentSpec).Dataplanes {
		dp := ev.Ref{Kind: ev.Dataplane, Owner: ref.Owner, ID: name}
		e, known := find[DataplaneData](refs, dp)
		field := fmt.Sprintf("spec.dataplanes[%d]", i)
		switch {
		case !known:
			faults = append(faults, ev.FieldError{Field: field, Message: "there is no " + dp.String()})
		case e.Data.Spec.Mode != ev.ModePull:
			faults = append(faults, ev.FieldError{Field: field, Message: dp.String() + " is not for an agent: its mode is push"})
		}
	}
	return faults
}

func evolveAgent(d AgentData, happened ev.Event) AgentData {
	switch e := happened.(type) {
	case ev.Created[ev.AgentSpec]:
		d.Spec = e.Spec
	case ev.Updated[ev.AgentSpec]:
		d.Spec = e.Spec
	case ev.Invited:
		d.Secret, d.Until = e.Secret, e.Until
	case ev.Joined:
		d.Key, d.Secret, d.Used = e.Key, "", d.Secret
	case ev.AgentConnected:
		d.Seen = e
	case ev.LogDiffers:
		d.Differs = e
	case ev.DifferenceAccepted:
		d.Differs, d.Agreed = ev.LogDiffers{}, e.At
	case ev.RepairedAway:
		for _, r := range e.Repairs {
			if r.At.After(d.Mended) {
				d.Mended = r.At
			}
		}
	case ev.AgentRevoked, ev.Deleted:
		d.Key, d.Secret, d.Used = "", "", ""
	}
	return d
}

// commandAgent decides what is asked of an agent alone.
func commandAgent(e Entity[AgentData], p ev.Payload, _ *Refs) ([]ev.Change, error) {
	switch ask := p.(type) {
	case ev.Invite:
		if e.Phase() == Connected || e.Phase() == Lost {
			return nil, ev.Refuse(ev.Refused, "%s has joined: rotate its key, or revoke it first", e.Ref)
		}
		return invite(e, ask)
	case ev.Rotate:
		if e.Data.Key == "" {
			return nil, ev.Refuse(ev.Refused, "%s has no key: invite it", e.Ref)
		}
		return invite(e, ev.Invite(ask))
	case ev.RevokeAgent:
		return changed(e.Base, ev.AgentRevoked{}), nil
	case ev.AcceptLog:
		if met := e.Data.Differs.Now; met != (ev.LogPoint{}) {
			return changed(e.Base, ev.DifferenceAccepted{At: met}), nil
		}
		return nil, nil // asked twice, or nothing is to be accepted
	case ev.Join:
		return joinAgent(e, ask)
	case ev.NoteAgent:
		return noteAgent(e, ask)
	}
	return nil, ev.Refuse(ev.Internal, "an agent does not know %T", p)
}

func invite(e Entity[AgentData], ask ev.Invite) ([]ev.Change, error) {
	until, err := time.Parse(time.RFC3339, ask.Until)
	if err != nil {
		return nil, ev.RefuseFaults(e.Ref.String(), []ev.FieldError{{Field: "until", Message: "want a time such as 2026-01-02T15:04:05Z"}})
	}
	if e.Data.Secret == ask.Secret {
		return nil, nil // asked twice
	}
	return changed(e.Base, ev.Invited{Secret: ask.Secret, Until: until.UTC()}), nil
}

// joinAgent takes the key of who has the secret. The same key again is no news; another one on a used secret is refused, and told.
func joinAgent(e Entity[AgentData], ask ev.Join) ([]ev.Change, error) {
	d := e.Data
	switch {
	case d.Secret != "" && ask.Secret == d.Secret && ask.At.Before(d.Until):
		return changed(e.Base, ev.Joined{Key: ask.Key}), nil
	case d.Used != "" && ask.Secret == d.Used && ask.Key == d.Key:
		return nil, nil
	case d.Used != "" && ask.Secret == d.Used:
		return changed(e.Base, ev.JoinRefused{Key: ask.Key}), nil
	}
	return nil, ev.Refuse(ev.Denied, "%s: this token is unknown or no longer valid", e.Ref)
}

// noteAgent takes how an agent stands, if that is news.
func noteAgent(e Entity[AgentData], ask ev.NoteAgent) ([]ev.Change, error) {
	switch seen := ask.Seen.(type) {
	case ev.AgentConnected:
		if e.Data.Key == "" || knowsAgent(e.Phase(), e.Data, seen) {
			return nil, nil
		}
		return changed(e.Base, seen), nil
	case ev.AgentLost:
		if e.Phase() != Connected {
			return nil, nil
		}
		return changed(e.Base, seen), nil
	case ev.LogDiffers:
		if seen.Now == e.Data.Differs.Now || seen.Now == e.Data.Agreed {
			return nil, nil
		}
		return changed(e.Base, seen), nil
	case ev.ReportRefused:
		return changed(e.Base, seen), nil
	case ev.RepairedAway:
		news := slices.DeleteFunc(slices.Clone(seen.Repairs), func(r ev.Repair) bool {
			return !r.At.After(e.Data.Mended) || r.Ref.Owner != e.Ref.Owner // told before, or not its own
		})
		if len(news) == 0 {
			return nil, nil
		}
		return changed(e.Base, ev.RepairedAway{Repairs: news}), nil
	}
	return nil, ev.Refuse(ev.Internal, "an agent does not know %T", ask.Seen)
}

// KnowsAgent tells whether what an agent says of itself, which is there, is known already.
func KnowsAgent(e Entity[Data], seen ev.AgentConnected) bool {
	d, is := e.Data.(AgentData)
	return is && knowsAgent(e.Phase(), d, seen)
}

func knowsAgent(is Phase, d AgentData, seen ev.AgentConnected) bool {
	return is == Connected && sameAgent(d.Seen, seen)
}

// sameAgent tells whether what an agent says of itself is no news. That its process has begun anew is none.
func sameAgent(was, is ev.AgentConnected) bool {
	return was.Version == is.Version && slices.Equal(was.Lacks, is.Lacks) && (was.ClockOff == "") == (is.ClockOff == "")
}

// AgentPlaces is where an agent works: its dataplanes, and their accounts.
func AgentPlaces(owner string, d AgentData, account func(dataplane ev.Ref) (string, bool)) (places []string) {
	for _, name := range d.Spec.Dataplanes {
		places = append(places, name)
		if acc, ok := account(ev.Ref{Kind: ev.Dataplane, Owner: owner, ID: name}); ok {
			if at := ev.AccountPlace(acc); !slices.Contains(places, at) {
				places = append(places, at)
			}
		}
	}
	return places
}
