package fsm

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"reflect"
	"slices"
	"strings"

	ev "github.com/aeriehq/aerie/events"
)

// Machines of its own are a tenant infra that is for one tenant or one cell alone. The decision that places the tenant or opens
// the cell gives birth to it, and the one that ends that begins its end. In everything else it is a tenant infra like others, but
// that it is offered to nobody.

// isOwn tells whether an entity is the machines that a tenant or a cell has alone.
func isOwn(e Entity[Data], of ev.Ref) bool {
	d, _ := e.Data.(TenantInfraData)
	return d.Spec.For != "" && d.Spec.For == of.Path()
}

// OwnEnded tells whether machines that somebody had alone are gone now: their dataplane has room for others' again.
func OwnEnded(before, after Entity[Data]) bool {
	d, _ := after.Data.(TenantInfraData)
	return d.Spec.For != "" && Ended(after) && !Ended(before)
}

// hasPools tells whether a dataplane has room for so many node pools more. Two that ask at once may both be told so: the cloud
// is the judge, and this only keeps from it what it would refuse.
func (r *Refs) hasPools(dataplane ev.Ref, more ev.TenantInfraSpec) bool {
	n := more.NodePools()
	for _, u := range r.reader.UsersOf(dataplane) {
		infra, _ := r.reader.Get(u)
		if d, is := infra.Data.(TenantInfraData); is && !d.Spec.CellsHaveNodes() {
			n += d.Spec.NodePools()
		}
	}
	return n <= ev.MostNodePools
}

// newOwnInfra is the birth of the machines of a tenant, which are like others.
func (r *Refs) newOwnInfra(on ev.Ref, like ev.TenantInfraSpec, tenant string, made *ev.Made) ev.Change {
	for {
		uid := r.newUID()
		ref := on.Child(ev.TenantInfra, joined(infraName(like.App, like.Size), shortOf(uid)))
		if _, known := r.Get(ref); known {
			continue // the name was another's
		}
		return r.bear(ref, ev.Requested[ev.TenantInfraSpec]{UID: uid, Spec: like.OnlyFor(tenant), Made: made})
	}
}

// joined makes one label of two.
func joined(a, b string) string {
	if name := a + "-" + b; ev.IsLabel(name) {
		return name
	}
	sum := sha256.Sum256([]byte(a + "\n" + b))
	return "m" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}

// machinesOfCell names the machines of a cell, where it has its own.
func machinesOfCell(cell ev.Ref) ev.Ref {
	infra := Base{Ref: cell}.infra().Ref
	return Base{Ref: infra}.dataplane().Ref.Child(ev.TenantInfra, joined(infra.Local(), cell.Local()))
}

// nodesOfCell is the tenant infra on whose machines the pods of a cell run.
func (r *Refs) nodesOfCell(cell ev.Ref) ev.Ref {
	infra, _ := find[TenantInfraData](r, Base{Ref: cell}.infra().Ref)
	if infra.Data.Spec.CellsHaveNodes() {
		return machinesOfCell(cell)
	}
	return infra.Ref
}

// needsOfCell are what a cell needs before it can be lived in.
func (r *Refs) needsOfCell(b Base) []Dependency {
	needs := append(owned(b), b.infra())
	if nodes := r.nodesOfCell(b.Ref); nodes != b.infra().Ref {
		needs = append(needs, Dependency{Ref: nodes, Condition: ConditionReady})
	}
	return needs
}

// awaitedMachines are the machines of a cell that waits for its tenant infra.
func awaitedMachines(waits, on ev.Ref, get func(ev.Ref) (Entity[Data], bool)) []Awaited {
	if waits.Kind != ev.Cell || on.Kind != ev.TenantInfra {
		return nil
	}
	if infra, _ := get(on); typed[TenantInfraData](infra).Data.Spec.CellsHaveNodes() {
		return []Awaited{{Ref: machinesOfCell(waits)}}
	}
	return nil
}

// cellMachines is the birth of the machines of a cell on a tenant infra, unless it has them, or has none of its own.
func (r *Refs) cellMachines(cell ev.Ref, on ev.TenantInfraSpec) []ev.Change {
	if !on.CellsHaveNodes() {
		return nil
	}
	ref := machinesOfCell(cell)
	if is, known := r.Get(ref); known && !Ended(is) {
		return nil
	}
	return []ev.Change{r.bear(ref, ev.Requested[ev.TenantInfraSpec]{UID: r.newUID(), Spec: on.OnlyFor(cell.Path())})}
}

