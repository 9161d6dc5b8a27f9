package sim

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/sim"
	"github.com/aeriehq/aerie/cloud/sim/offers"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/command"
)

// names are what lives are about: few, so that they meet and are used again.
var names = map[ev.Kind][]string{
	ev.Customer:    {"acme", "bolt"},
	ev.Account:     {"-/main", "acme/own"},
	ev.Plan:        {"-/free", "-/business", "-/many"},
	ev.Dataplane:   {"-/eu", "-/us", "acme/own", "-/spare"},
	ev.TenantInfra: {"-/eu_pg", "-/us_pg", "acme/own_pg", "-/spare_pg", "-/eu_mq"},
	ev.Tenant:      {"acme/prod", "acme/test", "bolt/prod"},
	ev.Application: {"acme/prod_pg", "acme/prod_ui", "acme/test_pg", "bolt/prod_pg"},
	ev.Addon:       {"-/eu_cm", "-/us_cm", "acme/own_cm"},
	ev.Cell:        {"-/eu_pg_c1", "-/us_pg_c1", "acme/own_pg_c1"}, // and those that decisions open

	ev.CellApplication: {"-/eu_pg_c1_web"}, // and those of cells of plans
}

// kinds are the kinds that lives are about: who may come in is not among them.
var kinds = slices.DeleteFunc(slices.Clone(ev.Kinds), func(k ev.Kind) bool { return len(names[k]) == 0 })

// specs are some of every kind; the first suits the others' first.
var specs = map[ev.Kind][]string{
	ev.Customer: {`{}`, `{"displayName":"Acme","hosting":"customer"}`, `{"hosting":"nobody"}`},
	ev.Account:  {`{"cloud":"sim","number":"4711"}`, `{"cloud":"sim","number":"4711","role":"r"}`, `{"cloud":"sim","number":"4711","prices":[{"machine":"m4","hourly":"0.16"}]}`, `{"cloud":"sim","number":"4712"}`, `{"cloud":"gcp","number":"1"}`},
	ev.Plan: {planJSON("resource-shared", "spread", false), planJSON("resource-shared", "pack", false), planJSON("dedicated", "spread", false), planJSON("resource-shared", "spread", true),
		makingJSON("resource-shared", "m4", 0), makingJSON("dedicated", "m4", 0), makingJSON("resource-shared", "m4", 1), makingJSON("resource-shared", "x99", 0), manyJSON("1"), manyJSON("2"), ownJSON("resource-shared", "cheapest"), ownJSON("dedicated", "nearest"), ownOf(makingJSON("dedicated", "m4", 0))},
	ev.Dataplane: {dataplaneJSON("-/main", "eu-central", "shared", 3), dataplaneJSON("-/main", "us-east", "shared", 5), dataplaneJSON("acme/own", "eu-west", "dedicated", 3), dataplaneJSON("-/main", "eu-central", "dedicated", 3), dataplaneJSON("-/main", "moon", "shared", 3), dataplaneJSON("-/nowhere", "eu-central", "shared", 3)},
	ev.TenantInfra: {infraJSON("m4", 3, 1), infraJSON("m4", 5, 1), infraJSON("m4", 5, 2), infraJSON("x99", 3, 1),
		`{"app":"mq","size":"small","pools":[{"name":"data","machine":"s4","min":1}]}`, cellsJSON(1, 2, 0), cellsJSON(2, 3, 1), nodesJSON(1, 2, 0), nodesJSON(2, 3, 1)},
	ev.Cell:            {`{"tenants":2}`, `{"tenants":1,"keepEmpty":"30m"}`, `{"tenants":0}`, `{"tenants":2,"plan":"-/many","planVersion":1}`},
	ev.CellApplication: {appJSON("one"), manyApp("1")},
	ev.Tenant: {`{"plan":"-/free"}`, `{"plan":"-/free","allowNamespaces":["ops"]}`, `{"plan":"-/business"}`, `{"plan":"-/many"}`, `{"plan":"-/many"}`, `{"plan":"-/many","allowNamespaces":["ops"]}`, `{"plan":"-/free","region":"us-east"}`, `{"plan":"-/business","near":"us-west"}`,
		`{"plan":"-/free","app":"mysql"}`, `{"plan":"-/none"}`},
	ev.Application: {appJSON("one"), appJSON("one", "two"), runsJSON(""), appJSON("two", "three"), runsJSON(`,"replicas":3`), appJSON("one", "one"), `{"manifests":[{"kind":"ConfigMap"}]}`, alone},
	ev.Addon:       {appJSON("one"), addonJSON("cm-system"), addonJSON("other"), appJSON("two", "three"), addonJSON("kube-system")},
}

