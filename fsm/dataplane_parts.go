package fsm

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	ev "github.com/aeriehq/aerie/events"
)

// parts are the parts of a dataplane in the order in which they are made. That pools
// have their cluster's version is a part of an upgrade alone.
var parts = []string{ev.PartNetwork, ev.PartCluster, ev.PartSystemPool, ev.PartPools, ev.PartAddons, ev.PartBase}

// way is the parts that are made for a dataplane. Where it stands on what somebody
// else has made, they are fewer.
func (d DataplaneData) way() []string {
	switch {
	case d.Spec.Cluster.Existing != "":
		return []string{ev.PartCluster, ev.PartBase}
	case len(d.Spec.Network.Subnets) > 0:
		return parts[1:]
	}
	return parts
}

// goes tells whether a part is on the way.
func (d DataplaneData) goes(part string) bool { return slices.Contains(d.way(), part) }

// first is the way of a dataplane that is built: its pools begin with the cluster's version.
func (d DataplaneData) first() []string { return without(d.way(), ev.PartPools) }

// more adds parts to what is to be done, each once and in order.
func (d DataplaneData) more(some ...string) (todo []string) {
	some = append(some, d.Todo...)
	for _, p := range d.way() {
		if slices.Contains(some, p) {
			todo = append(todo, p)
		}
	}
	return todo
}

// has says that a part is there.
func (d DataplaneData) has(part string) DataplaneData {
	d.Todo, d.Lost = without(d.Todo, part), without(d.Lost, part)
	return d
}

// is tells whether a part is there as far as anybody knows.
func (d DataplaneData) is(part string) bool {
	return !slices.Contains(d.Todo, part) && !slices.Contains(d.Lost, part)
}

// wish is the parts that another spec concerns: what is in it other than in the one before,
// or than was made.
func (d DataplaneData) wish(now ev.DataplaneSpec) []string {
	todo := []string{ev.PartSystemPool}
	for _, was := range []ev.DataplaneSpec{d.Spec, d.Made} {
		if now.Version != was.Version {
			todo = append(todo, ev.PartCluster, ev.PartPools, ev.PartAddons)
		}
		if !now.Cluster.Same(was.Cluster) {
			todo = append(todo, ev.PartCluster)
		}
		if now.CloudAddons != was.CloudAddons {
			todo = append(todo, ev.PartAddons)
		}
	}
	return todo
}

// drifted notes what was found. On the way to something the way is walked again from
// its beginning, and what was found before stays found until it is there.
func (d DataplaneData) drifted(found []ev.Drift) DataplaneData {
	if len(d.Todo) == 0 {
		d.Lost = lost(found)
		return d
	}
	for _, part := range lost(found) {
		d.Lost = with(d.Lost, part)
	}
	if d.Todo = d.first(); d.WasActive {
		d.Todo = d.way()
	}
	return d
}

// reports tells whether the policy keeps parts that are gone, and were not asked for,
// from being made again.
func (d DataplaneData) reports(found []ev.Drift) bool {
	return d.WasActive && d.Spec.Drift == ev.DriftReport &&
		!slices.ContainsFunc(lost(found), func(part string) bool { return slices.Contains(d.Todo, part) })
}

// lost lists the parts that were found deleted.
func lost(found []ev.Drift) (parts []string) {
	for _, d := range found {
		if d.How == ev.DriftDeleted {
			parts = append(parts, d.What)
		}
	}
	return parts
}

// ensure is the effect that makes a part.
func (d DataplaneData) ensure(b Base, part string) ev.Effect {
	site, anew := d.site(b), !d.WasActive || slices.Contains(d.Lost, part)
	d.Spec = d.aim()
	switch part {
	case ev.PartNetwork:
		return ev.EnsureNetwork{Target: site, Range: d.networkRange(b.UID), Zones: d.Spec.Network.Zones, Remake: anew}
	case ev.PartCluster:
		c, n := d.Spec.Cluster, d.Spec.Network
		return ev.EnsureCluster{Target: site, Network: d.Network.Network, Subnets: n.Subnets,
			SecurityGroups: n.SecurityGroups, Existing: c.Existing,
			Version: d.Spec.Version, Private: c.Private, Logging: c.Logging, SecretsKey: c.SecretsKey, Access: c.Access, Remake: anew}
	case ev.PartSystemPool:
		return ev.EnsureSystemPool{Target: site, Cluster: d.Cluster.Cluster, Remake: anew, Pool: d.systemPool(), Reopen: d.PoolPlan.Reopen}
	case ev.PartPools:
		return ev.UpgradePools{Target: site, Cluster: d.Cluster.Cluster, Version: d.Spec.Version}
	case ev.PartAddons:
		return ev.EnsureCloudAddons{Target: site, Cluster: d.Cluster.Cluster, Addons: d.Spec.CloudAddons.List()}
	}
	return ev.EnsureBase{Target: site, Cluster: d.Cluster.Cluster}
}

// standsDataplane is what was made for a dataplane and should still be there.
func standsDataplane(e Entity[DataplaneData], _ *Refs) (all []ev.Effect) {
	made := e.Data.standing()
	for _, p := range made.first() {
		all = append(all, made.ensure(e.Base, p))
	}
	return all
}

func (d DataplaneData) site(b Base) ev.Target {
	return ev.Target{Account: d.Account, Region: d.Spec.Region, Owner: OwnerTag(b), Dataplane: b.Ref.Path()}
}

// networkRange is the given range, or one that follows from the uid, so that it
// is the same after every restart.
func (d DataplaneData) networkRange(uid string) string {
	if d.Spec.Network.Range != "" {
		return d.Spec.Network.Range
	}
	h := fnv.New32a()
	h.Write([]byte(uid))
	return fmt.Sprintf("10.%d.0.0/16", h.Sum32()%256)
}

// minor reads the number of a minor version: 36 of 1.36, or of 1.36.4-gke.100. -1 is none.
func minor(version string) int {
	_, rest, _ := strings.Cut(version, ".")
	rest, _, _ = strings.Cut(rest, ".")
	n, err := strconv.Atoi(rest)
	if err != nil {
		return -1
	}
	return n
}
