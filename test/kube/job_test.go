package kube_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/job"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
)

func jobIn(t *testing.T, namespace, level string) job.Spec {
	t.Helper()
	apply(t, admin, kube.NewObject("v1", "Namespace", "", namespace, nil).Marked("", map[string]string{kube.LabelPodSecurity: level}, nil))
	return job.Spec{Namespace: namespace, Name: "join-1", Owner: "U1", Try: "1.1", Image: "example.test/join:1", Command: []string{"/join"},
		Env: map[string]string{"A": "1"}, Deadline: time.Minute, Attempts: 1}
}

// A Job is killed at each of its writes, before and after the API server has done it. There is one all the same, it comes to
// its end, and nothing of it is left when it is removed.
func TestJobKilledAtEachWrite(t *testing.T) {
	t.Parallel()
	p := newProxy(t, rig)
	through, err := connect(p.kubeconfig(t))
	if err != nil {
		t.Fatal(err)
	}
	whole := func(spec job.Spec, at strike) (writes int) {
		ctx, kill := context.WithCancel(t.Context())
		defer kill()
		at.namespace, at.do = spec.Namespace+"/", kill
		p.arm(at)
		live := func(ctx context.Context, api kube.API) (ended bool) {
			kubetest.Eventually(t, "it is done", func() bool {
				done, err := job.Run(ctx, api, spec)
				if err != nil && ctx.Err() == nil {
					t.Fatal(err)
				}
				return done || ctx.Err() != nil
			})
			kubetest.Eventually(t, "it is gone", func() bool {
				gone, err := job.Remove(ctx, api, spec.Namespace, spec.Name, spec.Owner)
				if err != nil && ctx.Err() == nil {
					t.Fatal(err)
				}
				return gone || ctx.Err() != nil
			})
			return ctx.Err() == nil
		}
		if live(ctx, through) == (at.n != math.MaxInt) {
			t.Fatal("it was to be killed at write", at.n)
		}
		writes = p.counted()
		if at.n == math.MaxInt {
			return writes
		}
		if left := there(t, admin, job.API, "Job", spec.Namespace, spec.Name); left || at.n == 0 {
			live(t.Context(), admin)
		}
		jobs, err := admin.List(t.Context(), kube.Selector{APIVersion: job.API, Kind: "Job", Namespace: spec.Namespace})
		if err != nil || len(jobs) > 0 {
			t.Error("left:", jobs, err)
		}
		return writes
	}
	writes := whole(jobIn(t, "job-whole", "baseline"), strike{n: math.MaxInt})
	if writes != 2 {
		t.Error("it is written", writes, "times: to make it, and to delete it")
	}
	for n := range writes {
		for _, after := range []bool{false, true} {
			whole(jobIn(t, fmt.Sprintf("job-%d-%v", n, after), "baseline"), strike{n: n, after: after})
		}
	}
}

// What a program has said last is the reason of its Job, and another try is another Job of the same name.
func TestJobThatFails(t *testing.T) {
	t.Parallel()
	spec := jobIn(t, "job-fails", "baseline")
	spec.Nodes = map[string]string{"aerie.io/tenantinfra": "nowhere"}
	run := func() error { _, err := job.Run(t.Context(), admin, spec); return err }
	kubetest.Eventually(t, "its pod finds no machine", func() bool { return kube.CodeOf(run()) == kube.Unschedulable })
	fail(t, spec.Namespace, "connecting\nno such database: acme\n")
	var err error
	kubetest.Eventually(t, "it has failed", func() bool { err = run(); return kube.CodeOf(err) == kube.Invalid })
	if !strings.HasSuffix(err.Error(), "it said last: no such database: acme") {
		t.Error(err)
	}
	spec.Try, spec.Nodes = "2.1", nil
	kubetest.Eventually(t, "the next try is done", func() bool {
		done, err := job.Run(t.Context(), admin, spec)
		if err != nil {
			t.Fatal(err)
		}
		return done
	})
}

// One that hangs is ended by its deadline.
func TestJobThatHangs(t *testing.T) {
	t.Parallel()
	spec := jobIn(t, "job-hangs", "baseline")
	spec.Nodes, spec.Deadline = map[string]string{"aerie.io/tenantinfra": "nowhere"}, 2*time.Second
	var err error
	kubetest.Eventually(t, "its deadline ends it", func() bool { _, err = job.Run(t.Context(), admin, spec); return kube.CodeOf(err) == kube.Invalid })
	if !strings.Contains(err.Error(), "it was not done within 2s") {
		t.Error(err)
	}
}

// One that comes late, for something that is gone, is ended by the cluster, and so are its pods.
func TestJobThatComesLate(t *testing.T) {
	t.Parallel()
	spec := jobIn(t, "job-late", "baseline")
	apply(t, admin, kubetest.Config(spec.Namespace, "record", "1"))
	record, err := admin.Get(t.Context(), "v1", "ConfigMap", spec.Namespace, "record")
	kubetest.Must(t, err)
	kubetest.Must(t, kube.Delete(t.Context(), admin, record.Key()))
	apply(t, admin, kubetest.Config(spec.Namespace, "record", "1")) // another of its name
	spec.GoesWith, spec.Nodes = record, map[string]string{"aerie.io/tenantinfra": "nowhere"}
	_, err = job.Run(t.Context(), admin, spec)
	kubetest.Must(t, err)
	kubetest.Eventually(t, "it is gone", func() bool {
		pods, err := admin.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: spec.Namespace})
		kubetest.Must(t, err)
		return len(pods) == 0 && !there(t, admin, job.API, "Job", spec.Namespace, spec.Name)
	})
}

// One whose pod is not let in says so.
func TestJobWhosePodIsRefused(t *testing.T) {
	t.Parallel()
	spec := jobIn(t, "job-refused", "restricted")
	var err error
	kubetest.Eventually(t, "it says so", func() bool { _, err = job.Run(t.Context(), admin, spec); return kube.CodeOf(err) == kube.Unready })
	if !strings.Contains(err.Error(), "violates PodSecurity") {
		t.Error(err)
	}
}

// fail ends the pods of a namespace as a kubelet would whose container has ended badly.
func fail(t *testing.T, namespace, said string) {
	t.Helper()
	config, err := kube.ReadConfig(rig.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	pods := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace(namespace)
	all, err := pods.List(t.Context(), metav1.ListOptions{})
	if err != nil || len(all.Items) == 0 {
		t.Fatal(all, err)
	}
	for _, p := range all.Items {
		status := map[string]any{"phase": "Failed", "startTime": "2026-01-01T00:00:00Z", "containerStatuses": []any{map[string]any{"name": "run", "image": "x", "imageID": "",
			"ready": false, "restartCount": int64(0), "state": map[string]any{"terminated": map[string]any{"exitCode": int64(1), "message": said,
				"startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:00Z"}}}}}
		if err := unstructured.SetNestedMap(p.Object, status, "status"); err != nil {
			t.Fatal(err)
		}
		if _, err := pods.UpdateStatus(t.Context(), &p, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}
