package kube_test

import (
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/policy"
	"github.com/aeriehq/aerie/cloud/kube/release"
)

// asking is a chart that says what a template comes to.
func asking(template string) []byte {
	return web("1.0.0", map[string]string{"templates/said.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: said}\ndata: {said: " + template + "}\n"})
}

// A chart is told of its cluster what is so there, before it is installed as well as when it is: its version, its kinds,
// and what its installer may read. What that may not read is no fault of the chart's.
func TestChartsAskTheirCluster(t *testing.T) {
	s := newShop(t, "asking")
	settings := kube.Object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "settings", "namespace": s.namespace}, "data": map[string]any{"colour": "red"}}
	apply(t, admin, settings)
	for _, row := range []struct {
		template, want string
		code           kube.Code
	}{
		{`{{ (lookup "v1" "ConfigMap" .Release.Namespace "settings").data.colour }}`, "red", ""},
		{`{{ if not (lookup "v1" "ConfigMap" .Release.Namespace "settings") }}{{ fail "there are no settings" }}{{ end }}x`, "x", ""},
		{`{{ if lookup "v1" "ConfigMap" .Release.Namespace "none" }}{{ fail "there is none" }}{{ end }}x`, "x", ""},
		{`'{{ .Capabilities.APIVersions.Has "apps/v1/Deployment" }}{{ .Capabilities.APIVersions.Has "policy/v1beta1" }}{{ .Capabilities.APIVersions.Has "none.example.com/v1" }}'`, "truefalsefalse", ""},
		{`'{{ if not (hasPrefix "v1." .Capabilities.KubeVersion.Version) }}{{ fail "no version" }}{{ end }}x'`, "x", ""},
		{`'{{ .Release.IsUpgrade }}'`, "true", ""},
		{`{{ lookup "v1" "Secret" "kube-system" "" }}`, "", kube.Forbidden},
	} {
		q := s.request(helm.Ensure, "1.0.0", map[string]any{"row": row.template})
		q.Chart.Archive = asking(row.template)
		q.Digest = helm.DigestOf(q.Chart, q.Values)
		_, err := s.run(q)
		err = policy.Reclassify(t.Context(), admin, s.namespace, err)
		if kube.CodeOf(err) != row.code {
			t.Errorf("%s: %q: %v", row.template, kube.CodeOf(err), err)
			continue
		}
		if row.code != "" {
			continue
		}
		said, err := admin.Get(t.Context(), "v1", "ConfigMap", s.namespace, "said")
		if err != nil || said["data"].(map[string]any)["said"] != row.want {
			t.Errorf("%s: %v %v, want %q", row.template, said["data"], err, row.want)
		}
	}
	refused := web("1.0.0", map[string]string{"Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\nkubeVersion: '<1.20.0'\n"})
	q := s.request(helm.Ensure, "1.0.0", nil)
	q.Chart.Archive, q.Digest = refused, "refused"
	if _, err := s.run(q); kube.CodeOf(err) != kube.Invalid || !strings.Contains(err.Error(), "requires kubeVersion") {
		t.Error(err)
	}
}

// An addon's chart that brings its kind along may ask for it, and one of the platform's own makes what it needs in
// kube-system, which goes with it.
func TestChartsOfAddons(t *testing.T) {
	t.Parallel()
	spec := release.AddonSpec{Namespace: "gauges", Dataplane: "eu", Addon: "gauges", Owner: "01ADDON", Revision: 1, Wide: true}
	if err := release.EnsureAddon(t.Context(), admin, spec); err != nil {
		t.Fatal(err)
	}
	r, err := admin.Access(t.Context(), "gauges", policy.InstallerAccount)
	if err != nil {
		t.Fatal(err)
	}
	q := helm.Request{Op: helm.Ensure, Release: "gauges", Namespace: "gauges", Owner: spec.Owner, Cluster: &r, Terms: policy.AsAddon,
		Chart: helm.Chart{Name: "web", Version: "1.0.0", Archive: web("1.0.0", map[string]string{
			"crds/gauge.yaml": strings.NewReplacer("things", "gauges", "Thing", "Gauge", "example.com", "gauges.example.com").Replace(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Thing, plural: things}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
`),
			"templates/reader.yaml": `{{ if not (.Capabilities.APIVersions.Has "gauges.example.com/v1/Gauge") }}{{ fail "its kind is not there" }}{{ end }}
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: gauges-reader, namespace: kube-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: extension-apiserver-authentication-reader}
subjects: [{kind: ServiceAccount, name: gauges, namespace: {{ .Release.Namespace }}}]
---
apiVersion: gauges.example.com/v1
kind: Gauge
metadata: {name: one}
`})}}
	q.Digest = helm.DigestOf(q.Chart, nil)
	if made, err := releases.Run(t.Context(), "-", q); err != nil || made.Did != "install" {
		t.Fatal(made.Did, err)
	}
	binding, err := admin.Get(t.Context(), "rbac.authorization.k8s.io/v1", "RoleBinding", "kube-system", "gauges-reader")
	if err != nil || binding.Labels()[kube.LabelOwner] != spec.Owner {
		t.Fatal(binding, err)
	}
	app := release.AppSpec{Namespace: "gauges", Name: "gauges", Owner: spec.Owner, Terms: policy.AsAddon}
	drifts := func(want string) {
		t.Helper()
		if found, err := release.ChartDrift(t.Context(), admin, app); err != nil || told(found) != want {
			t.Errorf("%q %v, want %q", told(found), err, want)
		}
	}
	drifts("")
	if err := admin.Delete(t.Context(), "rbac.authorization.k8s.io/v1", "RoleBinding", "kube-system", "gauges-reader"); err != nil {
		t.Fatal(err)
	}
	drifts("RoleBinding kube-system/gauges-reader gone")
	q.Repair = "2"
	if made, err := releases.Run(t.Context(), "-", q); err != nil || made.Did != "upgrade" {
		t.Fatal(made.Did, err)
	}
	drifts("")
	q.Op = helm.Remove
	if _, err := releases.Run(t.Context(), "-", q); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Get(t.Context(), "rbac.authorization.k8s.io/v1", "RoleBinding", "kube-system", "gauges-reader"); kube.CodeOf(err) != kube.NotFound {
		t.Error("it is left in kube-system:", err)
	}
	if err := release.RemoveAddon(t.Context(), admin, spec); err != nil {
		t.Fatal(err)
	}
}
