// Package fsmtest makes lives for tests of the kinds: pasts that are written out, such as an active
// tenant, and commands that are drawn at random.
//
// It is for tests alone, here and in projections/state; nothing of the product imports it. Begin with
// WorldOf, which folds facts into entities, and with past.go for the facts that there are; draw.go has
// the random commands. The pasts are shared variables: read them from any goroutine and copy them
// before a change. Nothing is stored, and the same seed draws the same commands.
package fsmtest

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

// Names are what random lives are about: few, so that they meet.
var Names = []string{
	"customer acme", "customer other", "account -/main", "account acme/own", "plan -/free", "plan -/business", "plan -/many",
	"dataplane -/eu", "dataplane -/own", "dataplane acme/own", "tenantinfra -/eu_pg", "tenantinfra -/own_pg", "tenantinfra acme/own_pg",
	"cell -/eu_pg_c1", "cell acme/own_pg_c1", "cellapplication -/eu_pg_c1_web",
	"tenant acme/prod", "tenant acme/test", "tenant other/prod", "application acme/prod_pg", "application other/prod_pg",
	"repository acme/charts",
}

// specsOf are some specs of every kind.
var specsOf = map[ev.Kind][]ev.Spec{
	ev.Customer: {ev.CustomerSpec{Hosting: "provider"}, ev.CustomerSpec{Hosting: "customer", DisplayName: "Acme"}},
	ev.Account:  {MainSpec, ev.AccountSpec{Cloud: "sim", Number: "100", Hosting: "provider", Role: "r"}, ev.AccountSpec{Cloud: "sim", Number: "200", Hosting: "customer"}},
	ev.Plan: {FreeSpec, planSpec("dedicated", "spread", false), planSpec("resource-shared", "pack", false), planSpec("dedicated", "pack", true),
		providing(FreeSpec, 0), providing(planSpec("dedicated", "spread", false), 0), providing(FreeSpec, 1), owning(FreeSpec), owning(providing(FreeSpec, 1)), ManySpec, ManySpecOf("2")},
	ev.Dataplane: {EuSpec, dataplaneSpec("-/main", "dedicated", 3), dataplaneSpec("acme/own", "dedicated", 3),
		dataplaneSpec("-/main", "shared", 9)},
	ev.TenantInfra: {InfraSpec, ev.TenantInfraSpec{App: "pg", Size: "small", Scheduling: "preferred",
		Pools: []ev.Pool{{Name: "a", Machine: "m4", Max: 9, Priority: "on-demand"}, {Name: "b", Machine: "m8", Max: 2, Priority: "spot"}}},
		withCells(ev.Cells{Tenants: 1, Isolation: "policy", Max: 2, KeepEmpty: "1h"}), withCells(ev.Cells{Tenants: 2, Isolation: "policy", Max: 3, Warm: 1, KeepEmpty: "1h"}),
		withCells(ev.Cells{Tenants: 1, Isolation: ev.IsolationNodes, Max: 2, KeepEmpty: "1h"})},
	ev.Cell: {ev.CellSpec{Tenants: 1}, ev.CellSpec{Tenants: 2, KeepEmpty: "1h"}, ev.CellSpec{Tenants: 2, Plan: "-/many", Version: 1},
		ev.CellSpec{Tenants: 2, Plan: "-/many", Version: 2}},
	ev.CellApplication: {ManySpec.Applications[0].Spec(), ManySpecOf("2").Applications[0].Spec()},
	ev.Tenant: {ProdSpec, ev.TenantSpec{Plan: "-/business"}, ev.TenantSpec{Plan: "-/many"}, ev.TenantSpec{Plan: "-/free", App: "kafka"},
		ev.TenantSpec{Plan: "-/free", App: "pg", AllowNamespaces: []string{"ops"}}},
	ev.Addon:       {ev.AddonSpec{Manifests: PgSpec.Manifests}, ev.AddonSpec{Namespace: "ops", Manifests: PgSpec.Manifests}},
	ev.Repository:  {RepositorySpec("https://charts.example.com"), RepositorySpec("oci://registry.example.com/acme")},
	ev.Application: {PgSpec, ev.ApplicationSpec{Manifests: []map[string]any{{"kind": "Service", "ports": []any{5432.0}}}}},
}

// RepositorySpec is a login for a repository.
func RepositorySpec(url string) ev.RepositorySpec {
	return ev.RepositorySpec{URL: url, Username: "robot", Password: ev.SecretSource{SecretRef: ev.SecretRef{Store: "files", Name: "acme/charts", Key: "password"}}}
}

