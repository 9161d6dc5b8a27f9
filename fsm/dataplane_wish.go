package fsm

import (
	"fmt"
	"slices"

	ev "github.com/aeriehq/aerie/events"
)

// fitsDataplane keeps one customer's dataplane out of another's account, and what the
// cloud does not have out of a wish.
func fitsDataplane(ref ev.Ref, s ev.Spec, refs *Refs) []ev.FieldError {
	now := s.(ev.DataplaneSpec)
	acc, _ := ev.ParseRef(ev.Account, now.Account)
	if acc.Owner != ev.Platform && acc.Owner != ref.Owner {
		return []ev.FieldError{{Field: "spec.account", Message: fmt.Sprintf("%s belongs to %s: use one of the platform or of %s", acc, acc.Owner, ref.Owner)}}
	}
	if fault := modeFits(ref, acc, now, refs); fault != nil {
		return []ev.FieldError{*fault}
	}
	has, _ := refs.reader.Get(ref)
	return wishesOf(has, now, refs)
}

// wishesOf finds what is wished newly of a dataplane and is not to be had where it is. What
// it has, or was to have before, is not asked for anew.
func wishesOf(e Entity[Data], now ev.DataplaneSpec, refs *Refs) []ev.FieldError {
	var has DataplaneData
	if m := Machines[ev.Dataplane]; e.Phase() != Unborn && !m.Ended(e.Phase()) {
		has = e.Data.(DataplaneData)
	}
	if now.Cluster.Existing != "" {
		return nil // it is somebody else's
	}
	o := refs.offerOf(now.Account, now.Region)
	if now.Version != has.Spec.Version && minor(now.Version) != minor(has.Cluster.Version) {
		o.wishVersion("spec.version", now.Version)
	}
	if m := now.SystemPool.Machine; m != has.Spec.SystemPool.Machine && m != has.Made.SystemPool.Machine {
		o.wishMachine("spec.systemPool.machine", m)
	}
	had := has.Spec.CloudAddons.List()
	for i, a := range now.CloudAddons.List() {
		if a.Version != "" && a.Version != had[i].Version && !slices.Contains(has.Addons, a) {
			o.wishAddon("spec.cloudAddons."+a.Name, a.Name, a.Version)
		}
	}
	return o.faults
}

// aim is the spec that is worked towards: a repair brings back what was made, whatever
// was asked for since and could not be brought about.
func (d DataplaneData) aim() ev.DataplaneSpec {
	if d.Repairs {
		return d.Made
	}
	return d.Spec
}

// standing is the dataplane as it was made last.
func (d DataplaneData) standing() DataplaneData {
	d.Spec, d.Repairs = d.Made, true
	return d
}

// brought notes that a part is as the present spec wants it.
func (d DataplaneData) brought(part string) DataplaneData {
	switch {
	case d.Repairs:
	case part == ev.PartCluster:
		d.Made.Version, d.Made.Cluster = d.Spec.Version, d.Spec.Cluster
	case part == ev.PartSystemPool:
		d.Made.SystemPool = d.Spec.SystemPool
	case part == ev.PartAddons:
		d.Made.CloudAddons = d.Spec.CloudAddons
	}
	return d
}

// rests notes that everything is as the present spec wants it, or as it was made before.
func (d DataplaneData) rests() DataplaneData {
	if !d.Repairs {
		d.Made = d.Spec
	}
	d.Todo, d.Lost, d.Repairs = nil, nil, false
	return d
}

// noted takes what a look has seen. A version that was asked for is there, whatever else of
// the wish is not.
func (d DataplaneData) noted(e ev.Observed) DataplaneData {
	if e.Version != "" {
		d.Cluster.Version = e.Version
	}
	if e.Version == d.Spec.Version {
		d.Made.Version = e.Version
	}
	d.SystemPool.Nodes, d.SystemPool.Zones, d.Addons, d.SeenAt = e.Nodes, e.Zones, e.Addons, e.At
	return d
}

// newsOfDataplane tells whether a look has seen what the last event did not say.
func newsOfDataplane(e Entity[DataplaneData], seen ev.Seen) (news, onlyNodes bool) {
	d := e.Data
	other := seen.Version != "" && seen.Version != d.Cluster.Version ||
		!slices.Equal(seen.Zones, d.SystemPool.Zones) || !slices.Equal(seen.Addons, d.Addons)
	return other || seen.Nodes != d.SystemPool.Nodes, !other
}

// upgradeFault says why a dataplane can't go to another version; "" if it can. A
// cluster goes up by one minor version at a time, counted from the one it really has. An
// upgrade that has not happened may be withdrawn, but not while it may be happening. A cluster that is gone, and could not be
// made again, is made anew with any version that is to be had: the cloud may have given up the one that it had.
func upgradeFault(e Entity[DataplaneData], to string) string {
	d := e.Data
	wanted, is := minor(to), max(minor(d.Cluster.Version), 0)
	switch {
	case to == d.Spec.Version:
		return ""
	case d.Spec.Cluster.Existing != "":
		return "the cluster is somebody else's to upgrade"
	case d.Cluster.Cluster == "":
		return fmt.Sprintf("can't be changed any more: the cluster is being made with %s", d.Spec.Version)
	case wanted == is && e.Phase() == Updating && e.Attempt == nil:
		return fmt.Sprintf("the upgrade to %s is under way: it can be withdrawn if it fails", d.Spec.Version)
	case slices.Contains(d.Lost, ev.PartCluster) && e.Phase() == Degraded:
		return ""
	case slices.Contains(d.Lost, ev.PartCluster) && wanted < is:
		return fmt.Sprintf("the cluster is gone, and is made again with %s: if that fails, another version can be asked for", d.aim().Version)
	case wanted < is:
		return fmt.Sprintf("a cluster can't go back: it has %s", d.Cluster.Version)
	case wanted > is+1:
		return fmt.Sprintf("one minor version at a time: the cluster has %s, the next is 1.%d", d.Cluster.Version, is+1)
	}
	return ""
}

// works tells whether all is there without which a dataplane does not work, as far as anybody has seen.
func (d DataplaneData) works() bool {
	return !slices.ContainsFunc(d.Lost, func(part string) bool {
		return part == ev.PartNetwork || part == ev.PartCluster || part == ev.PartSystemPool
	})
}
