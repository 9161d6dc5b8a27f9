package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube/release"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/execute"
)

// lookWithin bounds a look at all clouds and clusters: somebody waits for it.
const lookWithin = 15 * time.Second

// Orphans looks through the clouds and the clusters for what carries the mark of an incarnation that the log does not
// know. The error is an *events.Refusal.
func (s *Sweeper) Orphans(ctx context.Context, q ev.OrphanQuery) (ev.Orphans, error) {
	sites, err := s.sitesOf(ctx, q)
	if err != nil {
		return ev.Orphans{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	l := &search{Sweeper: s, of: map[orphanKey][]string{}}
	var all sync.WaitGroup
	for _, site := range sites {
		all.Go(func() { l.missed(site, "", l.site(ctx, site)) })
	}
	var clustered []Cluster
	s.fold.View(func(w *state.Entities) { clustered = Clusters(w) })
	for _, c := range clustered {
		if slices.Contains(sites, c.Site) {
			all.Go(func() { l.missed(c.Site, c.Name, l.cluster(ctx, c)) })
		}
	}
	all.Wait()
	return l.sorted(), nil
}

// sitesOf are the places to look in. One that is named need not be known: the log may have lost all that was there.
func (s *Sweeper) sitesOf(ctx context.Context, q ev.OrphanQuery) ([]ev.Target, error) {
	if q.Account == "" {
		if q.Region != "" {
			return nil, ev.RefuseFaults("orphans", []ev.FieldError{{Field: "account", Message: "is missing: whose region is it?"}})
		}
		return s.known.sites(ctx)
	}
	ref, faults := ev.ParseRef(ev.Account, q.Account)
	if err := ev.RefuseFaults("orphans", faults); err != nil {
		return nil, err
	}
	var account fsm.Entity[fsm.Data]
	var known bool
	s.fold.View(func(w *state.Entities) { account, known = w.Get(ref) })
	if !known || fsm.Machines[ev.Account].Ended(account.Phase()) {
		return nil, ev.Refuse(ev.NotFound, "there is no %s", ref)
	}
	in := account.Data.(fsm.AccountData).Cloud()
	if in.Agent {
		return nil, nil // its agent tells what it finds
	}
	if q.Region != "" {
		return []ev.Target{{Account: in, Region: q.Region}}, nil
	}
	sites, err := s.known.sites(ctx)
	return slices.DeleteFunc(sites, func(site ev.Target) bool { return site.Account != in }), err
}

// search is a look at all clouds and clusters under way.
type search struct {
	*Sweeper
	mu     sync.Mutex
	of     map[orphanKey][]string // the resources of each
	unread []ev.Unread
}

// orphanKey is one incarnation in one place.
type orphanKey struct {
	ref     ev.Ref
	uid     string
	site    ev.Target
	cluster string
	on      ev.Ref // whose cluster that is
}

// missed keeps a place that could not be looked into.
func (l *search) missed(site ev.Target, cluster string, err error) {
	if err == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unread = append(l.unread, ev.Unread{Cloud: site.Account.Cloud, Account: site.Account.Number, Region: site.Region,
		Cluster: cluster, Reason: err.Error()})
}

// found notes something of an incarnation, if the log does not know it.
func (l *search) found(ref ev.Ref, uid string, site ev.Target, in Cluster, what string) {
	var is ownerState
	l.fold.View(func(w *state.Entities) { is = stateIn(w, ref, uid) })
	if _, err := ulid.ParseStrict(uid); is != unknown || err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	k := orphanKey{ref, uid, site, in.Name, in.Dataplane}
	l.of[k] = append(l.of[k], what)
}

// whatOf names a thing in a cloud.
func whatOf(r cloud.Ref) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s", r.Kind, strings.TrimPrefix(r.Cluster+"/"+r.Name, "/")))
}

func (l *search) site(ctx context.Context, site ev.Target) error {
	c, ok := l.clouds[site.Account.Cloud]
	if !ok {
		return fmt.Errorf("this replica does not work in cloud %q", site.Account.Cloud)
	}
	all, err := c.ListOwned(ctx, execute.ScopeOf(site), "")
	for _, r := range all {
		if ref, uid, ours := ev.ParseMark(r.Owner); ours {
			l.found(ref, uid, site, Cluster{}, whatOf(r))
		}
	}
	return err
}

func (l *search) cluster(ctx context.Context, c Cluster) error {
	there, ok := l.clouds[c.Site.Account.Cloud]
	if !ok {
		return fmt.Errorf("this replica does not work in cloud %q", c.Site.Account.Cloud)
	}
	api, err := there.Kube(ctx, execute.ScopeOf(c.Site), c.Name)
	if err != nil {
		return err
	}
	all, err := release.ListOwned(ctx, api)
	for _, o := range all {
		if ref := RefOf(o); len(ref.Check()) == 0 {
			l.found(ref, o.Owner, c.Site, c, o.String())
		}
	}
	return err
}

func (l *search) sorted() ev.Orphans {
	out := ev.Orphans{Items: []ev.Orphan{}, Unread: append([]ev.Unread{}, l.unread...)}
	for k, what := range l.of {
		id, _ := ulid.ParseStrict(k.uid) // it was looked at
		dataplane := ""
		if k.cluster != "" {
			dataplane = k.on.Path()
		}
		out.Items = append(out.Items, ev.Orphan{
			Mark: k.ref.Mark(k.uid), Kind: k.ref.Kind, Owner: k.ref.Owner, ID: k.ref.ID, UID: k.uid, Born: id.Timestamp().UTC(),
			Cloud: k.site.Account.Cloud, Account: k.site.Account.Number, Region: k.site.Region,
			Cluster: k.cluster, Dataplane: dataplane, Resources: what,
		})
	}
	out.Sort()
	return out
}