// providing is a plan that makes places, and keeps some empty.
func providing(s ev.PlanSpec, warm int) ev.PlanSpec {
	s.Provision = []ev.Provision{{Name: "made", Account: "-/main", KeepEmpty: "24h", Warm: warm, Max: 2,
		Dataplane:   ev.DataplaneTemplate{Region: EuSpec.Region, Version: "1.36", SystemPool: EuSpec.SystemPool},
		TenantInfra: ev.TenantInfraTemplate{Scheduling: "strict", Pools: InfraSpec.Pools, Cells: &ev.Cells{Tenants: 1, Isolation: "policy", Max: 1, KeepEmpty: "1h"}}}}
	return s
}

// owning is a plan whose tenants have machines of their own.
func owning(s ev.PlanSpec) ev.PlanSpec {
	s.Machines = ev.OwnMachines
	return s
}

func withCells(c ev.Cells) ev.TenantInfraSpec {
	s := InfraSpec
	s.Cells = &c
	return s
}

// ManySpec is a multi-tenant plan.
var ManySpec = ManySpecOf("1")

// ManySpecOf is a version of that plan.
func ManySpecOf(version string) ev.PlanSpec {
	s := planSpec(ev.MultiTenant, "spread", false)
	s.Applications = []ev.PlanApplication{{Name: "web", Manifests: []map[string]any{{"kind": "ConfigMap", "data": map[string]any{"version": version}}}}}
	s.Tenants = ev.PlanSteps{Join: &ev.PlanJob{Image: "join:" + version, Deadline: "10m", Attempts: 3}, Leave: &ev.PlanJob{Image: "leave:" + version, Deadline: "10m", Attempts: 3}}
	return s
}

func planSpec(deployment, placement string, draft bool) ev.PlanSpec {
	s := FreeSpec
	s.Deployment, s.Placement, s.Draft = deployment, placement, draft
	return s
}

func dataplaneSpec(account, typ string, most int) ev.DataplaneSpec {
	s := EuSpec
	s.Account, s.Type, s.SystemPool.Max = account, typ, most
	if most > 3 {
		s.SystemPool.Machine = "s4"
	}
	return s
}

// DrawCommand draws what somebody may ask now of anybody.
func DrawCommand(t *rapid.T, w *state.Entities) ev.Command {
	ref := RefOf(rapid.SampledFrom(append(slices.Clone(Names), made(w)...)).Draw(t, "who"))
	e, born := w.Get(ref)
	c := ev.Command{ID: fmt.Sprint("c", w.Seq+1), Ref: ref, Actor: ev.ActorAdmin, Time: Start.AddDate(0, 0, int(w.Seq)), UID: fmt.Sprint("u", w.Seq+1)}
	asks := []string{"create"}
	if born {
		asks = []string{"report", "report", "report", "settle", "settle", "settle", "update", "retry", "expire", "create"}
	}
	if born && ref.Kind == ev.Dataplane {
		asks = append(asks, "attach", "detach", "drift", "drift")
	}
	if born && ref.Kind == ev.Tenant {
		asks = append(asks, "suspend", "resume", "drift", "move", "move", "pause", "continue", "abort", "confirm")
	}
	if ev.Marked(ref.Kind) {
		asks = append(asks, "adopt", "disown")
	}
	if born && ref.Kind == ev.Cell {
		asks = append(asks, "drain", "upgrade", "drift")
	}
	unknown := rapid.SampledFrom([]string{"u1", "lost", "lost too"}).Draw(t, "unknown")
	switch rapid.SampledFrom(asks).Draw(t, "asks") {
	case "adopt":
		c.Payload = ev.Adopt{UID: unknown, Dataplane: drawPlace(t, ref), Create: ev.Create{Spec: rapid.SampledFrom(specsOf[ref.Kind]).Draw(t, "spec")}}
	case "disown":
		c.Payload = ev.Disown{UID: unknown}
	case "create":
		labels := drawLabels(t)
		if len(labels) == 0 {
			labels = nil // the log does not tell none from an empty set
		}
		c.Payload = ev.Create{Labels: labels, Spec: rapid.SampledFrom(specsOf[ref.Kind]).Draw(t, "spec")}
	case "update":
		c.Payload = ev.Update{Labels: drawLabels(t), Spec: rapid.SampledFrom(append(specsOf[ref.Kind], nil)).Draw(t, "spec")}
	case "retry":
		c.Payload = ev.Retry{}
	case "drift":
		c.Payload = ev.NoteDrift{Found: rapid.SampledFrom([][]ev.Drift{nil, Gone(ev.PartNetwork), Gone(ev.PartCluster), Gone(ev.PartSystemPool)}).Draw(t, "found")}
	case "attach":
		c.Payload = ev.Attach{Customer: rapid.SampledFrom([]string{"acme", "other"}).Draw(t, "customer")}
	case "drain":
		c.Payload = ev.Drain{End: rapid.Bool().Draw(t, "end")}
	case "upgrade":
		c.Payload = ev.UpgradeCell{Plan: rapid.SampledFrom([]string{"many@1", "many@2", "many@9", "free@1"}).Draw(t, "plan")}
	case "detach":
		c.Payload = ev.Detach{Customer: rapid.SampledFrom([]string{"acme", "other"}).Draw(t, "customer")}
	case "suspend":
		c.Payload = ev.Suspend{}
	case "resume":
		c.Payload = ev.Resume{}
	case "move":
		c.Payload = drawMove(t, w)
		if rapid.IntRange(0, 3).Draw(t, "looked") > 0 {
			c.Use = &ev.TenantUse{CPU: int64(rapid.IntRange(0, 3000).Draw(t, "cpu"))}
		}
	case "pause":
		c.Payload = ev.Pause{}
	case "continue":
		c.Payload = ev.Continue{}
	case "abort":
		c.Payload = ev.Abort{}
	case "confirm":
		c.Payload = ev.Confirm{}
	case "settle":
		c.Payload = ev.Settle{}
	case "expire":
		c.Payload = Expired(e)
	case "report":
		c.Payload = drawReport(t, e)
	}
	c.Internal = OfMachinery(c.Payload)
	return c
}

