package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"slices"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

// packed is a chart of some files; one that gives no Chart.yaml has a plain one.
func packed(t *testing.T, files map[string]string) []byte {
	t.Helper()
	if files["Chart.yaml"] == "" {
		files["Chart.yaml"] = "apiVersion: v2\nname: web\nversion: 1.0.0\n"
	}
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	for name, body := range files {
		if err := w.WriteHeader(&tar.Header{Name: "web/" + name, Mode: 0o644, Size: int64(len(body))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// rendering is an operation that renders a chart of some files for a cluster that only stores, of version 1.34.
func rendering(t *testing.T, files map[string]string) *operation {
	return &operation{rendered: func() {}, Request: helm.Request{Op: helm.Render, Release: "web", Namespace: "acme--one", Terms: policy.AsTenant,
		Chart: helm.Chart{Name: "web", Version: "1.0.0", Archive: packed(t, files)}, Stored: &helm.Stored{Version: "1.34"}}}
}

// saying is a chart that says what a template comes to.
func saying(template string) map[string]string {
	return map[string]string{"templates/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {said: " + template + "}\n"}
}

func said(t *testing.T, r helm.Result, err error) string {
	t.Helper()
	if err != nil || len(r.Objects) != 1 || len(r.Wants) > 0 {
		t.Fatal(r, err)
	}
	s, _ := r.Objects[0]["data"].(map[string]any)["said"].(string)
	return s
}

const thing = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Thing, plural: things}
  versions: [{name: v1, served: true, storage: true}, {name: v0, served: false, storage: false}]
`

// What a chart is told of a cluster that only stores is the dataplane's version and the kinds there.
func TestCapabilitiesWhereOneOnlyStores(t *testing.T) {
	has := func(version string) string { return `'{{ .Capabilities.APIVersions.Has "` + version + `" }}'` }
	for _, row := range []struct{ template, want string }{
		{"{{ .Capabilities.KubeVersion.Version }}", "v1.34.0"},
		{"'{{ .Capabilities.KubeVersion.Minor }}'", "34"},
		{has("apps/v1"), "true"}, {has("apps/v1/Deployment"), "true"}, {has("authorization.k8s.io/v1"), "true"},
		{has("policy/v1beta1"), "false"}, {has("other.example.com/v1"), "false"},
		{has("example.com/v1"), "true"}, {has("example.com/v1/Thing"), "true"}, {has("example.com/v0"), "false"},
	} {
		o := rendering(t, saying(row.template))
		o.Stored.Kinds = defined(t)
		r, err := o.do()
		if got := said(t, r, err); got != row.want {
			t.Errorf("%s: %q, want %q", row.template, got, row.want)
		}
	}
}

func defined(t *testing.T) []kube.Object {
	t.Helper()
	all, err := objectsOf(thing)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestKubeVersion(t *testing.T) {
	for want, refused := range map[string]bool{">=1.30.0-0 <1.36.0-0": false, ">=1.34.0": false, "1.34.x": false, ">=1.36.0-0": true} {
		files := saying("x")
		files["Chart.yaml"] = "apiVersion: v2\nname: web\nversion: 1.0.0\nkubeVersion: '" + want + "'\n"
		_, err := rendering(t, files).do()
		if (err != nil) != refused {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// A chart's own kinds come before it, so it is told of them, and they are said apart from its objects.
func TestDefinitionsOfAChart(t *testing.T) {
	files := saying(`'{{ .Capabilities.APIVersions.Has "example.com/v1/Thing" }}'`)
	files["crds/thing.yaml"] = "\ufeff" + strings.ReplaceAll(thing, "\n", "\r\n")
	o := rendering(t, files)
	o.Terms = policy.AsAddon
	r, err := o.do()
	if got := said(t, r, err); got != "true" || len(r.Definitions) != 1 || r.Definitions[0].Name() != "things.example.com" {
		t.Error(got, r)
	}
}

// What a chart looks up is asked for, until it is told; a tenant's looks into its own namespace alone.
func TestLookupWhereOneOnlyStores(t *testing.T) {
	secret := kube.Object{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s", "namespace": "acme--one"}, "data": map[string]any{"said": "before"}}
	key := secret.Key()
	one := rendering(t, saying(`'{{ (lookup "v1" "Secret" "acme--one" "s").data.said }}'`))
	r, err := one.do()
	if err != nil || !slices.Equal(r.Wants, []kube.Key{key}) { // without it the chart fails, which says nothing
		t.Fatal(r, err)
	}
	one.Stored.Found = []helm.Found{{Key: key, Objects: []kube.Object{secret}}}
	r, err = one.do()
	if got := said(t, r, err); got != "before" {
		t.Error(got)
	}
	all := rendering(t, saying(`'{{ len (lookup "v1" "Secret" .Release.Namespace "").items }}{{ len (lookup "v1" "ConfigMap" .Release.Namespace "none") }}'`))
	for _, k := range []kube.Key{{APIVersion: "v1", Kind: "Secret", Namespace: "acme--one"}, {APIVersion: "v1", Kind: "ConfigMap", Namespace: "acme--one", Name: "none"}} {
		all.Stored.Found = append(all.Stored.Found, helm.Found{Key: k})
	}
	all.Stored.Found[0].Objects = []kube.Object{secret}
	r, err = all.do()
	if got := said(t, r, err); got != "10" {
		t.Error(got)
	}
	for _, template := range []string{`{{ lookup "v1" "Secret" "other--one" "s" }}`, `{{ lookup "v1" "Secret" "" "" }}`, `{{ lookup "v1" "Node" "" "n" }}`} {
		r, err := rendering(t, saying("'"+template+"'")).do()
		if codeOf(err) != kube.Forbidden || len(r.Wants) > 0 {
			t.Error(template, r, err)
		}
	}
	addon := rendering(t, saying(`'{{ lookup "v1" "Namespace" "" "kube-system" }}'`))
	addon.Terms = policy.AsAddon
	if r, err := addon.do(); err != nil || len(r.Wants) != 1 {
		t.Error(r, err)
	}
}

// A version with a v is the same version; another is not.
func TestVersionsWithAV(t *testing.T) {
	for _, row := range []struct {
		is, asked string
		ok        bool
	}{{"v1.4.0", "v1.4.0", true}, {"v1.4.0", "1.4.0", true}, {"1.4.0", "v1.4.0", true}, {"v1.4.0", "1.4.1", false}, {"1.4.0+a", "1.4.0", false}, {"1.4", "1.4", true}} {
		files := saying("x")
		files["Chart.yaml"] = "apiVersion: v2\nname: web\nversion: " + row.is + "\n"
		o := rendering(t, files)
		o.Chart.Version = row.asked
		if _, err := o.do(); (err == nil) != row.ok {
			t.Errorf("%s for %s: %v", row.is, row.asked, err)
		}
	}
}

// Lists are their items, whatever kind of list; a byte order mark and the ends of lines of another system are no matter.
func TestFormsOfCharts(t *testing.T) {
	list := func(kind, apiVersion, item string) string {
		return "apiVersion: " + apiVersion + "\nkind: " + kind + "\nitems:\n- apiVersion: " + apiVersion + "\n  kind: " + item + "\n  metadata: {name: one}\n- apiVersion: " + apiVersion + "\n  kind: " + item + "\n  metadata: {name: two}\n"
	}
	windows := func(text string) string { return "\ufeff" + strings.ReplaceAll(text, "\n", "\r\n") }
	for name, template := range map[string]string{
		"a list": list("List", "v1", "ConfigMap"), "a list of a kind": list("RoleList", "rbac.authorization.k8s.io/v1", "Role"),
		"a list from Windows":    windows(list("List", "v1", "ConfigMap")),
		"documents from Windows": windows("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n---\n# nothing\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: two}\n"),
	} {
		r, err := rendering(t, map[string]string{"templates/x.yaml": template}).do()
		var names []string
		for _, o := range r.Objects {
			names = append(names, o.Name())
		}
		if slices.Sort(names); err != nil || !slices.Equal(names, []string{"one", "two"}) {
			t.Error(name, names, err)
		}
	}
}

// The platform's addons may make something in another namespace that is nobody's; others may not.
func TestOutsideTheNamespace(t *testing.T) {
	binding := func(namespace string) map[string]string {
		return map[string]string{"templates/x.yaml": "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: r, namespace: " + namespace + "}\n"}
	}
	for _, row := range []struct {
		terms           policy.Terms
		namespace, want string
	}{
		{policy.AsAddon, "kube-system", ""}, {policy.AsAddon, "other--one", "which is a tenant's"}, {policy.AsAddon, "aerie-system", "which is aerie's own"},
		{policy.AsTenant, "kube-system", "only namespace acme--one is the application's"}, {policy.AsTenant, "acme--one", ""},
	} {
		o := rendering(t, binding(row.namespace))
		o.Terms = row.terms
		r, err := o.do()
		if row.want == "" && (err != nil || r.Objects[0].Namespace() != row.namespace) || row.want != "" && (codeOf(err) != kube.Invalid || !strings.Contains(err.Error(), row.want)) {
			t.Error(row, r, err)
		}
	}
}

// TestASecretOutsideASecret: a value that refers to a secret may end up in the data of a Secret, and nowhere else.
func TestASecretOutsideASecret(t *testing.T) {
	const secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: web}\n"
	for name, c := range map[string]struct{ template, refused string }{
		"in a Secret":            {secret + "stringData: {password: {{ .Values.password }}}\n", ""},
		"in base64":              {secret + "data: {password: {{ .Values.password | b64enc }}}\n", ""},
		"in a label of a Secret": {"apiVersion: v1\nkind: Secret\nmetadata: {name: web, labels: {p: {{ .Values.password }}}}\n", "with a secret in metadata.labels.p"},
		"in a ConfigMap":         {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {url: 'db://me:{{ .Values.password }}@db'}\n", "with a secret in data.url"},
		"in a list, and base64":  {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\nitems: [a, {b: {{ .Values.password | b64enc }}}]\n", "with a secret in items[1].b"},
		"as a name":              {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {{ dict .Values.password \"x\" | toJson }}\n", "with a secret in data"},
	} {
		o := rendering(t, map[string]string{"templates/x.yaml": c.template})
		o.Values, o.Secrets = map[string]any{"password": "hunter22"}, []string{"hunter22"}
		_, err := o.render()
		if (err == nil) != (c.refused == "") || err != nil && (!strings.Contains(err.Error(), c.refused) || strings.Contains(err.Error(), "hunter22")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