// addonJSON has something of the whole cluster, which a customer's addon may not have.
func addonJSON(namespace string) string {
	return fmt.Sprintf(`{"namespace":%q,"manifests":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"one"}},{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"reads-all"}}]}`, namespace)
}

// planJSON is a plan whose priority follows from how it places.
func planJSON(deployment, placement string, draft bool) string {
	return fmt.Sprintf(`{"deployment":%q,"placement":%q,"draft":%t,"priority":%d,"move":{"data":"none"},"apps":[{"type":"pg","size":"small"},{"type":"mq","size":"small"}]}`, deployment, placement, draft, len(placement))
}

// ownJSON is a plan whose tenants have machines of their own.
func ownJSON(deployment, placement string) string {
	return ownOf(planJSON(deployment, placement, false))
}

func ownOf(plan string) string { return strings.TrimSuffix(plan, "}") + `,"machines":"own"}` }

// manyJSON is a multi-tenant plan, whose versions differ in what their cells have, and in what bounds these.
func manyJSON(version string) string {
	many := manyOf(version)
	if version == "2" {
		many = strings.TrimSuffix(many, "}") + `,"cellQuota":{"cpu":"20","pods":50}}`
	}
	return many
}

func manyOf(version string) string {
	return planJSON(ev.MultiTenant, "pack", false)[:len(planJSON(ev.MultiTenant, "pack", false))-1] + fmt.Sprintf(`,"applications":[{"name":"web",%s],"tenants":{"join":{"image":"example.test/join:%s"},"leave":{"image":"example.test/leave:%[2]s"}}}`, manyApp(version)[1:], version)
}

func manyApp(version string) string { return appJSON("web", "version-"+version) }

// makingJSON is a plan whose templates make places of a machine, some of which stand empty.
func makingJSON(deployment, machine string, warm int) string {
	return strings.TrimSuffix(planJSON(deployment, "pack", false), "}") + "," + templatesJSON(machine, warm) + "}"
}

// templatesJSON are the templates of such a plan.
func templatesJSON(machine string, warm int) string {
	template := `{"name":%q,"account":"-/main","warm":%d,"max":2,"keepEmpty":"20m","dataplane":{"region":%q},"tenantinfra":{"cells":{"tenants":1,"max":2},"pools":[{"name":"data","machine":%q}]}}`
	return `"provision":[` +
		fmt.Sprintf(template, "eu", warm, "eu-central", machine) + "," + fmt.Sprintf(template, "us", 0, "us-east", "m4") + `]`
}

func dataplaneJSON(account, region, typ string, most int) string {
	return fmt.Sprintf(`{"account":%q,"region":%q,"type":%q,"systemPool":{"max":%d},"drift":%q}`, account, region, typ, most, []string{ev.DriftRepair, ev.DriftReport}[most/4])
}

// infraJSON has pools of a machine, the later ones of other names.
func infraJSON(machine string, most, pools int) string {
	var list []string
	for i := range pools {
		list = append(list, fmt.Sprintf(`{"name":"data%d","machine":%q,"min":1,"max":%d}`, i, machine, most))
	}
	return `{"app":"pg","size":"small","pools":[` + strings.Join(list, ",") + `]}`
}

// cellsJSON has cells of so many tenants, at most so many, some of which stand empty.
func cellsJSON(tenants, most, warm int) string {
	return fmt.Sprintf(`{"cells":{"tenants":%d,"max":%d,"warm":%d,"keepEmpty":"20m"},`, tenants, most, warm) + infraJSON("m4", 3, 1)[1:]
}