// Furnish asks for the first things of a life, so that some lives get far.
func Furnish(name string, w *state.Entities) ev.Command {
	ref := RefOf(name)
	return ev.Command{ID: fmt.Sprint("c", w.Seq+1), Ref: ref, Actor: ev.ActorAdmin, Time: Start, UID: fmt.Sprint("u", w.Seq+1),
		Payload: ev.Create{Spec: specsOf[ref.Kind][first(ref, w)]}}
}

// first is which spec of its kind something is furnished with: of tenant infras also those with cells, of plans also those
// that make places.
func first(ref ev.Ref, w *state.Entities) uint64 {
	switch ref.Kind {
	case ev.TenantInfra:
		return []uint64{0, 2, 3}[w.Seq%3]
	case ev.Plan:
		return []uint64{0, 4, 5, 6}[w.Seq%4]
	}
	return 0
}

// Expired says that the time of an entity's phase, or of its wait, is over.
func Expired(e fsm.Entity[fsm.Data]) ev.Expire {
	if w, waits := fsm.Machines[e.Ref.Kind].Owed(e).(fsm.WaitFor); waits && w.Within > 0 {
		return ev.Expire{Since: w.Since}
	}
	return ev.Expire{Since: fsm.Machines[e.Ref.Kind].LimitsOf(e).Began(e.Base)}
}

// made are all that decisions may have made, by name.
func made(w *state.Entities) (names []string) {
	for _, k := range []ev.Kind{ev.Dataplane, ev.TenantInfra, ev.Cell} {
		w.Each(k, func(e fsm.Entity[fsm.Data]) {
			if name := e.Ref.String(); !slices.Contains(Names, name) {
				names = append(names, name)
			}
		})
	}
	slices.Sort(names)
	return names
}

// drawMove draws where a tenant is to go: mostly where the plan's rule leads.
func drawMove(t *rapid.T, w *state.Entities) ev.Move {
	ask := ev.Move{Plan: rapid.SampledFrom([]string{"", "-/free", "-/free@1", "-/business", "-/business"}).Draw(t, "plan")}
	if some := cells(w); len(some) > 0 && rapid.Bool().Draw(t, "to a cell") {
		ask.Cell = RefOf(rapid.SampledFrom(some).Draw(t, "cell")).Path()
	}
	return ask
}

// cells are all cells and what is in them, by name.
func cells(w *state.Entities) (names []string) {
	for _, k := range []ev.Kind{ev.Cell, ev.CellApplication} {
		w.Each(k, func(e fsm.Entity[fsm.Data]) { names = append(names, e.Ref.String()) })
	}
	slices.Sort(names)
	return names
}

