package job_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/job"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/memory"
)

// cluster is a store in which Jobs run, with a clock and a course for those to come.
type cluster struct {
	store  *memory.Store
	now    time.Time
	course memory.Course
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	return &cluster{store: kubetest.Store(t, kubetest.Named("v1", "Namespace", "", "cell")), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// api is the cluster now. What is put there takes ten seconds.
func (c *cluster) api() kube.API {
	return memory.RunJobs(c.store, c.now, func() memory.Course {
		course := c.course
		course.Ends = c.now.Add(10 * time.Second)
		return course
	})
}

func (c *cluster) run(t *testing.T, s job.Spec) (bool, error) {
	t.Helper()
	return job.Run(t.Context(), c.api(), s)
}

var joining = job.Spec{Namespace: "cell", Name: "join-1", Owner: "U1", Try: "1.1", Image: "example.test/join:1",
	Command: []string{"/join", "--now"}, Env: map[string]string{"B": "2", "A": "1"}, Secrets: []string{"db"}, Deadline: time.Minute, Attempts: 3,
	Nodes: map[string]string{"aerie.io/tenantinfra": "pg"}}

// A Job that is asked for again and again runs once, and goes when it is removed.
func TestJobRunsToItsEnd(t *testing.T) {
	c := newCluster(t)
	for range 3 {
		if done, err := c.run(t, joining); done || err != nil {
			t.Fatal(done, err)
		}
	}
	c.now = c.now.Add(9 * time.Second)
	if done, err := c.run(t, joining); done || err != nil {
		t.Fatal("before its time:", done, err)
	}
	c.now = c.now.Add(time.Second)
	for range 2 {
		if done, err := c.run(t, joining); !done || err != nil {
			t.Fatal(done, err)
		}
	}
	jobs, err := c.api().List(t.Context(), kube.Selector{APIVersion: job.API, Kind: "Job"})
	if err != nil || len(jobs) != 1 {
		t.Fatal(jobs, err)
	}
	run := kube.MapsOf(kube.Nested(jobs[0], "spec", "template", "spec")["containers"])[0]
	if got := fmt.Sprint(run["env"], run["envFrom"]); got != "[map[name:A value:1] map[name:B value:2]] [map[secretRef:map[name:db]]]" {
		t.Error("its environment is", got)
	}
	if gone, err := job.Remove(t.Context(), c.api(), "cell", "join-1", "U2"); !gone || err != nil {
		t.Fatal("another's is not touched:", gone, err)
	}
	if _, err := c.run(t, job.Spec{Namespace: "cell", Name: "join-1", Owner: "U2"}); kube.CodeOf(err) != kube.Conflict {
		t.Fatal("another's is not taken:", err)
	}
	for i := range 2 {
		if gone, err := job.Remove(t.Context(), c.api(), "cell", "join-1", "U1"); gone != (i == 1) || err != nil {
			t.Fatal(gone, err)
		}
	}
}

// One that has failed says why, again and again, until another try is asked for.
func TestJobThatFails(t *testing.T) {
	c := newCluster(t)
	c.course.Fails = "database is locked"
	_, _ = c.run(t, joining)
	c.now = c.now.Add(10 * time.Second)
	for range 2 {
		_, err := c.run(t, joining)
		if kube.CodeOf(err) != kube.Invalid || !strings.Contains(err.Error(), "it failed in all of 3 attempts; it said last: database is locked") {
			t.Fatal(err)
		}
	}
	c.course.Fails = ""
	again := joining
	again.Try = "2.1"
	for range 2 { // the old one is deleted, then another is made
		if done, err := c.run(t, again); done || err != nil {
			t.Fatal(done, err)
		}
	}
	c.now = c.now.Add(10 * time.Second)
	later := again
	later.Try = "3.1"
	if done, err := c.run(t, later); !done || err != nil {
		t.Fatal("what has been done is done, whoever asked for it:", done, err)
	}
}

// One that hangs is ended by its deadline.
func TestJobThatHangs(t *testing.T) {
	c := newCluster(t)
	c.course.Stuck = true
	_, _ = c.run(t, joining)
	c.now = c.now.Add(time.Minute)
	if _, err := c.run(t, joining); err == nil || !strings.Contains(err.Error(), "it was not done within 1m0s") {
		t.Fatal(err)
	}
}

// The last words are those of the newest pod of the Job that is there; what keeps one from running is said meanwhile.
func TestLastWords(t *testing.T) {
	c := newCluster(t)
	_, _ = c.run(t, joining)
	pod := func(name, begun string, status map[string]any) {
		there, err := c.store.Get(t.Context(), job.API, "Job", "cell", "join-1")
		kubetest.Must(t, err)
		o := kube.NewObject("v1", "Pod", "cell", name, nil).Marked("", map[string]string{"batch.kubernetes.io/job-name": "join-1",
			"batch.kubernetes.io/controller-uid": kube.StringOf(there.Metadata()["uid"])}, nil)
		status["startTime"] = begun
		o["status"] = status
		_, err = c.store.Apply(t.Context(), o)
		kubetest.Must(t, err)
	}
	waits := func(reason string) map[string]any {
		return map[string]any{"phase": "Pending", "containerStatuses": []any{map[string]any{"name": "run", "image": "example.test/join:1",
			"state": map[string]any{"waiting": map[string]any{"reason": reason}}}}}
	}
	pod("a", "2026-01-01T00:00:01Z", waits("ImagePullBackOff"))
	if _, err := c.run(t, joining); kube.CodeOf(err) != kube.Unready || !strings.Contains(err.Error(), "ImagePullBackOff") {
		t.Fatal(err)
	}
	ended := func(code int64, message string) map[string]any {
		return map[string]any{"phase": "Failed", "containerStatuses": []any{map[string]any{"name": "run",
			"state": map[string]any{"terminated": map[string]any{"exitCode": code, "message": message}}}}}
	}
	pod("a", "2026-01-01T00:00:01Z", ended(1, "begin\nold words\n"))
	pod("b", "2026-01-01T00:00:02Z", ended(2, "begin\nno such database: acme\n\n"))
	o, err := c.store.Get(t.Context(), job.API, "Job", "cell", "join-1")
	kubetest.Must(t, err)
	o["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "of Kubernetes"}}}
	_, err = c.store.Apply(t.Context(), o)
	kubetest.Must(t, err)
	if _, err := c.run(t, joining); err == nil || !strings.HasSuffix(err.Error(), "it said last: no such database: acme") {
		t.Fatal(err)
	}
}

// Whoever is killed at any call leaves a Job that the next one brings to its end.
func TestKilledAtEachCall(t *testing.T) {
	for at := 1; ; at++ {
		c := newCluster(t)
		dying := &mortal{API: c.api(), left: at}
		survived := true
		for i := range 4 {
			c.now = c.now.Add(10 * time.Second)
			dying.API = c.api()
			if _, err := job.Run(t.Context(), dying, joining); err != nil {
				survived = false
				break
			}
			if i == 3 {
				_, _ = job.Remove(t.Context(), dying, "cell", "join-1", "U1")
			}
		}
		for done, i := false, 0; !done; i++ {
			c.now = c.now.Add(10 * time.Second)
			var err error
			if done, err = c.run(t, joining); err != nil || i > 3 {
				t.Fatal(at, err)
			}
		}
		if survived && dying.left > 0 {
			return
		}
	}
}

// mortal dies with a call: from then on none comes through. Every second one has had its effect.
type mortal struct {
	kube.API
	left int
}

func (m *mortal) dies() bool { m.left--; return m.left <= 0 }

func (m *mortal) Get(ctx context.Context, apiVersion, kind, namespace, name string) (kube.Object, error) {
	if m.dies() {
		return nil, context.Canceled
	}
	return m.API.Get(ctx, apiVersion, kind, namespace, name)
}

func (m *mortal) Apply(ctx context.Context, o kube.Object) (bool, error) {
	dies := m.dies()
	if m.left == 0 || !dies {
		changed, err := m.API.Apply(ctx, o)
		if !dies {
			return changed, err
		}
	}
	return false, context.Canceled
}

// One of an earlier round says nothing of this one, failed or not, and is ended first. A call of an earlier round does not touch this one's.
func TestJobOfAnEarlierRound(t *testing.T) {
	for name, course := range map[string]memory.Course{"done": {}, "failed": {Fails: "no"}} {
		for _, after := range []time.Duration{time.Second, 10 * time.Second} {
			c := newCluster(t)
			c.course = course
			first := joining
			first.Round = 1
			_, _ = c.run(t, first)
			c.now = c.now.Add(after)
			c.course = memory.Course{}
			second := first
			second.Round, second.Image = 2, "example.test/join:2"
			pod := kube.NewObject("v1", "Pod", "cell", "p", nil).Marked("", map[string]string{"batch.kubernetes.io/job-name": first.Name, kube.LabelOwner: first.Owner}, nil)
			if _, err := c.store.Apply(t.Context(), pod); err != nil {
				t.Fatal(err)
			}
			for i, want := range []int{0, 0, 1, 1} { // it goes, its pod goes, another is made
				if i == 2 {
					kubetest.Must(t, c.store.Delete(t.Context(), "v1", "Pod", "cell", "p"))
				}
				if done, err := c.run(t, second); done || err != nil {
					t.Fatal(name, i, done, err)
				}
				jobs, err := c.api().List(t.Context(), kube.Selector{APIVersion: job.API, Kind: "Job"})
				if err != nil || len(jobs) != want {
					t.Fatalf("%s after %s: there are %v, %v", name, after, jobs, err)
				}
			}
			c.now = c.now.Add(10 * time.Second)
			_, _ = c.run(t, first)
			if done, err := c.run(t, second); !done || err != nil {
				t.Error(name, done, err)
			}
		}
	}
}