// nodesJSON has cells with machines of their own.
func nodesJSON(tenants, most, warm int) string {
	return strings.Replace(cellsJSON(tenants, most, warm), `"keepEmpty"`, `"isolation":"nodes","keepEmpty"`, 1)
}

func appJSON(maps ...string) string {
	var list []string
	for _, m := range maps {
		list = append(list, fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":%q},"data":{"k":%q}}`, m, strings.Join(maps, "+")))
	}
	return `{"manifests":[` + strings.Join(list, ",") + `]}`
}

// runsJSON is an application of which something runs.
func runsJSON(replicas string) string {
	pod := `"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}`
	return `{"manifests":[{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{` + pod + replicas + `}},` +
		`{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"nightly"},"spec":{"schedule":"@daily","jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}}}}}}]}`
}

// alone is an application whose pod nobody would make again, so that its tenant can't be suspended.
const alone = `{"manifests":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"alone"},"spec":{"containers":[{"name":"c","image":"i"}]}}]}`

// script draws what people ask and what the cloud does to them.
type script struct {
	rnd *rand.Rand
	ids int
}

// chance is true once in n times.
func (s *script) chance(n int) bool { return s.rnd.IntN(n) == 0 }

func pick[T any](s *script, list []T) T { return list[s.rnd.IntN(len(list))] }

func (s *script) newID(prefix string) string {
	s.ids++
	return fmt.Sprintf("%s%d", prefix, s.ids)
}

// refs are all entities that lives are about, in order.
func refs(k ev.Kind) (list []ev.Ref) {
	for _, path := range names[k] {
		ref, _ := ev.ParseRef(k, path)
		list = append(list, ref)
	}
	return list
}

// command is what somebody asks next.
func (s *script) command(w *state.Entities) command.Request {
	kind := pick(s, kinds)
	ref := pick(s, refs(kind))
	if alone := machinesOfTenants(w); kind == ev.TenantInfra && len(alone) > 0 && s.chance(2) {
		ref = pick(s, alone)
	}
	e, born := w.Get(ref)
	if !born || fsm.Machines[kind].Ended(e.Phase()) {
		return s.firstOf(pick(s, refs(kind)), w)
	}
	r := s.request(e.Ref, pick(s, append([]string{ev.VerbUpdate, ev.VerbUpdate, ev.VerbRetry}, ev.Verbs(kind)...)), "")
	switch r.Verb {
	case ev.VerbDrain:
		r.Body = fmt.Appendf(nil, `{"end":%t}`, s.chance(2))
	case ev.VerbAttach, ev.VerbDetach:
		r.Body = fmt.Appendf(nil, `{"customer":%q}`, pick(s, names[ev.Customer]))
	case ev.VerbUpgrade:
		if kind == ev.Cell {
			r.Body = fmt.Appendf(nil, `{"plan":"many@%d"}`, 1+s.rnd.IntN(3))
			break
		}
		r.Body = fmt.Appendf(nil, `{"version":%q}`, pick(s, versions))
	case ev.VerbCreate, ev.VerbUpdate:
		r.Body = []byte(s.body(kind, e.Data.Wants()))
	case ev.VerbDelete:
		r.Body = fmt.Appendf(nil, `{"cascade":%t}`, s.chance(3))
	}
	if s.chance(20) {
		r.ExpectedUID = e.UID
	}
	r.DryRun = s.chance(30)
	return r
}

// machinesOfTenants are the machines that living tenants have alone, in order: decisions make them, and people may change them.
func machinesOfTenants(w *state.Entities) (all []ev.Ref) {
	w.Each(ev.TenantInfra, func(e fsm.Entity[fsm.Data]) {
		d, _ := e.Data.(fsm.TenantInfraData)
		if _, faults := ev.ParseRef(ev.Tenant, d.Spec.For); len(faults) == 0 && !fsm.Ended(e) {
			all = append(all, e.Ref)
		}
	})
	slices.SortFunc(all, func(a, b ev.Ref) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// firstOf asks for something new, sometimes for the end of what is not there.
func (s *script) firstOf(ref ev.Ref, w *state.Entities) command.Request {
	if s.chance(8) {
		return s.request(ref, ev.VerbDelete, "")
	}
	r := s.request(ref, ev.VerbCreate, s.body(ref.Kind, nil))
	r.DryRun = s.chance(30)
	return r
}

// body is mostly what suits, or a little different from what is there, so that
// lives get somewhere.
func (s *script) body(kind ev.Kind, has ev.Spec) string {
	spec := specs[kind][0]
	switch {
	case has != nil && s.chance(2):
		spec = s.near(has)
	case s.chance(2):
		spec = pick(s, specs[kind])
	}
	labels := pick(s, []string{"", "", `"labels":{"tier":"one"},`, `"labels":{"tier":"two"},`})
	return `{` + labels + `"spec":` + spec + `}`
}

// near changes of a spec what may be changed at any time.
func (s *script) near(has ev.Spec) string {
	switch spec := has.(type) {
	case ev.DataplaneSpec:
		spec.SystemPool.Max = 3 + s.rnd.IntN(5)
		spec.Drift = pick(s, []string{ev.DriftRepair, ev.DriftReport})
		if s.chance(4) {
			spec.Version = pick(s, versions)
		}
		if s.chance(4) {
			spec.CloudAddons.DNS = pick(s, []string{"", "1.0", "1.1", "9.9"})
		}
		if s.chance(4) {
			spec.SystemPool.Machine = s.machine()
		}
		if spec.Account == "acme/own" && s.chance(3) {
			spec.Mode = pick(s, []string{ev.ModePush, ev.ModePull})
		}
		has = spec
	case ev.TenantInfraSpec:
		if spec = s.otherPools(spec); spec.Cells != nil {
			spec.Cells = &ev.Cells{Tenants: 1 + s.rnd.IntN(3), Max: 1 + s.rnd.IntN(3), Warm: s.rnd.IntN(2), KeepEmpty: "20m", Isolation: spec.Cells.Isolation}
		}
		has = spec
	case ev.PlanSpec:
		if spec.Deployment == ev.MultiTenant {
			return manyJSON(pick(s, []string{"1", "2", "3"}))
		}
	case ev.TenantSpec:
		spec.AllowNamespaces = []string{pick(s, []string{"ops", "dev"})}
		has = spec
	}
	data, err := json.Marshal(has)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// otherPools changes bounds or machines, adds a pool or takes one away.
func (s *script) otherPools(spec ev.TenantInfraSpec) ev.TenantInfraSpec {
	spec.Pools = slices.Clone(spec.Pools)
	i := s.rnd.IntN(len(spec.Pools))
	switch n := s.rnd.IntN(5); {
	case n == 0:
		spec.Pools[i].Max = 3 + s.rnd.IntN(5)
	case n == 1 && len(spec.Pools) < 4:
		more := spec.Pools[i]
		more.Name, more.Machine = s.newID("more"), s.machine()
		spec.Pools = append(spec.Pools, more)
	case n == 2 && len(spec.Pools) > 1:
		spec.Pools = slices.Delete(spec.Pools, i, i+1)
	default:
		spec.Pools[i].Machine = s.machine()
	}
	return spec
}

// machine is a machine type. The cloud has the last but one only now and then, and never the last.
func (s *script) machine() string {
	if s.chance(4) {
		return pick(s, []string{"x99", "y99"})
	}
	return pick(s, []string{"s4", "m4", "m8", "r4"})
}

func (s *script) request(ref ev.Ref, verb, body string) command.Request {
	return command.Request{ID: s.newID("c"), Owner: ref.Owner, Kind: string(ref.Kind), Name: ref.ID, Verb: verb, Body: []byte(body), Caller: ev.LocalAdmin()}
}

// versions are what people ask for; the last is one that the cloud has only now and then.
var versions = []string{"1.35", "1.36", "1.36", "1.37"}

// catalogue is what the cloud has next.
func (s *script) catalogue() sim.Catalogue {
	return pick(s, []sim.Catalogue{
		{},
		{Versions: append(offers.Versions(), "1.37")},
		{Versions: offers.Versions()[2:]},
		{Addons: []string{"1.0", "1.1", "9.9"}},
		{Addons: []string{"1.1"}},
		{Machines: []string{"s2", "s4", "m4", "m8", "x99"}},
		{Machines: []string{"s2", "m4"}},
	})
}

// hand is something that somebody does behind our back.
func (s *script) hand() sim.ManualChange {
	objects := []string{"Namespace acme--prod", "Namespace acme--test", "Namespace bolt--prod", "Namespace aerie-system", "NetworkPolicy acme--prod", "aerie-limits",
		"ServiceAccount acme--prod", "RoleBinding ", "ConfigMap acme--prod/one", "ConfigMap acme--prod/two", "aerie.app.pg", "Namespace cell---", "ConfigMap cell---", "ServiceAccount cell---", "Job cell---"}
	owners := []string{"-/dataplane/eu/", "-/dataplane/us/", "acme/dataplane/own/", "-/tenantinfra/eu_pg/", "-/tenantinfra/us_pg/", "eu-central"}
	switch s.rnd.IntN(8) {
	case 0:
		return sim.ManualChange{Delete: string(cloud.KindNetwork), Match: pick(s, owners)}
	case 1:
		return sim.ManualChange{Delete: string(cloud.KindCluster), Match: pick(s, owners)}
	case 2:
		return sim.ManualChange{Delete: string(cloud.KindPool), Match: pick(s, owners)}
	case 3:
		return sim.ManualChange{Change: string(cloud.KindPool), Match: pick(s, owners), Set: []byte(pick(s, []string{`{"max":99}`, `{"min":2,"max":50}`, `{"labels":{"a":"b"}}`}))}
	case 4:
		return sim.ManualChange{Change: "object", Match: pick(s, objects), Set: []byte(pick(s, []string{`{"metadata":{"labels":{"app.kubernetes.io/managed-by":null}}}`, `{"data":{"k":"by hand"}}`, `{"spec":{"podSelector":{"matchLabels":{"a":"b"}}}}`}))}
	}
	return sim.ManualChange{Delete: "object", Match: pick(s, objects)}
}

// trouble is some fault of the cloud.
func (s *script) trouble() sim.Fault {
	op := pick(s, []string{"Check", "EnsureNetwork", "EnsureCluster", "EnsurePool", "EnsurePool", "DeleteNetwork", "DeleteCluster", "DeletePool", "ListOwned", "Kube", "Apply", "Get", "Delete"})
	if s.chance(8) { // a program of a plan fails, or hangs
		hangs := s.chance(3)
		return sim.Fault{Op: "Apply", Match: "Job cell---", Issue: !hangs, Stuck: hangs, Times: 1 + s.rnd.IntN(4), Message: "no such database"}
	}
	f := sim.Fault{Op: op, Nth: 1 + s.rnd.IntN(3), Times: 1 + s.rnd.IntN(4), Code: "Injected", Message: "by the script"}
	if s.chance(3) {
		f.Times = 30
	}
	if s.chance(5) { // the whole cloud is out of order
		f.Op, f.Times, f.Class = "", 40+s.rnd.IntN(100), pick(s, []cloud.Class{cloud.Retryable, cloud.Denied})
		return f
	}
	switch makes := strings.HasPrefix(op, "Ensure"); s.rnd.IntN(9) {
	case 8: // what it makes is not shown
		f.Blind = makes && op != "EnsureNetwork" // of that there would be two, as TestWhatIsNeverSeenIsMadeThreeTimes has it
	case 0:
		f.Class, f.RetryAfter = cloud.Throttled, 40*time.Second
	case 1:
		f.Class = cloud.Denied
	case 2:
		f.After = true
	case 3:
		f.Class = cloud.Quota
	case 4:
		f.Issue, f.Class = makes, cloud.Capacity
	case 5:
		f.Issue = makes
	case 6:
		f.Stuck = makes
	case 7:
		f.Degraded = makes
	}
	return f
}
