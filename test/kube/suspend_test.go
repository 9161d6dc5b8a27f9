package kube_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/policy"
	"github.com/aeriehq/aerie/cloud/kube/release"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

// sleeper is a tenant with a release of two pods, and an application with a StatefulSet and a CronJob.
type sleeper struct {
	shop
	app release.AppSpec
}

func newSleeper(t *testing.T, name string) sleeper {
	s := sleeper{shop: newShop(t, name)}
	s.must(s.request(helm.Ensure, "1.0.0", map[string]any{"replicas": 2}), "install", "")
	pods := map[string]any{"metadata": map[string]any{"labels": map[string]any{"app": "db"}},
		"spec": map[string]any{"containers": []any{map[string]any{"name": "c", "image": "example.test/app:1"}}}}
	job := map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"restartPolicy": "Never",
		"containers": []any{map[string]any{"name": "c", "image": "example.test/app:1"}}}}}}
	s.app = release.AppSpec{Namespace: s.namespace, Name: "db", Owner: "01DB", Revision: 3, Terms: policy.AsTenant, Objects: []kube.Object{
		kube.NewObject("apps/v1", "StatefulSet", "", "db", map[string]any{"serviceName": "db",
			"selector": map[string]any{"matchLabels": map[string]any{"app": "db"}}, "template": pods}),
		kube.NewObject("batch/v1", "CronJob", "", "nightly", map[string]any{"schedule": "0 3 * * *", "jobTemplate": job}),
	}}
	if _, err := release.EnsureApplication(t.Context(), admin, s.app); err != nil {
		t.Fatal(err)
	}
	s.stands("web:2 db:1 nightly:false", 3)
	return s
}

// stands waits until so much is wanted and runs, and the controllers have written down that it does: until then they write
// to the same objects.
func (s sleeper) stands(want string, pods int) {
	s.Helper()
	got := ""
	kubetest.Eventually(s, "it is as wanted", func() bool {
		settled := true
		replicas := func(kind, name string) any {
			o, err := admin.Get(s.Context(), "apps/v1", kind, s.namespace, name)
			if err != nil {
				s.Fatal(err)
			}
			settled = settled && kube.RolledOut(o)
			return kube.MapOf(o["spec"])["replicas"]
		}
		nightly, err := admin.Get(s.Context(), "batch/v1", "CronJob", s.namespace, "nightly")
		if err != nil {
			s.Fatal(err)
		}
		all, err := admin.List(s.Context(), kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: s.namespace})
		if err != nil {
			s.Fatal(err)
		}
		running := 0
		for _, p := range all {
			if kube.MapOf(p["status"])["phase"] == "Running" {
				running++
			}
		}
		got = fmt.Sprintf("web:%v db:%v nightly:%v, %d run", replicas("Deployment", "web"), replicas("StatefulSet", "db"), kube.MapOf(nightly["spec"])["suspend"], running)
		return settled && got == fmt.Sprintf("%s, %d run", want, pods)
	})
}

// suspend and resume go on until they are done.
func (s sleeper) suspend(revision uint64) {
	s.Helper()
	kubetest.Eventually(s, "nothing runs", func() bool {
		running, err := tenant.Suspend(s.Context(), admin, s.namespace, revision)
		if err != nil {
			s.Fatal(err)
		}
		return !running
	})
	s.stands("web:0 db:0 nightly:true", 0)
}

func (s sleeper) resume(revision uint64) {
	s.Helper()
	kubetest.Eventually(s, "all runs", func() bool {
		ready, err := tenant.Resume(s.Context(), admin, s.namespace, revision)
		if err != nil {
			s.Fatal(err)
		}
		return ready
	})
	s.stands("web:2 db:1 nightly:false", 3)
}

// inSync wants that nothing of what is installed has drifted.
func (s sleeper) inSync() {
	s.Helper()
	chart, err := release.ChartDrift(s.Context(), admin, release.AppSpec{Namespace: s.namespace, Name: "web", Owner: "01APP"})
	if err != nil {
		s.Fatal(err)
	}
	plain, err := release.ApplicationDrift(s.Context(), admin, s.app)
	if err != nil {
		s.Fatal(err)
	}
	if got := told(append(chart, plain...)); got != "" {
		s.Error("drifted:", got)
	}
}

// TestSuspension stops and starts what runs on a real Kubernetes, whoever has installed it. Afterwards nothing has drifted,
// and what was installed can be changed as before.
func TestSuspension(t *testing.T) {
	s := newSleeper(t, "sleeps")
	s.suspend(4)
	awake, err := tenant.Awake(t.Context(), admin, s.namespace)
	if err != nil || len(awake) > 0 {
		t.Fatal(awake, err)
	}
	s.resume(5)
	s.inSync()
	s.must(s.request(helm.Ensure, "1.1.0", map[string]any{"replicas": 1}), "upgrade", "")
	s.app.Objects[0]["spec"].(map[string]any)["replicas"] = int64(2)
	s.app.Revision = 6
	if _, err := release.EnsureApplication(t.Context(), admin, s.app); err != nil {
		t.Fatal(err)
	}
	s.stands("web:1 db:2 nightly:false", 3)
	s.inSync()
	if _, err := tenant.Suspend(t.Context(), admin, s.namespace, 4); kube.CodeOf(err) != kube.Conflict {
		t.Error("a late suspension:", err)
	}
	s.stands("web:1 db:2 nightly:false", 3)
}

// TestSuspensionKilledAtAnyWrite cuts both off at each of their writes, before and after the API server has done it. Whoever
// comes next brings them to their end.
func TestSuspensionKilledAtAnyWrite(t *testing.T) {
	s := newSleeper(t, "cut-off")
	p := newProxy(t, rig)
	through, err := connect(p.kubeconfig(t))
	if err != nil {
		t.Fatal(err)
	}
	revision := uint64(10)
	cut := func(do func(context.Context, kube.API, string, uint64) (bool, error), at strike) (writes int) {
		revision++
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		at.namespace, at.do = s.namespace+"/", cancel
		p.arm(at)
		_, err := do(ctx, through, s.namespace, revision)
		if whole := at.n == math.MaxInt; whole != (err == nil) {
			t.Fatalf("cut off at write %d: %v", at.n, err)
		}
		return p.counted()
	}
	writes := cut(tenant.Suspend, strike{n: math.MaxInt})
	s.stands("web:0 db:0 nightly:true", 0)
	if again := cut(tenant.Resume, strike{n: math.MaxInt}); writes != 3 || again != 3 {
		t.Fatalf("they wrote %d and %d times, want one write for each of what runs", writes, again)
	}
	s.resume(revision)
	for n := range writes {
		for _, after := range []bool{false, true} {
			cut(tenant.Suspend, strike{n: n, after: after})
			s.suspend(revision)
			cut(tenant.Resume, strike{n: n, after: after})
			s.resume(revision)
		}
	}
	s.inSync()
}
