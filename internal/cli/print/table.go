package print

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

// column is one column of the table of a kind.
type column struct {
	head string
	wide bool // only with -o wide
	cell func(client.Entity, time.Time) string
}

// fromSpec shows a field of the spec.
func fromSpec(head, field string) column {
	return column{head, false, func(e client.Entity, _ time.Time) string { return specField(e, field) }}
}

// wide shows a column with -o wide alone.
func wide(c column) column {
	c.wide = true
	return c
}

// placement shows something of where a tenant is.
func placement(head string, of func(events.Placement) string) column {
	return column{head, false, func(e client.Entity, _ time.Time) string {
		if e.Status.Placement == nil {
			return ""
		}
		return of(*e.Status.Placement)
	}}
}

// phaseHead is above the column that may have colours.
const phaseHead = "PHASE"

var (
	ownerColumn  = column{"OWNER", false, func(e client.Entity, _ time.Time) string { return e.Owner }}
	nameColumn   = column{"NAME", false, func(e client.Entity, _ time.Time) string { return e.ID }}
	phaseColumn  = column{phaseHead, false, func(e client.Entity, _ time.Time) string { return e.Phase }}
	ageColumn    = column{"AGE", false, func(e client.Entity, now time.Time) string { return Since(e.Created, now) }}
	labelsColumn = column{"LABELS", true, func(e client.Entity, _ time.Time) string { return Labels(e.Labels) }}
	uidColumn    = column{"UID", true, func(e client.Entity, _ time.Time) string { return e.UID }}
	seqColumn    = column{"SEQ", true, func(e client.Entity, _ time.Time) string { return fmt.Sprint(e.Seq) }}
	seenColumn   = column{"SEEN", true, func(e client.Entity, now time.Time) string { return seen(e, now) }}
	reasonColumn = column{"REASON", false, func(e client.Entity, _ time.Time) string {
		if e.Status.Reason == nil {
			return ""
		}
		return string(e.Status.Reason.Code) + ": " + e.Status.Reason.Message
	}}
)

// own are a kind's columns between its name and its age.
var own = map[events.Kind][]column{
	events.Customer: {fromSpec("HOSTING", "hosting"), wide(fromSpec("DISPLAY NAME", "displayName")), phaseColumn},
	events.Account:  {fromSpec("CLOUD", "cloud"), fromSpec("NUMBER", "number"), fromSpec("HOSTING", "hosting"), wide(fromSpec("ROLE", "role")), phaseColumn},
	events.Plan: {fromSpec("DEPLOYMENT", "deployment"), fromSpec("HOSTING", "hosting"), {"APPS", false, func(e client.Entity, _ time.Time) string { return apps(e) }},
		wide(fromSpec("PRICE", "price.monthly")), phaseColumn},
	events.Dataplane: {fromSpec("ACCOUNT", "account"), fromSpec("REGION", "region"), fromSpec("TYPE", "type"), {"VERSION", false, func(e client.Entity, _ time.Time) string { return observedField(e, "version") }},
		{"NODES", true, func(e client.Entity, _ time.Time) string { return observedField(e, "nodes") }},
		{"ZONES", true, func(e client.Entity, _ time.Time) string { return observedField(e, "zones") }}, seenColumn, phaseColumn},
	events.TenantInfra: {fromSpec("APP", "app"), fromSpec("SIZE", "size"), {"POOLS", false, func(e client.Entity, _ time.Time) string { return pools(e) }},
		{"NODES", false, func(e client.Entity, _ time.Time) string { return poolNodes(e) }}, seenColumn,
		wide(fromSpec("SCHEDULING", "scheduling")), phaseColumn},
	events.Tenant: {{"PLAN", false, func(e client.Entity, _ time.Time) string { return planOf(e) }},
		placement("SIZE", func(p events.Placement) string { return p.Size }),
		phaseColumn, placement("DATAPLANE", func(p events.Placement) string { return p.Dataplane }),
		placement("CELL", func(p events.Placement) string { return p.Cell }),
		wide(placement("TENANTINFRA", func(p events.Placement) string { return p.TenantInfra })),
		wide(placement("NAMESPACE", func(p events.Placement) string { return p.Namespace })),
		wide(fromSpec("REGION", "region"))},
	events.Application: {fromSpec("CHART", "chart.name"), fromSpec("VERSION", "chart.version"), {"MANIFESTS", false, func(e client.Entity, _ time.Time) string { return count(e, "manifests") }}, phaseColumn},
	events.Addon: {fromSpec("CHART", "chart.name"), fromSpec("VERSION", "chart.version"), {"MANIFESTS", false, func(e client.Entity, _ time.Time) string { return count(e, "manifests") }},
		wide(fromSpec("NAMESPACE", "namespace")), phaseColumn},
	events.CellApplication: {fromSpec("CHART", "chart.name"), fromSpec("VERSION", "chart.version"), {"MANIFESTS", false, func(e client.Entity, _ time.Time) string { return count(e, "manifests") }}, phaseColumn},
	events.Principal:       {fromSpec("ROLE", "role"), wide(fromSpec("KEY", "key")), phaseColumn},
	events.Token:           {fromSpec("ROLE", "role"), fromSpec("EXPIRES", "expires"), phaseColumn},
	events.Agent: {{"DATAPLANES", false, func(e client.Entity, _ time.Time) string { return names(e, "dataplanes") }},
		{"VERSION", false, func(e client.Entity, _ time.Time) string { return observedField(e, "version") }},
		{"LACKS", false, func(e client.Entity, _ time.Time) string { return observedField(e, "lacks") }},
		wide(column{"CLOCK", false, func(e client.Entity, _ time.Time) string { return observedField(e, "clockOff") }}),
		wide(column{"INSTANCE", false, func(e client.Entity, _ time.Time) string { return observedField(e, "instance") }}), phaseColumn},
	events.Cell: {{"USED", false, func(e client.Entity, _ time.Time) string {
		return observedField(e, "used") + "/" + observedField(e, "of")
	}}, {"PLAN", false, func(e client.Entity, _ time.Time) string { return cellPlan(e) }}, wide(fromSpec("KEEP EMPTY", "keepEmpty")), phaseColumn},
	events.Repository: {fromSpec("URL", "url"), fromSpec("USERNAME", "username"), wide(fromSpec("STORE", "password.secretRef.store")), phaseColumn},
}