// fitsMachines refuses a cell whose machines would have the name of something else, or of what is not gone yet.
func fitsMachines(cell ev.Ref, infra Entity[TenantInfraData], refs *Refs) []ev.FieldError {
	if !infra.Data.Spec.CellsHaveNodes() {
		return nil
	}
	ref := machinesOfCell(cell)
	is, known := refs.Get(ref)
	switch {
	case !known || Ended(is) || isOwn(is, cell) && !is.terminating(Deleting):
		return nil
	case isOwn(is, cell):
		return []ev.FieldError{{Field: "name", Message: fmt.Sprintf("%s, the machines of the cell of that name before, is not gone yet: wait, or choose another name", ref)}}
	}
	return []ev.FieldError{{Field: "name", Message: fmt.Sprintf("its machines would be %s, which is there and another's: choose another name", ref)}}
}

// fitsFor refuses machines for one alone that nobody has placed or opened, and those of a cell that are not as its tenant infra
// says.
func fitsFor(ref ev.Ref, now ev.TenantInfraSpec, refs *Refs) []ev.FieldError {
	is, known := find[TenantInfraData](refs, ref)
	switch {
	case now.For == "":
		return nil
	case !known || Ended(Entity[Data]{is.Base, is.Data}):
		return []ev.FieldError{{Field: "spec.for", Message: "is for aerie to say: give the plan machines: own, or a tenant infra cells with isolation: nodes"}}
	}
	cell, faults := ev.ParseRef(ev.Cell, is.Data.Spec.For)
	if len(faults) > 0 {
		return nil // a tenant's
	}
	infra, _ := find[TenantInfraData](refs, Base{Ref: cell}.infra().Ref)
	if !reflect.DeepEqual(now, infra.Data.Spec.OnlyFor(now.For)) {
		return []ev.FieldError{{Field: "spec", Message: fmt.Sprintf("is what %s says of the machines of its cells: change that", infra.Ref)}}
	}
	return nil
}

// haveNodes is the tenant infra whose cell has these machines: they go with that cell, and not before it.
func (r *Refs) haveNodes(e Entity[TenantInfraData]) []ev.Ref {
	cell, faults := ev.ParseRef(ev.Cell, e.Data.Spec.For)
	if e.Data.Spec.For == "" || len(faults) > 0 {
		return nil
	}
	if is, born := r.Get(cell); !born || Ended(is) {
		return nil
	}
	return []ev.Ref{Base{Ref: cell}.infra().Ref}
}

// spreadMachines is what other pools of a tenant infra mean to the machines of its cells: they are as new ones would be.
func (r *Refs) spreadMachines(e Entity[TenantInfraData], now ev.TenantInfraSpec) (changes []ev.Change) {
	if !now.CellsHaveNodes() || !e.Data.Spec.CellsHaveNodes() {
		return nil
	}
	cells := slices.Clone(r.cellsOn(e.Ref))
	slices.SortFunc(cells, func(a, b CellRoom) int { return compare(a.Ref, b.Ref) })
	for _, c := range cells {
		is, born := find[TenantInfraData](r, machinesOfCell(c.Ref))
		to := now.OnlyFor(c.Ref.Path())
		if !born || is.Phase() == Gone || is.terminating(Deleting) || reflect.DeepEqual(is.Data.Spec, to) {
			continue
		}
		happened, _ := respecTenantInfra(is, to)
		changes = append(changes, changed(is.Base, happened...)...)
	}
	return changes
}

// endMachines begins the end of what a tenant has had alone, and no longer has.
func (o *outcome) endMachines(ref ev.Ref, before, after Entity[Data]) error {
	still := PlacesOf(after)
	for _, path := range PlacesOf(before) {
		if slices.Contains(still, path) {
			continue
		}
		if err := o.endOwn(ready(ev.TenantInfra, path).Ref, ref); err != nil {
			return err
		}
	}
	return nil
}

// endOwn adds the end of machines to a decision, if they are of that tenant or cell and have not begun to go.
func (o *outcome) endOwn(ref, of ev.Ref) error {
	e, changed := o.after[ref]
	if !changed {
		e, _ = o.refs.reader.Get(ref)
	}
	if !isOwn(e, of) { // it never will be: most depend on no more
		return nil
	}
	if o.refs.Get(ref); Ended(e) || e.terminating(Deleting) {
		return nil
	}
	return o.add(ref, append([]ev.Event{ev.DeletionRequested{}}, tenantInfra.drained(typed[TenantInfraData](e))...)...)
}
