package kube_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/kube"
	"github.com/aeriehq/aerie/kube/helm"
	"github.com/aeriehq/aerie/kube/kubetest"
)

// web is a chart with a Deployment, a hook that can be made to hang, and a version.
func web(version string, more map[string]string) []byte {
	files := map[string]string{
		"web/Chart.yaml":  "apiVersion: v2\nname: web\nversion: " + version + "\nkubeVersion: '>=1.30.0-0'\n",
		"web/values.yaml": "replicas: 1\nhook: ''\nimage: example.test/app:1\npod: ''\nclass: ''\n",
		"web/templates/deploy.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata:
      labels: {app: {{ .Release.Name }}}
      annotations: {kuberig.test/pod: {{ .Values.pod | quote }}}
    spec: {priorityClassName: {{ .Values.class | quote }}, containers: [{name: c, image: {{ .Values.image | quote }}}]}
`,
		"web/templates/hook.yaml": `apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-hook
  annotations:
    helm.sh/hook: pre-install,pre-upgrade,pre-rollback,pre-delete
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  backoffLimit: 0
  template:
    metadata: {annotations: {kuberig.test/pod: {{ .Values.hook | quote }}}}
    spec: {restartPolicy: Never, containers: [{name: c, image: "example.test/migrate:1"}]}
`,
	}
	for name, body := range more {
		files["web/"+name] = body
	}
	return archive(files)
}

func archive(files map[string]string) []byte {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	for _, name := range slices.Sorted(maps.Keys(files)) { // the same chart each time: its bytes are part of what is wished
		body := files[name]
		_ = w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(body))})
		_, _ = w.Write([]byte(body))
	}
	_, _ = w.Close(), zip.Close()
	return out.Bytes()
}

var releases = helm.NewRunner(helm.Program())

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
	r, err := admin.Reach(s.Context(), s.namespace, kube.InstallerAccount)
	if err != nil {
		s.Fatal(err)
	}
	if op == helm.Remove {
		version = "1.0.0"
	}
	q := helm.Request{Op: op, Release: "web", Namespace: s.namespace, Owner: "01APP", Values: values, Cluster: &r, Within: time.Minute,
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
		release(s, admin, s.namespace)
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

// release lets the pods of a namespace that hang go on.
func release(t testing.TB, api kube.API, namespace string) {
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

func TestTroubleIsNamed(t *testing.T) {
	for _, row := range []struct {
		name   string
		values map[string]any
		want   kube.Code
		text   string
	}{
		{"image", map[string]any{"pod": "image-error"}, kube.Unready, "container c: ImagePullBackOff (image example.test/app:1)"},
		{"crash", map[string]any{"pod": "crash"}, kube.Unready, "container c: CrashLoopBackOff"},
		{"priority", map[string]any{"class": "system-cluster-critical"}, kube.Full, "exceeded quota: aerie-priority"},
		{"quota", map[string]any{"replicas": 12}, kube.Full, "exceeded quota: aerie-quota"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newShop(t, "trouble-"+row.name)
			s.must(s.request(helm.Ensure, "1.0.0", row.values), "install", "")
			if err := s.ready(); kube.CodeOf(err) != row.want || !strings.Contains(err.Error(), row.text) {
				t.Fatalf("code %q, want %q: %v", kube.CodeOf(err), row.want, err)
			}
		})
	}
}

// The pods of a release get the priority of the tenant's plan, and are let in with it.
func TestReleaseHasThePlansPriority(t *testing.T) {
	t.Parallel()
	spec := tenantOf("important", "one")
	spec.Priority = 700
	ensureTenant(t, spec)
	s := shop{t, spec.Namespace}
	q := s.request(helm.Ensure, "1.0.0", nil)
	var err error
	if q.Class, err = kube.ClassOf(t.Context(), admin, spec.Namespace); err != nil {
		t.Fatal(err)
	}
	s.must(q, "install", "")
	if err := s.ready(); err != nil {
		t.Fatal(err)
	}
	pods, err := admin.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: spec.Namespace, Labels: map[string]string{"app": "web"}})
	if err != nil || len(pods) != 1 || fmt.Sprint(pods[0]["spec"].(map[string]any)["priority"]) != "700" {
		t.Error(pods, err)
	}
}

// A hook that fails is the release's failure, with Helm's words, and what comes after is installed from its beginning.
func TestFailedHook(t *testing.T) {
	s := newShop(t, "hook")
	_, err := s.run(s.request(helm.Ensure, "1.0.0", map[string]any{"hook": "fail"}))
	if kube.CodeOf(err) != kube.Broken || !strings.Contains(err.Error(), "pre-install") {
		t.Fatal(err)
	}
	s.must(s.request(helm.Ensure, "1.0.0", nil), "install", "")
}

// What a chart must not do is refused before anything of it is in the cluster, and the reason is said.
func TestHostileCharts(t *testing.T) {
	s := newShop(t, "hostile")
	template := func(body string) []byte { return web("1.0.0", map[string]string{"templates/x.yaml": body}) }
	for _, row := range []struct {
		name  string
		chart []byte
		want  string
	}{
		{"a ClusterRole", template("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: x}\n"), "ClusterRole is not allowed"},
		{"into kube-system", template("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: kube-system}\n"), "only namespace hostile--one is the application's"},
		{"a ClusterRole as a hook", template("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: x, annotations: {helm.sh/hook: pre-install}}\n"), "ClusterRole is not allowed"},
		{"a custom kind", web("1.0.0", map[string]string{"crds/x.yaml": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x}\n"}), "CustomResourceDefinition"},
		{"out of the archive", archive(map[string]string{"web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n", "web/../../../etc/x": "x"}), "read the chart"},
		{"another version", web("1.0.1", nil), "1.0.0 was asked for"},
		{"too large", web("1.0.0", map[string]string{"big.bin": strings.Repeat("0", helm.MaxUnpacked+1)}), "larger than the maximum size"},
		{"a bomb in the values", web("1.0.0", map[string]string{"values.yaml": bomb()}), "excessive aliasing"},
		{"memory without end", template(`{{ $x := "0123456789" }}{{ range until 60 }}{{ $x = print $x $x }}{{ end }}`), "MiB of memory"},
	} {
		t.Run(row.name, func(t *testing.T) {
			q := s.request(helm.Ensure, "1.0.0", nil)
			q.Chart.Archive = row.chart
			_, err := s.run(q)
			if kube.CodeOf(err) != kube.Invalid || !strings.Contains(err.Error(), row.want) {
				t.Errorf("code %q: %v, want %q", kube.CodeOf(err), err, row.want)
			}
		})
	}
	if left := s.states(); len(left) > 0 {
		t.Error("left:", left)
	}
}

func bomb() string {
	out := "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
	for i := range 9 {
		out += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i), 9), ","))
	}
	return out
}

// A chart whose hooks hang keeps none of another customer's from being installed.
func TestHangingChartsDelayNobody(t *testing.T) {
	hangs, fine := newShopIn(t, "hangs"), newShopIn(t, "fine")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, name := range []string{"one", "two", "three"} {
		q := hangs.request(helm.Ensure, "1.0.0", map[string]any{"hook": "hold"})
		q.Release = name
		go func() { _, _ = releases.Run(ctx, "hangs", q) }()
	}
	hanging := []string{"pending-install", "pending-install", "pending-install"}
	kubetest.Eventually(t, "all three hang", func() bool { return slices.Equal(hangs.states(), hanging) })
	s := shop{t, fine.namespace}
	kubetest.Eventually(t, "there is room for another", func() bool {
		r, err := releases.Run(t.Context(), "fine", s.request(helm.Ensure, "1.0.0", nil))
		if err != nil && err != helm.ErrBusy {
			t.Fatal(err)
		}
		return r.Did == "install"
	})
	if got := hangs.states(); !slices.Equal(got, hanging) {
		t.Fatal("they hang no more:", got)
	}
}

func newShopIn(t *testing.T, name string) shop {
	ensureTenant(t, tenantOf(name, "one"))
	return shop{t, name + "--one"}
}