// planOf is the plan of a tenant, with the version whose terms hold once it is placed.
func planOf(e client.Entity) string {
	p := e.Status.Placement
	if p == nil {
		return specField(e, "plan")
	}
	return strings.TrimPrefix(p.Plan, events.Platform+"/") + "@" + strconv.Itoa(p.PlanVersion)
}

// cellPlan is the plan of a cell and its version; empty if it is of none.
func cellPlan(e client.Entity) string {
	plan := strings.TrimPrefix(specField(e, "plan"), events.Platform+"/")
	if plan == "" {
		return ""
	}
	return plan + "@" + specField(e, "planVersion")
}

// columnsOf lists a kind's columns: whose and which, what it is, how it is.
func columnsOf(k events.Kind, wide, labels bool) (all []column) {
	if k != events.Customer {
		all = append(all, ownerColumn)
	}
	all = append(append(all, nameColumn), own[k]...)
	all = append(all, ageColumn, labelsColumn, uidColumn, seqColumn, reasonColumn)
	kept := all[:0:0]
	for _, c := range all {
		if wide || !c.wide || labels && c.head == labelsColumn.head {
			kept = append(kept, c)
		}
	}
	return kept
}

// specField finds a field of the spec by its path; "" if it is not there.
func specField(e client.Entity, path string) string {
	v, err := client.DecodeJSON(e.Spec)
	if err != nil {
		return ""
	}
	for _, name := range strings.Split(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = m[name]
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// observedField shows something that was observed; "" if it was not.
func observedField(e client.Entity, name string) string {
	switch v := e.Status.Observed[name].(type) {
	case nil:
		return ""
	case []any:
		var all []string
		for _, one := range v {
			all = append(all, fmt.Sprint(one))
		}
		return strings.Join(all, ",")
	default:
		return fmt.Sprint(v)
	}
}

// seen is how long ago what was observed was seen to be so.
func seen(e client.Entity, now time.Time) string {
	at, err := time.Parse(time.RFC3339Nano, observedField(e, "at"))
	if err != nil {
		return ""
	}
	return Since(at, now)
}

// poolNodes shows the nodes that each pool was seen to have; of a pool that is not active, its state.
func poolNodes(e client.Entity) string {
	raw, err := json.Marshal(e.Status.Observed["pools"])
	var pools []events.PoolStatus
	if err != nil || json.Unmarshal(raw, &pools) != nil {
		return ""
	}
	var all []string
	for _, p := range pools {
		one := fmt.Sprintf("%s:%d", p.Name, p.Nodes)
		if p.State != "active" {
			one = p.Name + ":" + p.State
		}
		all = append(all, one)
	}
	return strings.Join(all, ",")
}

func apps(e client.Entity) string {
	var spec events.PlanSpec
	if json.Unmarshal(e.Spec, &spec) != nil {
		return ""
	}
	var all []string
	for _, a := range spec.Apps {
		all = append(all, a.Type+"="+a.Size)
	}
	return strings.Join(all, ",")
}

func pools(e client.Entity) string {
	var spec events.TenantInfraSpec
	if json.Unmarshal(e.Spec, &spec) != nil {
		return ""
	}
	var all []string
	for _, p := range spec.Pools {
		all = append(all, fmt.Sprintf("%s:%d-%d", p.Name, p.Min, p.Max))
	}
	return strings.Join(all, ",")
}

// names are the texts in a list of a spec.
func names(e client.Entity, field string) string {
	var spec map[string]json.RawMessage
	var items []string
	if json.Unmarshal(e.Spec, &spec) != nil || json.Unmarshal(spec[field], &items) != nil {
		return ""
	}
	return strings.Join(items, ",")
}

func count(e client.Entity, field string) string {
	var spec map[string]json.RawMessage
	var items []json.RawMessage
	if json.Unmarshal(e.Spec, &spec) != nil || json.Unmarshal(spec[field], &items) != nil {
		return ""
	}
	return fmt.Sprint(len(items))
}