// GoOn does, for one entity that is owed something, what the machinery would do
// next; where none is, the command stays as it is.
func GoOn(t *rapid.T, w *state.Entities, c ev.Command) ev.Command {
	var owing []string
	for _, name := range slices.Concat(Names, made(w)) {
		if e, born := w.Get(RefOf(name)); born && fsm.Machines[e.Ref.Kind].Owed(e) != nil {
			owing = append(owing, name)
		}
	}
	if len(owing) == 0 {
		return c
	}
	c.Ref = RefOf(rapid.SampledFrom(owing).Draw(t, "who goes on"))
	e, _ := w.Get(c.Ref)
	switch owed := fsm.Machines[e.Ref.Kind].Owed(e).(type) {
	case fsm.WaitFor:
		c.Payload = ev.Settle{}
		if owed.OnlyTime() || owed.Within > 0 && rapid.Bool().Draw(t, "its time is over") {
			c.Payload = Expired(e)
		}
	default:
		c.Payload = drawReport(t, e)
	}
	c.Internal = true
	return c
}

func drawLabels(t *rapid.T) map[string]string {
	return rapid.SampledFrom([]map[string]string{nil, nil, {}, {"tier": "one"}, {"tier": "two"}}).Draw(t, "labels")
}

func drawReport(t *rapid.T, e fsm.Entity[fsm.Data]) ev.Report {
	r := ev.Report{UID: e.UID, Digest: "of another effect"}
	owed := fsm.Machines[e.Ref.Kind].Owed(e)
	if owed == nil {
		return r
	}
	if rapid.IntRange(0, 9).Draw(t, "stale") > 0 {
		r.Digest = fsm.DigestOf(owed)
	}
	outcomes := outcomesOf(owed)
	if len(outcomes) > 0 && rapid.IntRange(0, 5).Draw(t, "fails") > 0 {
		r.Outcome = rapid.SampledFrom(outcomes).Draw(t, "outcome")
		return r
	}
	codes := []ev.ReasonCode{ev.InternalReason, ev.Unreachable, ev.RateLimited, ev.CapacityUnavailable, ev.ConfigProblem}
	r.Failure = Attempt(7, rapid.SampledFrom(codes).Draw(t, "code"))
	return r
}

// outcomesOf lists what an executor may say of an effect that it brought about.
func outcomesOf(e ev.Effect) []ev.Event {
	switch e := e.(type) {
	case ev.VerifyAccount:
		return []ev.Event{ev.Verified{}}
	case ev.EnsureNetwork:
		return []ev.Event{ev.NetworkReady{Network: "net", ID: "n1", Range: e.Range}}
	case ev.EnsureCluster:
		return []ev.Event{ev.ClusterReady{Cluster: "cluster", Version: e.Version}}
	case ev.EnsureSystemPool:
		return []ev.Event{ev.SystemPoolReady{Nodes: 1}}
	case ev.EnsureCell:
		return []ev.Event{ev.CellPrepared{}}
	case ev.JoinTenant:
		return []ev.Event{ev.TenantJoined{}}
	case ev.LeaveTenant:
		return []ev.Event{ev.TenantLeft{}}
	case ev.RemoveCell, ev.ForgetTenant:
		return []ev.Event{ev.Deleted{}}
	case ev.EnsureBase, ev.EnsureTenant, ev.RecordTenant:
		return []ev.Event{ev.Activated{}}
	case ev.MoveTenant:
		return []ev.Event{e.Outcome()}
	case ev.RelocateTenant:
		return []ev.Event{e.Outcome(1000)}
	case ev.SuspendTenant:
		return []ev.Event{ev.Suspended{TookMS: 1}}
	case ev.ResumeTenant:
		return []ev.Event{ev.Resumed{TookMS: 1}}
	case ev.EnsurePools:
		return []ev.Event{poolsIn("creating", e), poolsIn("active", e), poolsIn("active", e)}
	case ev.RetirePools:
		return []ev.Event{ev.PoolsRetired{}}
	case ev.EnsureApplication:
		return []ev.Event{ev.Deployed{Revision: e.Revision, Objects: []string{"ConfigMap/a"}}}
	}
	return nil
}

func poolsIn(state string, e ev.EnsurePools) (seen ev.PoolsObserved) {
	for _, p := range e.Pools {
		seen.Pools = append(seen.Pools, ev.PoolStatus{Name: p.Name, State: state, Nodes: 1})
	}
	return seen
}

// drawPlace is where a tenant may be adopted; nothing else is placed.
func drawPlace(t *rapid.T, ref ev.Ref) string {
	if ref.Kind != ev.Tenant {
		return ""
	}
	return rapid.SampledFrom([]string{"-/eu", "-/own", "acme/own"}).Draw(t, "place")
}

// OfMachinery tells whether a payload is one that no person gives.
func OfMachinery(p ev.Payload) bool {
	switch p.(type) {
	case ev.Settle, ev.Expire, ev.Report, ev.NoteDrift:
		return true
	}
	return false
}
