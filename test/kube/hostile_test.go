package kube_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
)

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
		{"the platform's role", template("apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: aerie-installer}\n"), "aerie-installer is the platform's"},
		{"a way out of the isolation", template("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x}\n"), "NetworkPolicy is not allowed"},
		{"a bomb of anchors in what it renders", web("1.0.0", map[string]string{"bomb.yaml": bomb(), "templates/x.yaml": `{{ .Files.Get "bomb.yaml" }}`}), "excessive aliasing"},
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

// A chart may give its pods rights in its own namespace, and the API server sees to it that it is none that the tenant
// has not.
func TestChartsWithRights(t *testing.T) {
	rights := func(group, resource string) []byte {
		return web("1.0.0", map[string]string{"templates/rights.yaml": fmt.Sprintf(`apiVersion: v1
kind: ServiceAccount
metadata: {name: app}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: app}
rules: [{apiGroups: [%q], resources: [%s], verbs: [get, list, watch, update]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: app}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: app}
subjects: [{kind: ServiceAccount, name: app, namespace: {{ .Release.Namespace }}}]
`, group, resource)})
	}
	s := newShop(t, "with-rights")
	q := s.request(helm.Ensure, "1.0.0", nil)
	q.Chart.Archive = rights("", "configmaps")
	s.must(q, "install", "")
	bob := subject{user: "system:serviceaccount:" + s.namespace + ":app"}
	if !bob.may(t, "update", "", "configmaps", s.namespace) || bob.may(t, "update", "", "secrets", s.namespace) {
		t.Error("the rights are not those of the chart")
	}
	q.Chart.Archive, q.Digest = rights("networking.k8s.io", "networkpolicies"), "another"
	if _, err := s.run(q); kube.CodeOf(err) != kube.Forbidden || !strings.Contains(err.Error(), "attempting to grant RBAC permissions not currently held") {
		t.Error(kube.CodeOf(err), err)
	}
}

// A chart that never ends rendering ends with its time, and one that is large is not read.
func TestEndlessCharts(t *testing.T) {
	s := newShop(t, "endless")
	q := s.request(helm.Ensure, "1.0.0", nil)
	q.Chart.Archive = web("1.0.0", map[string]string{"templates/x.yaml": `{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}`})
	q.Rendered = time.Second
	if _, err := s.run(q); kube.CodeOf(err) != kube.Invalid || !strings.Contains(err.Error(), "not loaded and rendered within 1s") {
		t.Error(err)
	}
	large := make([]byte, 50<<20)
	rand.NewChaCha8([32]byte{}).Read(large)
	url, login := chartsOf(t, map[string][]byte{"1.0.0": large})
	q = s.request(helm.Ensure, "1.0.0", nil)
	q.Chart = helm.Chart{Name: "web", Version: "1.0.0", Repository: url, Login: login}
	if _, err := s.run(q); kube.CodeOf(err) != kube.Invalid || !strings.Contains(err.Error(), "the chart has 52428800 bytes: at most 4194304") {
		t.Error(err)
	}
	if left := s.states(); len(left) > 0 {
		t.Error("left:", left)
	}
}
