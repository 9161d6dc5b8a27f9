package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/memory"
	"github.com/aeriehq/aerie/cloud/script"
	"github.com/aeriehq/aerie/cloud/sim/offers"
)

// ManualChange is what somebody does by hand in the cloud or in one of its clusters, past aerie: with the cloud's console, or
// with kubectl. It is done at once to all that matches.
type ManualChange struct {
	Make   string          `json:"make"`   // cluster: one that carries no mark, in the account and region of In
	In     string          `json:"in"`     // such as 111111111111/eu-central
	Delete string          `json:"delete"` // network, cluster, pool, addon or object; with it goes what stands on it
	Change string          `json:"change"` // or one of these is changed
	Match  string          `json:"match"`  // part of its name, cluster, account, region or owner mark; of an object as in "ConfigMap acme--prod/settings"
	Set    json.RawMessage `json:"set"`    // what is made: {"name":"old"} of a cluster; what a change sets: {"max":9} of a pool, {"version":"1.36"} of a cluster; a merge patch of an object
}

// object is the word for what is in a cluster, beside the kinds of resources.
const object = "object"

func (h ManualChange) validate() error {
	what := h.Delete + h.Change
	known := []string{string(cloud.KindNetwork), string(cloud.KindCluster), string(cloud.KindPool), string(cloud.KindAddon), object}
	switch {
	case h.Make != "" && (what != "" || h.Make != string(cloud.KindCluster) || !strings.Contains(h.In, "/")):
		return fmt.Errorf("by hand: make a cluster in an account and region, not %q in %q", h.Make, h.In)
	case h.Make == "" && (h.Delete != "" && h.Change != "" || !slices.Contains(known, what)):
		return fmt.Errorf("by hand: make a cluster, or delete or change one of %v, not %q", known, what)
	case (h.Change+h.Make != "") != (len(h.Set) > 0):
		return fmt.Errorf("by hand: what is made or changes has a set, and what is deleted has none")
	}
	return nil
}

// ByHand does something by hand and says to how many things.
func (s *Sim) ByHand(h ManualChange) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byHand(h)
}

