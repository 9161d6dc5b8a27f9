package agents

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// findings is what agents have told of what they found that the log does not know: the last look at each place. It is kept in memory alone:
// agents tell again whom they meet again. Its methods may be called from any goroutine.
type findings struct {
	mu   sync.Mutex
	told map[findingAt]finding
}

// findingAt is a region of an account's place, or without one the cluster of a dataplane.
type findingAt struct {
	place  queue.Partition
	region string
}

type finding struct {
	ev.Finding
	at time.Time
}

func newFindings() *findings { return &findings{told: map[findingAt]finding{}} }

// put keeps what was found last.
func (f *findings) put(at findingAt, found finding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told[at] = found
}

func (f *findings) get(at findingAt) (found finding, told bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	found, told = f.told[at]
	return found, told
}

// see forgets what was found where nothing is any more.
func (f *findings) see(r ev.Recorded) {
	if _, is := r.Event.(ev.Deleted); !is {
		return
	}
	place := queue.Partition{Owner: r.Ref.Owner, Dataplane: r.Ref.ID}
	switch r.Ref.Kind {
	case ev.Account:
		place.Dataplane = ev.AccountPlace(r.Ref.ID)
	case ev.Dataplane:
	default:
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for at := range f.told {
		if at.place == place {
			delete(f.told, at)
		}
	}
}

// noteFinding keeps what an agent has found at a place, or says what is wrong with it. Marks of others than the customer are nobody's
// business.
func (s *Service) noteFinding(w *state.Entities, place queue.Partition, found ev.Finding) (wrong string) {
	if len(found.Marks) > ev.MostMarks {
		return fmt.Sprintf("%d marks were found: tell of %d at most", len(found.Marks), ev.MostMarks)
	}
	marks := slices.Clone(found.Marks)
	for i, m := range marks {
		if ref, _, ours := ev.ParseMark(m.Mark); !ours || ref.Owner != place.Owner {
			return notOf(place, m.Mark).Error
		}
		marks[i].Resources = slices.Clone(m.Resources[:min(len(m.Resources), ev.MostResources)])
		for j, what := range marks[i].Resources {
			marks[i].Resources[j] = ev.Truncate(what)
		}
	}
	if !slices.ContainsFunc(s.looked(w, place), func(at lookedAt) bool { return at.region == found.Region }) {
		return fmt.Sprintf("region %q: the log has and had nothing there; tell of what is asked about by stands alone", ev.Truncate(found.Region))
	}
	found.Marks = marks
	s.findings.put(findingAt{place, found.Region}, finding{found, time.Now().UTC()})
	return ""
}

// lookedAt is where the agents at a place look for what was left.
type lookedAt struct {
	findingAt
	site    ev.Target
	cluster string // empty of what is in the cloud itself
	of      string // the dataplane whose cluster that is, as a path
}

// looked are the regions of an account that agents enter, or the cluster of a dataplane that they work on.
func (s *Service) looked(w *state.Entities, place queue.Partition) (all []lookedAt) {
	if name, is := strings.CutPrefix(place.Dataplane, ev.AccountPlace("")); is {
		account := ev.Ref{Kind: ev.Account, Owner: place.Owner, ID: name}
		for _, site := range inAccount(w, account, s.built.in(account)).Sites {
			all = append(all, lookedAt{findingAt: findingAt{place, site.Region}, site: site})
		}
		return all
	}
	on := dataplaneOf(place.Owner, place.Dataplane)
	e, there := w.Get(on)
	if d, is := e.Data.(fsm.DataplaneData); there && is && fsm.WorkerOn(e) == fsm.ByAgent && e.Holds(fsm.ConditionReady) {
		site := ev.Target{Account: d.Account, Region: d.Spec.Region}
		all = append(all, lookedAt{findingAt: findingAt{place: place}, site: site, cluster: d.Cluster.Cluster, of: on.Path()})
	}
	return all
}

// Orphans adds to what was found elsewhere what agents have told, as far as the log does not know it still, and where none has told
// anything yet.
func (s *Service) Orphans(q ev.OrphanQuery, all *ev.Orphans) {
	s.fold.View(func(w *state.Entities) {
		w.Each(ev.Account, func(e fsm.Entity[fsm.Data]) {
			if q.Account == "" || q.Account == e.Ref.Path() {
				s.addFound(w, queue.Partition{Owner: e.Ref.Owner, Dataplane: ev.AccountPlace(e.Ref.ID)}, q, all)
			}
		})
		w.Each(ev.Dataplane, func(e fsm.Entity[fsm.Data]) {
			if d := e.Data.(fsm.DataplaneData); q.Account == "" || q.Account == d.Spec.Account {
				s.addFound(w, queue.Partition{Owner: e.Ref.Owner, Dataplane: e.Ref.ID}, q, all)
			}
		})
	})
	all.Sort()
}

func (s *Service) addFound(w *state.Entities, place queue.Partition, q ev.OrphanQuery, all *ev.Orphans) {
	for _, at := range s.looked(w, place) {
		if q.Region != "" && q.Region != at.site.Region {
			continue
		}
		unread := ev.Unread{Cloud: at.site.Account.Cloud, Account: at.site.Account.Number, Region: at.site.Region, Cluster: at.cluster}
		found, told := s.findings.get(at.findingAt)
		switch {
		case !told:
			unread.Reason = "no agent has told what is there since this server started"
			all.Unread = append(all.Unread, unread)
		case found.More > 0:
			unread.Reason = fmt.Sprintf("the agent there has found %d more marks", found.More)
			all.Unread = append(all.Unread, unread)
		}
		for _, m := range found.Marks {
			ref, uid, _ := ev.ParseMark(m.Mark) // it was looked at
			id, err := ulid.ParseStrict(uid)
			if err != nil || w.HasEnded(ref, uid) || w.Knows(ref, uid) {
				continue
			}
			all.Items = append(all.Items, ev.Orphan{Mark: m.Mark, Kind: ref.Kind, Owner: ref.Owner, ID: ref.ID, UID: uid, Born: id.Timestamp().UTC(),
				Cloud: unread.Cloud, Account: unread.Account, Region: unread.Region, Cluster: at.cluster, Dataplane: at.of,
				Resources: m.Resources, Told: found.at})
		}
	}
}
