package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/cli/manifest"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

func (v *verification) differ(ref events.Ref, field, log, view string) {
	v.found = append(v.found, disagreement{ref.Kind, ref.Owner, ref.ID, field, log, view})
}

// compare holds one view against the fold as it is now; what its users say of it only with refs.
func (v *verification) compare(e client.Entity, refs *fsm.Refs) {
	logged, ok := v.world.Get(e.Ref())
	if !ok {
		v.differ(e.Ref(), "entity", "not there", e.Phase)
		return
	}
	log, view := logFields(logged, refs), viewFields(e)
	for _, name := range sortedNames(log, view) {
		if _, known := log[name]; !known && refs == nil && strings.HasPrefix(name, conditionField) {
			continue
		}
		if log[name] != view[name] {
			v.differ(e.Ref(), name, cmp.Or(log[name], "nothing"), cmp.Or(view[name], "nothing"))
		}
	}
}

// conditionField begins the name of a condition among the fields.
const conditionField = "condition "

// logFields are what a fold says of an entity, as it reads in a view.
func logFields(e fsm.Entity[fsm.Data], refs *fsm.Refs) map[string]string {
	all := map[string]string{"uid": e.UID, "seq": fmt.Sprint(e.Seq), "phase": string(e.Phase()), "labels": print.Labels(e.Labels)}
	conditions := e.Conditions
	if refs != nil {
		conditions = fsm.Machines[e.Ref.Kind].Conditions(e, refs)
	}
	for _, c := range conditions {
		all[conditionField+c.Type] = c.Status
	}
	specFields(all, manifest.Canonical(e.Data.Wants()))
	return all
}

// viewFields are what the server says of an entity.
func viewFields(e client.Entity) map[string]string {
	all := map[string]string{"uid": e.UID, "seq": fmt.Sprint(e.Seq), "phase": e.Phase, "labels": print.Labels(e.Labels)}
	for _, c := range e.Status.Conditions {
		all[conditionField+c.Type] = c.Status
	}
	specFields(all, e.Spec)
	return all
}

// specFields adds each field of a spec, as canonical JSON: where one differs, the
// rest of the spec need not be read.
func specFields(all map[string]string, spec json.RawMessage) {
	var byName map[string]any
	if json.Unmarshal(spec, &byName) != nil {
		all["spec"] = string(spec)
		return
	}
	for name, v := range byName {
		all["spec."+name] = string(manifest.Canonical(v))
	}
}

func sortedNames(a, b map[string]string) []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(names)
	return slices.Compact(names)
}
