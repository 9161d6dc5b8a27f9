package fsm

import (
	"fmt"
	"slices"
	"strings"

	ev "github.com/aeriehq/aerie/events"
)

// fitsTenantInfra keeps machine types out of a wish that the cloud does not have where the
// dataplane is. What a pool was to have before is not asked for anew.
func fitsTenantInfra(ref ev.Ref, s ev.Spec, refs *Refs) []ev.FieldError {
	dp, there := find[DataplaneData](refs, Base{Ref: ref}.dataplane().Ref)
	if !there {
		return nil
	}
	var had []string
	if has, _ := refs.reader.Get(ref); has.Phase() != Unborn && !Machines[ev.TenantInfra].Ended(has.Phase()) {
		had = machinesOf(has.Data.(TenantInfraData).Spec)
	}
	o := refs.offerOf(dp.Data.Spec.Account, dp.Data.Spec.Region)
	for i, p := range s.(ev.TenantInfraSpec).Pools {
		for j, machine := range append([]string{p.Machine}, p.Alternatives...) {
			field := fmt.Sprintf("spec.pools[%d].machine", i)
			if j > 0 {
				field = fmt.Sprintf("spec.pools[%d].alternatives[%d]", i, j-1)
			}
			if !slices.Contains(had, machine) {
				o.wishMachine(field, machine)
			}
		}
	}
	return o.faults
}

func machinesOf(s ev.TenantInfraSpec) (all []string) {
	for _, p := range s.Pools {
		all = append(append(all, p.Machine), p.Alternatives...)
	}
	return all
}

// aim is the spec that is worked towards: a repair brings back what was made, whatever
// was asked for since and could not be brought about.
func (d TenantInfraData) aim() ev.TenantInfraSpec {
	if d.Repairs {
		return d.Made
	}
	return d.Spec
}

// standing is the tenant infra as it was made last.
func (d TenantInfraData) standing() TenantInfraData {
	d.Repairs = true
	return d
}

// brought notes which pools are there, as the present spec wants them.
func (d TenantInfraData) brought(seen []ev.PoolStatus) TenantInfraData {
	active := func(pool string) bool {
		return slices.ContainsFunc(seen, func(s ev.PoolStatus) bool { return s.Name == pool && s.State == poolActive })
	}
	d.Lost = slices.DeleteFunc(slices.Clone(d.Lost), active)
	if d.Repairs {
		return d
	}
	made := d.Made
	made.Pools = slices.Clone(made.Pools)
	for _, p := range d.Spec.Pools {
		if !active(p.Name) {
			continue
		}
		made.Pools = slices.DeleteFunc(made.Pools, func(old ev.Pool) bool { return old.Name == p.Name })
		made.Pools = append(made.Pools, p)
	}
	d.Made = made
	return d
}

// rests notes that everything is as the present spec wants it, or as it was made before.
func (d TenantInfraData) rests() TenantInfraData {
	if !d.Repairs {
		d.Made = d.Spec
	}
	d.Lost, d.Repairs = nil, false
	return d
}

// poolActive is the state of a pool that has what it needs.
const poolActive = "active"

// drifted notes which pools were found deleted.
func (d TenantInfraData) drifted(found []ev.Drift) TenantInfraData {
	d.Lost = nil
	for _, what := range lost(found) {
		if name, pool := strings.CutPrefix(what, ev.PoolPart); pool {
			d.Lost = append(d.Lost, name)
		}
	}
	return d
}

// works tells whether any of the pools that were made is still there.
func (d TenantInfraData) works() bool {
	return slices.ContainsFunc(d.Made.Pools, func(p ev.Pool) bool { return !slices.Contains(d.Lost, p.Name) })
}

// giveUpTenantInfra keeps what is there in use when an update of it can't be brought about.
func giveUpTenantInfra(e Entity[TenantInfraData], why ev.Reason) ev.Event {
	if e.Phase() == Updating && e.Data.works() {
		return ev.UpdateFailed{Reason: why, Repair: e.Data.Repairs}
	}
	return ev.Failed{Reason: why}
}

// newsOfTenantInfra tells whether a look has seen what the last event did not say.
func newsOfTenantInfra(e Entity[TenantInfraData], seen ev.Seen) (news, onlyNodes bool) {
	was := e.Data.Pools
	return !slices.EqualFunc(was, seen.Pools, samePool), slices.EqualFunc(was, seen.Pools, sameButNodes)
}

func samePool(a, b ev.PoolStatus) bool {
	return sameButNodes(a, b) && a.Nodes == b.Nodes && a.Message == b.Message
}

// sameButNodes tells whether two states of a pool differ in nothing but what comes and goes by itself.
func sameButNodes(a, b ev.PoolStatus) bool {
	return a.Name == b.Name && a.State == b.State && slices.Equal(a.Zones, b.Zones)
}
