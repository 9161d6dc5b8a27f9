package sim

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/cell"
	"github.com/aeriehq/aerie/cloud/kube/job"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/release"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/clock"
	"github.com/aeriehq/aerie/workers/execute"
	"github.com/aeriehq/aerie/workers/reconcile"
)

// slowCloud holds the first EnsureNetwork back, as a call that is long on its way.
type slowCloud struct {
	cloud.Provider
	once                       sync.Once
	entered, release, returned chan struct{}
}

func (c *slowCloud) EnsureNetwork(ctx context.Context, s cloud.Scope, spec cloud.NetworkSpec) (cloud.Observation, error) {
	c.once.Do(func() {
		close(c.entered)
		<-c.release
		ctx = context.Background() // the cloud has it already, and it was permitted
		defer close(c.returned)
		_, _ = c.Provider.EnsureNetwork(ctx, s, spec)
	})
	return c.Provider.EnsureNetwork(ctx, s, spec)
}

// A call that was on its way when its entity ended leaves a network behind; the
// sweeper removes it after the grace, and nothing of anybody else's.
func TestASlowCreateDoesNotLeak(t *testing.T) {
	t.Parallel()
	slow := &slowCloud{entered: make(chan struct{}), release: make(chan struct{}), returned: make(chan struct{})}
	r := newRigWith(t, func(p cloud.Provider) cloud.Provider {
		slow.Provider = p
		return slow
	})
	must := func(_ ev.Answer, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(r.ask(ev.Account, "-/main", "create", `{"spec":{"cloud":"sim","number":"4711"}}`))
	must(r.ask(ev.Dataplane, "-/eu", "create", `{"spec":{"account":"main","region":"eu-central"}}`))
	<-slow.entered
	must(r.ask(ev.Dataplane, "-/eu", "delete", ""))
	r.phase(ev.Dataplane, "-/eu", 0, fsm.Gone)
	close(slow.release)
	<-slow.returned

	site := ev.Target{Account: ev.CloudAccount{Number: "4711"}, Region: "eu-central"}
	other := cloud.NetworkSpec{Name: "theirs", Owner: "-/dataplane/eu/01ANOTHERCONTROLPLANE", Range: "10.0.0.0/16"}
	if _, err := r.cloud.EnsureNetwork(t.Context(), execute.ScopeOf(site), other); err != nil {
		t.Fatal(err)
	}
	ours := r.owned(site)[0]
	if ours.Owner == other.Owner {
		ours = r.owned(site)[1]
	}
	if _, err := r.cloud.EnsureNetwork(t.Context(), execute.ScopeOf(site), cloud.NetworkSpec{Name: "second", Owner: ours.Owner, Range: "10.1.0.0/16"}); err != nil {
		t.Fatal(err)
	}
	sweeper := reconcile.NewSweeper(r.intake, r.fold, map[string]execute.Cloud{"sim": {Provider: r.cloud}}, clock.Clock{Speed: 1})
	now := time.Now()
	sweeper.Sweep(t.Context(), now)
	if n := len(r.owned(site)); n != 3 {
		t.Fatalf("within the grace %d of 3 are left", n)
	}
	if err := r.cloud.Inject(sim.Fault{Op: "DeleteNetwork", Class: cloud.Denied}); err != nil {
		t.Fatal(err)
	}
	sweeper.Sweep(t.Context(), now.Add(reconcile.SweepGrace))
	r.now.Advance(time.Hour)
	if left := r.owned(site); len(left) != 2 {
		t.Errorf("one cannot go, and the other has to: %+v", left)
	}
	sweeper.Sweep(t.Context(), now.Add(2*reconcile.SweepGrace))
	r.now.Advance(time.Hour)
	left := r.owned(site)
	if len(left) != 1 || left[0].Owner != other.Owner {
		t.Errorf("left: %+v", left)
	}
	ref, _ := ev.ParseRef(ev.Dataplane, "-/eu")
	if h := r.history(ref); !strings.HasPrefix(h[len(h)-1], "swept ") {
		t.Errorf("history: %v", h)
	}
	ledger, err := sim.ReadLedger(filepath.Join(r.dir, "cloud"))
	if err != nil || len(ledger.Live()) != 1 {
		t.Errorf("the ledger has %+v, %v", ledger.Live(), err)
	}
}

func (r *rig) owned(s ev.Target) []cloud.Ref {
	r.t.Helper()
	all, err := r.cloud.ListOwned(r.t.Context(), execute.ScopeOf(s), "")
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

// A namespace that a slow call made after the end of its tenant goes too, and that
// of a living one stays.
func TestALateNamespaceIsSwept(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, c := range []string{
		"create customer acme {}",
		`create account -/main {"cloud":"sim","number":"4711"}`,
		`create plan -/free {"deployment":"resource-shared","apps":[{"type":"postgres","size":"small"}]}`,
		`create dataplane -/eu {"account":"main","region":"eu-central"}`,
		`create tenantinfra -/eu_pg {"app":"postgres","size":"small","pools":[{"name":"data","machine":"s4"}]}`,
		`create tenant acme/gone {"plan":"free"}`,
		`create tenant acme/stays {"plan":"free"}`,
		"build tenant acme/gone Active",
		"build tenant acme/stays Active",
	} {
		r.perform(c)
	}
	gone := r.phase(ev.Tenant, "acme/gone", 0, fsm.Active)
	d := gone.Data.(fsm.TenantData)
	r.perform("delete tenant acme/gone {}")
	r.phase(ev.Tenant, "acme/gone", time.Minute, fsm.Gone)
	api, err := r.cloud.Kube(t.Context(), execute.ScopeOf(d.Site), d.Cluster)
	if err != nil {
		t.Fatal(err)
	}
	late := tenant.Spec{Namespace: d.Placement.Namespace, Customer: "acme", Tenant: "gone", Owner: gone.UID, Plan: "free"}
	if _, err := tenant.Ensure(t.Context(), api, late); err != nil {
		t.Fatal(err)
	}
	sweeper := reconcile.NewSweeper(r.intake, r.fold, map[string]execute.Cloud{"sim": {Provider: r.cloud, Kube: r.cloud.Kube}}, clock.Clock{Speed: 1})
	now := time.Now()
	sweeper.Sweep(t.Context(), now)
	if n := len(r.objects("acme--gone")); n == 0 {
		t.Error("swept within the grace")
	}
	sweeper.Sweep(t.Context(), now.Add(reconcile.SweepGrace))
	if left := r.objects("acme--gone"); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if len(r.objects("acme--stays")) == 0 {
		t.Error("the living one was swept")
	}
	if h := r.history(gone.Ref); !strings.HasPrefix(h[len(h)-1], "swept ") {
		t.Errorf("history: %v", h)
	}
}

// A call of an earlier stay comes late. To delete the tenant's namespace deletes nothing, where it lives now. To make one makes
// it where it lives no more, and that goes, though the tenant lives; what is in its own place stays whatever its label says.
func TestALateCallOfAnEarlierStay(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, c := range []string{
		"create customer acme {}",
		`create account -/main {"cloud":"sim","number":"4711"}`,
		`create plan -/free {"deployment":"resource-shared","apps":[{"type":"postgres","size":"small"}]}`,
		`create dataplane -/eu {"account":"main","region":"eu-central"}`,
		`create tenantinfra -/eu_pg {"app":"postgres","size":"small","pools":[{"name":"data","machine":"s4"}]}`,
		`create tenant acme/prod {"plan":"free"}`,
		"build tenant acme/prod Active",
		`create dataplane -/us {"account":"main","region":"us-west"}`,
		"build dataplane -/us Active",
	} {
		r.perform(c)
	}
	prod := r.phase(ev.Tenant, "acme/prod", 0, fsm.Active)
	d := prod.Data.(fsm.TenantData)
	us := r.phase(ev.Dataplane, "-/us", 0, fsm.Active)
	elsewhere, cluster := d.Site, us.Data.(fsm.DataplaneData).Cluster.Cluster
	elsewhere.Region = "us-west"
	open := func(site ev.Target, cluster string) kube.API {
		api, err := r.cloud.Kube(t.Context(), execute.ScopeOf(site), cluster)
		if err != nil {
			t.Fatal(err)
		}
		return api
	}
	there := func(api kube.API) bool {
		o, err := kube.Find(t.Context(), api, kube.NamespaceKey("acme--prod"))
		if err != nil {
			t.Fatal(err)
		}
		return o != nil
	}
	here, gone := open(d.Site, d.Cluster), open(elsewhere, cluster)
	clouds := map[string]execute.Cloud{"sim": {Provider: r.cloud, Kube: r.cloud.Kube}}
	for _, stay := range []string{"", "01HEARLIER"} {
		args, err := json.Marshal(ev.RemoveTenant{Target: d.Site, Cluster: d.Cluster, Namespace: "acme--prod", Stay: stay})
		if err != nil {
			t.Fatal(err)
		}
		late := execute.NewTask(ev.Work{Ref: prod.Ref, UID: prod.UID, Revision: 1 << 40, Effect: "remove_tenant", Args: args}, clouds, nil)
		if result := late.Do(t.Context()); result.Err != nil || !there(here) {
			t.Errorf("a late call of stay %q: %v; the namespace is there: %v", stay, result.Err, there(here))
		}
	}
	spec := tenant.Spec{Namespace: "acme--prod", Customer: "acme", Tenant: "prod", Owner: prod.UID, Plan: "free", Stay: "01HEARLIER"}
	if _, err := tenant.Ensure(t.Context(), gone, spec); err != nil {
		t.Fatal(err)
	}
	spec.Revision = 1 << 40
	if _, err := tenant.Ensure(t.Context(), here, spec); err != nil { // as of a tenant that was adopted
		t.Fatal(err)
	}
	sweeper := reconcile.NewSweeper(r.intake, r.fold, clouds, clock.Clock{Speed: 1})
	now := time.Now()
	sweeper.Sweep(t.Context(), now)
	if !there(gone) {
		t.Error("swept within the grace")
	}
	sweeper.Sweep(t.Context(), now.Add(reconcile.SweepGrace))
	if there(gone) || !there(here) {
		t.Errorf("the earlier stay's namespace is left: %v; the present one's is: %v", there(gone), there(here))
	}
	if h := r.history(prod.Ref); !strings.HasPrefix(h[len(h)-1], "swept ") {
		t.Errorf("history: %v", h)
	}
}

// A record that a slow call makes in a cell where the tenant lives no more goes, though the tenant lives, and so does a Job that goes with
// it. Where it lives its record stays.
func TestALateRecordIsSwept(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, c := range []string{
		"create customer acme {}",
		`create account -/main {"cloud":"sim","number":"4711"}`,
		"create plan -/many " + manyJSON("1"),
		`create dataplane -/eu {"account":"main","region":"eu-central"}`,
		"create tenantinfra -/eu_pg " + cellsJSON(2, 3, 0),
		`create tenant acme/prod {"plan":"many"}`,
		"build tenant acme/prod Active",
		`create cell -/eu_pg_other {"tenants":2,"plan":"many","planVersion":1}`,
		"build cell -/eu_pg_other Open",
	} {
		r.perform(c)
	}
	prod := r.phase(ev.Tenant, "acme/prod", 0, fsm.Active)
	d := prod.Data.(fsm.TenantData)
	api, err := r.cloud.Kube(t.Context(), execute.ScopeOf(d.Site), d.Cluster)
	kubetest.Must(t, err)
	late := cell.Record{Namespace: "cell---pg-other", Name: d.Placement.Record, Customer: "acme", Tenant: "prod", Owner: prod.UID, Revision: 1}
	kubetest.Must(t, cell.EnsureRecord(t.Context(), api, late))
	there := func(namespace string) kube.Object {
		o, err := cell.FindRecord(t.Context(), api, namespace, late.Name, prod.UID)
		kubetest.Must(t, err)
		return o
	}
	run := job.Spec{Namespace: late.Namespace, Name: "late", Owner: prod.UID, Image: "example.test/leave:1", Deadline: time.Hour, GoesWith: there(late.Namespace)}
	_, err = job.Run(t.Context(), api, run)
	kubetest.Must(t, err)
	sweeper := reconcile.NewSweeper(r.intake, r.fold, map[string]execute.Cloud{"sim": {Provider: r.cloud, Kube: r.cloud.Kube}}, clock.Clock{Speed: 1})
	now := time.Now()
	sweeper.Sweep(t.Context(), now)
	if there(late.Namespace) == nil {
		t.Error("swept within the grace")
	}
	sweeper.Sweep(t.Context(), now.Add(reconcile.SweepGrace))
	left, err := api.List(t.Context(), kube.Selector{APIVersion: job.API, Kind: "Job", Namespace: late.Namespace})
	kubetest.Must(t, err)
	if there(late.Namespace) != nil || len(left) > 0 || there(d.Placement.Namespace) == nil {
		t.Errorf("the late record is %v, with %v; its own is %v", there(late.Namespace), left, there(d.Placement.Namespace))
	}
}

// An application that a slow call installs after its end, in the namespace of a tenant
// that lives on, goes too; it would keep the name's next owner out.
func TestALateApplicationIsSwept(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	inhabited(r, ev.DriftRepair)
	gone := r.phase(ev.Application, "acme/prod_pg", 0, fsm.Deployed)
	d := gone.Data.(fsm.ApplicationData)
	r.perform("delete application acme/prod_pg {}")
	r.phase(ev.Application, "acme/prod_pg", time.Minute, fsm.Uninstalled)
	api, err := r.cloud.Kube(t.Context(), execute.ScopeOf(d.Site), d.Cluster)
	if err != nil {
		t.Fatal(err)
	}
	const earlier = "01JDABSENT0000000000000000"
	if _, err := r.ask(ev.Application, "acme/prod_pg", ev.VerbDisown, `{"uid":"`+earlier+`"}`); err != nil {
		t.Fatal(err)
	}
	stuck := kube.Object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"namespace": d.Namespace, "name": "aerie.app.a", "labels": map[string]any{
		kube.LabelManagedBy: "aerie", kube.LabelApplication: "pg", kube.LabelOwner: earlier}}}
	if _, err := api.Apply(t.Context(), stuck); err != nil { // what can't be removed keeps nothing else
		t.Fatal(err)
	}
	before := r.objects("acme--prod")
	var manifests []kube.Object
	for _, m := range d.Spec.Manifests {
		manifests = append(manifests, m)
	}
	late := release.AppSpec{Namespace: d.Namespace, Name: "pg", Owner: gone.UID, Revision: 1, Objects: manifests}
	if _, err := release.EnsureApplication(t.Context(), api, late); err != nil {
		t.Fatal(err)
	}
	sweeper := reconcile.NewSweeper(r.intake, r.fold, map[string]execute.Cloud{"sim": {Provider: r.cloud, Kube: r.cloud.Kube}}, clock.Clock{Speed: 1})
	now := time.Now()
	sweeper.Sweep(t.Context(), now)
	if slices.Equal(r.objects("acme--prod"), before) {
		t.Error("swept within the grace")
	}
	sweeper.Sweep(t.Context(), now.Add(reconcile.SweepGrace))
	if left := r.objects("acme--prod"); !slices.Equal(left, before) {
		t.Errorf("left: %v, want %v", left, before)
	}
	if h := r.history(gone.Ref); !strings.HasPrefix(h[len(h)-1], "swept ") {
		t.Errorf("history: %v", h)
	}
}

