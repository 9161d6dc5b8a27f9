package fsm

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// RegionCatalogue is what an account's cloud has in a region, as far as anybody has seen.
type RegionCatalogue struct {
	Region string
	ev.Catalogue
	Came []Came // what is there now and was not when somebody had looked before
}

// Came is something that came to be on offer: when it was noted.
type Came struct {
	What string // as inOffer names it
	At   time.Time
}

// noteCatalogue takes what a look at a region's catalogue has seen: what is another than before is an event.
func noteCatalogue(e Entity[AccountData], ask ev.Payload, _ *Refs) ([]ev.Change, error) {
	seen, ok := ask.(ev.NoteCatalogue)
	if !ok {
		return nil, ev.Refuse(ev.Internal, "an %s does not know %T", ev.Account, ask)
	}
	was, now := e.Data.catalogue(seen.Region), seen.Catalogue
	what := ev.CatalogueChanged{Region: seen.Region, Calls: seen.Calls}
	if !slices.EqualFunc(was.Versions, now.Versions, sameVersion) {
		what.Versions, what.Silent = now.Versions, len(now.Versions) == 0
	}
	what.Addons = otherAddons(was.Addons, now.Addons)
	for _, entry := range now.Machines {
		if !slices.Contains(was.Machines, entry) {
			what.Machines = append(what.Machines, entry)
		}
	}
	for _, entry := range was.Machines {
		if family := ev.MachineFamily(entry); !slices.ContainsFunc(now.Machines, isFamily(family)) {
			what.Gone = append(what.Gone, family)
		}
	}
	if len(what.Versions)+len(what.Addons)+len(what.Machines)+len(what.Gone) == 0 && !what.Silent {
		return nil, nil
	}
	return changed(e.Base, what), nil
}

func sameVersion(a, b ev.ClusterVersion) bool {
	return a.Version == b.Version && a.Until.Equal(b.Until)
}

func isFamily(family string) func(string) bool {
	return func(entry string) bool { return ev.MachineFamily(entry) == family }
}

// otherAddons are those add-ons whose versions are not what they were; of one that is gone there are none.
func otherAddons(was, now []ev.AddonVersions) (other []ev.AddonVersions) {
	for _, a := range now {
		if !slices.Equal(versionsOf(was, a.Name), a.Versions) {
			other = append(other, a)
		}
	}
	for _, a := range was {
		if len(versionsOf(now, a.Name)) == 0 {
			other = append(other, ev.AddonVersions{Name: a.Name})
		}
	}
	return other
}

func versionsOf(all []ev.AddonVersions, name string) []string {
	for _, a := range all {
		if a.Name == name {
			return a.Versions
		}
	}
	return nil
}

// catalogue is what is known of a region; nothing if nobody has looked.
func (d AccountData) catalogue(region string) (c ev.Catalogue) {
	if i, known := slices.BinarySearchFunc(d.Catalogues, region, byRegion); known {
		c = d.Catalogues[i].Catalogue
	}
	return c
}

func byRegion(c RegionCatalogue, region string) int { return strings.Compare(c.Region, region) }

// withCatalogue never changes the lists that it is given: the fold shares them.
func withCatalogue(all []RegionCatalogue, e ev.CatalogueChanged, at time.Time) []RegionCatalogue {
	all = slices.Clone(all)
	i, known := slices.BinarySearchFunc(all, e.Region, byRegion)
	if !known {
		all = slices.Insert(all, i, RegionCatalogue{Region: e.Region})
	}
	c := all[i].Catalogue
	if len(e.Versions) > 0 || e.Silent {
		c.Versions = e.Versions
	}
	c.Addons = slices.Clone(c.Addons)
	for _, a := range e.Addons {
		c.Addons = slices.DeleteFunc(c.Addons, func(o ev.AddonVersions) bool { return o.Name == a.Name })
		if len(a.Versions) > 0 {
			c.Addons = append(c.Addons, a)
		}
	}
	slices.SortFunc(c.Addons, func(a, b ev.AddonVersions) int { return strings.Compare(a.Name, b.Name) })
	c.Machines = slices.DeleteFunc(slices.Clone(c.Machines), func(entry string) bool {
		family := ev.MachineFamily(entry)
		return slices.Contains(e.Gone, family) || slices.ContainsFunc(e.Machines, isFamily(family))
	})
	c.Machines = append(c.Machines, e.Machines...)
	slices.Sort(c.Machines)
	all[i].Came = came(all[i], c, at)
	all[i].Catalogue = c
	return all
}

// came is what of an offer was not there before, and what is there still of what came earlier. What nobody knew anything of has not
// come: it was accepted before.
func came(was RegionCatalogue, now ev.Catalogue, at time.Time) (all []Came) {
	before, after := inOffer(was.Catalogue), inOffer(now)
	for _, c := range was.Came {
		if after[c.What] {
			all = append(all, c)
		}
	}
	known := map[string]bool{}
	for what := range before {
		known[sortOf(what)] = true
	}
	for _, what := range slices.Sorted(maps.Keys(after)) {
		if known[sortOf(what)] && !before[what] {
			all = append(all, Came{What: what, At: at})
		}
	}
	return all
}

