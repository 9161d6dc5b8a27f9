package kube_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

var releases = helm.NewRunner(helm.Program(), "")

// shop is a tenant with a release to work on.
type shop struct {
	*testing.T
	namespace string
}

func newShop(t *testing.T, name string) shop {
	t.Helper()
	t.Parallel()
	spec := tenantOf(name, "one")
	spec.Quota.Pods = 10
	ensureTenant(t, spec)
	return shop{t, spec.Namespace}
}

func (s shop) request(op helm.Op, version string, values map[string]any) helm.Request {
	s.Helper()
	r, err := admin.Access(s.Context(), s.namespace, policy.InstallerAccount)
	if err != nil {
		s.Fatal(err)
	}
	if op == helm.Remove {
		version = "1.0.0"
	}
	q := helm.Request{Op: op, Release: "web", Namespace: s.namespace, Owner: "01APP", Values: values, Cluster: &r, Terms: policy.AsTenant, Within: time.Minute,
		Chart: helm.Chart{Name: "web", Version: version, Archive: web(version, nil)}}
	q.Digest = helm.DigestOf(q.Chart, q.Values)
	return q
}

func (s shop) run(q helm.Request) (helm.Result, error) {
	return releases.Run(s.Context(), s.namespace, q)
}

func (s shop) must(q helm.Request, did, resumed string) {
	s.Helper()
	r, err := s.run(q)
	if err != nil || r.Did != did || r.Resumed != resumed {
		s.Fatalf("%s: did %q, want %q; resumed %q, want %q: %v", q.Op, r.Did, did, r.Resumed, resumed, err)
	}
}

// states are the states of the release's revisions.
func (s shop) states() (all []string) {
	s.Helper()
	found, err := admin.List(s.Context(), kube.Selector{APIVersion: "v1", Kind: "Secret", Namespace: s.namespace, Labels: map[string]string{"owner": "helm"}})
	if err != nil {
		s.Fatal(err)
	}
	for _, o := range found {
		all = append(all, o.Labels()["status"])
	}
	return all
}

func (s shop) ready() error {
	s.Helper()
	var err error
	kubetest.Eventually(s, "it runs or says why not", func() bool {
		var yes bool
		yes, err = kube.Ready(s.Context(), admin, s.namespace, "web")
		return yes || err != nil
	})
	return err
}

func TestReleaseLives(t *testing.T) {
	s := newShop(t, "lives")
	one, two := s.request(helm.Ensure, "1.0.0", nil), s.request(helm.Ensure, "1.1.0", map[string]any{"replicas": 2})
	s.must(one, "install", "")
	s.must(one, "", "")
	if err := s.ready(); err != nil {
		t.Fatal(err)
	}
	s.must(two, "upgrade", "")
	back := one
	back.Op = helm.Revert
	s.must(back, "rollback", "")
	s.must(back, "", "")
	for _, op := range []helm.Op{helm.Revert, helm.Ensure} { // what somebody has deleted of it is made again, once
		again := one
		again.Op, again.Repair = op, string(op)
		s.must(again, map[helm.Op]string{helm.Revert: "rollback", helm.Ensure: "upgrade"}[op], "")
		s.must(again, "", "")
	}
	stranger := two
	stranger.Owner = "01OTHER"
	if _, err := s.run(stranger); kube.CodeOf(err) != kube.Conflict {
		t.Fatal("another's release:", err)
	}
	gone := s.request(helm.Remove, "", nil)
	s.must(gone, "uninstall", "")
	s.must(gone, "", "")
	if left := s.states(); len(left) > 0 {
		t.Fatal("left:", left)
	}
}

// A child that is killed while a hook runs leaves a release that is pending; whoever comes next brings it to the end.
func TestKilledChildren(t *testing.T) {
	hanging := map[string]any{"hook": "hold"}
	for _, row := range []struct {
		name    string
		before  []map[string]any // deployed before
		op      helm.Op
		state   string
		did     string
		resumed string
	}{
		{"install", nil, helm.Ensure, "pending-install", "install", "pending-install"},
		{"upgrade", []map[string]any{{}}, helm.Ensure, "pending-upgrade", "upgrade", "pending-upgrade"},
		{"rollback", []map[string]any{hanging, {}}, helm.Revert, "pending-rollback", "upgrade", "pending-rollback"},
		{"uninstall", []map[string]any{hanging}, helm.Remove, "uninstalling", "uninstall", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newShop(t, "killed-"+row.name)
			for _, values := range row.before {
				s.helped(s.request(helm.Ensure, "1.0.0", values))
			}
			q := s.request(row.op, "1.0.0", hanging)
			kill := s.start(q)
			kubetest.Eventually(t, "it is "+row.state, func() bool { return contains(strings.Join(s.states(), " "), row.state) })
			kill()
			end := s.request(helm.Ensure, "1.0.0", map[string]any{"replicas": 2})
			if row.op == helm.Remove {
				end = s.request(helm.Remove, "", nil)
			}
			if r := s.helped(end); r.Did != row.did || r.Resumed != row.resumed {
				t.Errorf("did %q, want %q; resumed %q, want %q", r.Did, row.did, r.Resumed, row.resumed)
			}
			if got := strings.Join(s.states(), " "); strings.Contains(got, "pending") || strings.Contains(got, "uninstalling") {
				t.Error("left:", got)
			}
		})
	}
}

// helped runs an operation whose hook would hang, were it not helped.
func (s shop) helped(q helm.Request) (r helm.Result) {
	s.Helper()
	done := make(chan error, 1)
	go func() {
		var err error
		r, err = s.run(q)
		done <- err
	}()
	kubetest.Eventually(s, "it is done", func() bool {
		unhold(s, admin, s.namespace)
		select {
		case err := <-done:
			if err != nil {
				s.Fatal(err)
			}
			return true
		default:
			return false
		}
	})
	return r
}

// unhold lets the pods of a namespace that hang go on.
func unhold(t testing.TB, api kube.API, namespace string) {
	pods, err := api.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pods {
		if p.Annotations()["kuberig.test/pod"] == "hold" {
			p["metadata"] = map[string]any{"name": p.Name(), "namespace": namespace, "annotations": map[string]any{"kuberig.test/pod": ""}}
			_, _ = api.Apply(t.Context(), kube.Object{"apiVersion": "v1", "kind": "Pod", "metadata": p["metadata"]})
		}
	}
}

// start starts a child as the runner does, and returns how to kill it.
func (s shop) start(q helm.Request) (kill func()) {
	s.Helper()
	cmd := exec.Command(helm.Program())
	end := s.begin(cmd, q)
	return func() {
		end() // as when its aerie is killed
		if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 3 {
			s.Fatalf("it was to end with its aerie: %v", err)
		}
	}
}

// begin starts a child, and returns how to end what it reads.
func (s shop) begin(child *exec.Cmd, q helm.Request) (end func()) {
	s.Helper()
	child.Dir = s.TempDir()
	in, err := child.StdinPipe()
	if err == nil {
		err = child.Start()
	}
	if err == nil {
		err = json.NewEncoder(in).Encode(q)
	}
	if err != nil {
		s.Fatal(err)
	}
	return func() { _ = in.Close() }
}