func (s *Sim) byHand(h ManualChange) (n int, err error) {
	if err := h.validate(); err != nil {
		return 0, err
	}
	switch {
	case h.Make != "":
		return 1, s.handMade(h)
	case h.Delete == object || h.Change == object:
		return s.handObjects(h)
	}
	for _, r := range s.state.sorted(s.everything()) {
		if string(r.Kind) != h.Delete+h.Change || !h.hits(r.Name, r.parent(), r.Account, r.Region, r.Owner) {
			continue
		}
		if err := s.handled(r, func(c *call) error { return c.byHand(h, r) }); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// handMade makes a cluster that aerie never asked for. It is there at once.
func (s *Sim) handMade(h ManualChange) error {
	account, region, _ := strings.Cut(h.In, "/")
	spec := cloud.ClusterSpec{Version: offers.DefaultVersion}
	at := &resource{Kind: cloud.KindCluster, Account: account, Region: region, Cluster: &spec}
	return s.handled(at, func(c *call) error {
		if err := h.read(&spec); err != nil {
			return err
		}
		if there, err := c.one(cloud.KindCluster, "", spec.Name); err != nil || there != nil || spec.Name == "" || spec.Owner != "" {
			return fmt.Errorf("by hand: set: a cluster needs a name that is free, and has no owner: %q %w", spec.Name, err)
		}
		at.Name = spec.Name
		_, err := c.create(*at, 0)
		return err
	})
}

func (s *Sim) everything() set {
	all := set{}
	for id := range s.state.byID {
		all[id] = true
	}
	return all
}

func (h ManualChange) hits(names ...string) bool {
	for _, n := range names {
		if strings.Contains(n, h.Match) {
			return true
		}
	}
	return false
}

// handled is a call of its own in the ledger.
func (s *Sim) handled(r *resource, f func(*call) error) error {
	q := request{op: "ByHand", scope: cloud.Scope{Account: cloud.Account{ID: r.Account}, Region: r.Region}, cluster: r.parent(), name: r.Name}
	c := s.begin(q)
	c.head.Caller = "by hand"
	s.current = c
	defer func() { s.current = nil }()
	return c.end(q, "", f(c))
}

func (c *call) byHand(h ManualChange, r *resource) error {
	if h.Delete != "" {
		return c.dropAll(r)
	}
	changed := *r
	switch r.Kind {
	case cloud.KindNetwork:
		spec := *r.Network
		changed.Network = &spec
		return c.set(h, changed, &spec)
	case cloud.KindCluster:
		spec := *r.Cluster
		changed.Cluster = &spec
		return c.set(h, changed, &spec)
	case cloud.KindAddon:
		spec := *r.Addon
		changed.Addon = &spec
		return c.set(h, changed, &spec)
	}
	spec := *r.Pool
	changed.Pool = &spec
	return c.set(h, changed, &spec)
}

// set reads what is set over a copy of the spec.
func (c *call) set(h ManualChange, changed resource, spec any) error {
	if err := h.read(spec); err != nil {
		return err
	}
	was := c.sim.state.byID[changed.ID]
	if (line{N: c.n, Put: &changed}).Check() != nil || changed.named() != was.named() || changed.ground() != was.ground() {
		return fmt.Errorf("by hand: set: a %s keeps its name and place, and a pool has a zone", changed.Kind)
	}
	_, err := c.put(changed)
	return err
}

func (h ManualChange) read(spec any) error {
	d := json.NewDecoder(bytes.NewReader(h.Set))
	d.DisallowUnknownFields()
	if err := d.Decode(spec); err != nil {
		return fmt.Errorf("by hand: set: %w", err)
	}
	return nil
}

// named is what the spec of a resource says of whose it is.
func (r *resource) named() [3]string {
	switch r.Kind {
	case cloud.KindNetwork:
		return [3]string{r.Network.Name, r.Network.Owner}
	case cloud.KindCluster:
		return [3]string{r.Cluster.Name, r.Cluster.Owner}
	case cloud.KindAddon:
		return [3]string{string(r.Addon.Addon), r.Addon.Owner, r.Addon.Cluster}
	}
	return [3]string{r.Pool.Name, r.Pool.Owner, r.Pool.Cluster}
}

// dropAll ends a resource and what stands on it.
func (c *call) dropAll(r *resource) error {
	for _, above := range c.sim.state.sorted(c.sim.state.on[r.place()]) {
		if err := c.dropAll(above); err != nil {
			return err
		}
	}
	return c.drop(r)
}

func (s *Sim) handObjects(h ManualChange) (n int, err error) {
	for _, r := range s.state.sorted(s.everything()) {
		m := s.kubes[r.ID]
		if m == nil {
			continue
		}
		err := s.handled(r, func(c *call) error {
			did, err := h.inCluster(m)
			n += did
			return err
		})
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (h ManualChange) inCluster(m *memory.Store) (n int, err error) {
	for _, o := range m.All() {
		if k := o.Key(); h.hits(k.String()) {
			if err := h.toObject(m, o); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

func (h ManualChange) toObject(m *memory.Store, o kube.Object) error {
	if k := o.Key(); h.Delete != "" {
		return m.Delete(context.Background(), k.APIVersion, k.Kind, k.Namespace, k.Name)
	}
	patch, err := kube.Decode(h.Set)
	if err != nil {
		return err
	}
	merge(o, patch)
	_, err = m.Apply(context.Background(), o)
	return err
}

// merge is JSON Merge Patch, RFC 7386.
func merge(into, patch map[string]any) {
	for k, v := range patch {
		sub, isMap := v.(map[string]any)
		old, wasMap := into[k].(map[string]any)
		switch {
		case v == nil:
			delete(into, k)
		case isMap && wasMap:
			merge(old, sub)
		default:
			into[k] = v
		}
	}
}

// handsFile is what people write to have something done by hand. It is done once, at the cloud's next call, and the file
// is renamed. A kill in between does it again, which comes to the same.
const handsFile = "by-hand.json"

// readHands does what stands in the file.
func (s *Sim) readHands(data []byte) error {
	if data == nil {
		return nil
	}
	hands, err := parseHands(data)
	if err != nil {
		return err
	}
	for _, h := range hands {
		n, err := s.byHand(h)
		if err != nil {
			return err
		}
		s.options.Logger.Info("done by hand", "delete", h.Delete, "change", h.Change, "match", h.Match, "things", n)
	}
	return s.scripts.Done(handsFile)
}

// parseHands reads a JSON array of hands.
func parseHands(data []byte) (hands []ManualChange, err error) {
	if err := script.Strict(data, &hands); err != nil {
		return nil, err
	}
	for _, h := range hands {
		if err := h.validate(); err != nil {
			return nil, err
		}
	}
	return hands, nil
}