// inOffer names all that is in a catalogue.
func inOffer(c ev.Catalogue) map[string]bool {
	all := map[string]bool{}
	for _, v := range c.Versions {
		all[offerName("version", v.Version)] = true
	}
	for _, a := range c.Addons {
		for _, v := range a.Versions {
			all[offerName("addon", a.Name, v)] = true
		}
	}
	for _, m := range ev.MachinesOf(c.Machines) {
		all[offerName("machine", m)] = true
	}
	return all
}

func offerName(words ...string) string { return strings.Join(words, " ") }

func sortOf(what string) string {
	sort, _, _ := strings.Cut(what, " ")
	return sort
}

// needed is what something is to be made of in a region: the cloud has it or not.
type needed struct {
	account ev.Ref
	region  string
	what    []string
}

func neededBy(account string, s ev.DataplaneSpec) needed {
	n := needed{account: ready(ev.Account, account).Ref, region: s.Region}
	if s.Cluster.Existing != "" {
		return n // it is somebody else's
	}
	n.what = []string{offerName("version", s.Version), offerName("machine", s.SystemPool.Machine)}
	for _, a := range s.CloudAddons.List() {
		n.what = append(n.what, offerName("addon", a.Name, a.Version))
	}
	return n
}

func (n needed) machines(s ev.TenantInfraSpec) needed {
	for _, machine := range machinesOf(s) {
		n.what = append(n.what, offerName("machine", machine))
	}
	return n
}

// needs lists what an entity is to be made of, as it is asked for now; of a plan, what its templates make in accounts that they name.
func needs(b Base, d Data, get func(ev.Ref) (Entity[Data], bool)) (all []needed) {
	switch d := d.(type) {
	case DataplaneData:
		all = append(all, neededBy(d.Spec.Account, d.Spec))
	case TenantInfraData:
		on, _ := get(b.dataplane().Ref)
		dp := typed[DataplaneData](on).Data.Spec
		all = append(all, needed{account: ready(ev.Account, dp.Account).Ref, region: dp.Region}.machines(d.Spec))
	case PlanData:
		for _, t := range d.Spec.Provision {
			if t.Account != ev.CustomersAccount {
				all = append(all, neededBy(t.Account, t.DataplaneFor(t.Account, false, false)).machines(t.TenantInfraFor("", "")))
			}
		}
	}
	return all
}

// mayLackOffer tells whether something may have been given up because the cloud did not have what it is to be made of.
func mayLackOffer(b Base, d Data) bool {
	switch d.(type) {
	case DataplaneData, TenantInfraData:
		return b.Failure.Code == ev.ConfigProblem || mayBeGround(*b.Failure)
	case PlanData:
		return b.provisionStopped()
	}
	return false
}

// offeredAgain tells whether the cloud has come to have something that an entity is to be made of since that met its trouble. Each
// time that something comes it is tried once.
func (r *Refs) offeredAgain(b Base, d Data) bool {
	return mayLackOffer(b, d) && slices.ContainsFunc(needs(b, d, r.Get), func(n needed) bool {
		acc, _ := find[AccountData](r, n.account)
		i, known := slices.BinarySearchFunc(acc.Data.Catalogues, n.region, byRegion)
		return known && slices.ContainsFunc(acc.Data.Catalogues[i].Came, func(c Came) bool {
			return c.At.After(b.TroubleSince) && slices.Contains(n.what, c.What)
		})
	})
}

// offer is what a wish for something in a region is held against. Where nobody knows what there is, all is accepted.
type offer struct {
	region string
	ev.Catalogue
	faults []ev.FieldError
}

// offerOf is what the cloud of an account has in a region.
func (r *Refs) offerOf(account, region string) *offer {
	acc, _ := find[AccountData](r, ready(ev.Account, account).Ref)
	return &offer{region: region, Catalogue: acc.Data.catalogue(region)}
}

// wish notes a fault if something that is wished is not among what there is.
func (o *offer) wish(field, what, name string, there []string) {
	if len(there) == 0 || slices.Contains(there, name) {
		return
	}
	o.faults = append(o.faults, ev.FieldError{Field: field,
		Message: fmt.Sprintf("the cloud has no %s %q in %s%s", what, ev.Truncate(name), o.region, nearby(name, there))})
}

func (o *offer) wishVersion(field, version string) {
	var there []string
	for _, v := range o.Versions {
		there = append(there, v.Version)
	}
	o.wish(field, "version", version, there)
}

func (o *offer) wishMachine(field, machine string) {
	o.wish(field, "machine type", machine, ev.MachinesOf(o.Machines))
}

func (o *offer) wishAddon(field, addon, version string) {
	o.wish(field, "version of that add-on,", version, versionsOf(o.Addons, addon))
}

// nearby names what could be meant, as the end of a sentence: all if that is little, else what begins alike.
func nearby(name string, there []string) string {
	const most = 12
	alike := there
	for n := len(name); n > 0 && len(alike) > most; n-- {
		some := slices.DeleteFunc(slices.Clone(there), func(s string) bool { return !strings.HasPrefix(s, name[:n]) })
		if len(some) > 0 {
			alike = some[:min(len(some), most)]
		}
	}
	if len(alike) > most {
		return fmt.Sprintf("; there are %d, such as %s", len(there), strings.Join(alike[:most], ", "))
	}
	return "; there are " + strings.Join(alike, ", ")
}