// The priority class of tenants goes when the last of them has gone.
func TestClassesAreSwept(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, c := range []string{
		"create customer acme {}",
		`create account -/main {"cloud":"sim","number":"4711"}`,
		`create plan -/free {"deployment":"resource-shared","apps":[{"type":"postgres","size":"small"}],"priority":5}`,
		`create dataplane -/eu {"account":"main","region":"eu-central"}`,
		`create tenantinfra -/eu_pg {"app":"postgres","size":"small","pools":[{"name":"data","machine":"s4"}]}`,
		`create tenant acme/prod {"plan":"free"}`,
		"build tenant acme/prod Active",
	} {
		r.perform(c)
	}
	d := r.phase(ev.Tenant, "acme/prod", 0, fsm.Active).Data.(fsm.TenantData)
	api, err := r.cloud.Kube(t.Context(), execute.ScopeOf(d.Site), d.Cluster)
	if err != nil {
		t.Fatal(err)
	}
	sweeper := reconcile.NewSweeper(r.intake, r.fold, map[string]execute.Cloud{"sim": {Provider: r.cloud, Kube: r.cloud.Kube}}, clock.Clock{Speed: 1})
	left := func() int {
		t.Helper()
		sweeper.Sweep(t.Context(), time.Now())
		found, err := api.List(t.Context(), kube.Selector{APIVersion: "scheduling.k8s.io/v1", Kind: "PriorityClass"})
		if err != nil {
			t.Fatal(err)
		}
		return len(slices.DeleteFunc(found, func(o kube.Object) bool { return o.Name() == tenant.PlaceholderClass }))
	}
	if n := left(); n != 1 {
		t.Errorf("%d classes while there is a tenant", n)
	}
	r.perform("delete tenant acme/prod {}")
	r.phase(ev.Tenant, "acme/prod", time.Minute, fsm.Gone)
	if n := left(); n != 0 {
		t.Errorf("%d classes are left", n)
	}
	if h := r.history(ev.Ref{Kind: ev.Dataplane, Owner: ev.Platform, ID: "eu"}); !strings.HasPrefix(h[len(h)-1], "swept ") {
		t.Errorf("history: %v", h)
	}
}
