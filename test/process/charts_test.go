package process

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube/helm"
)

// toldChart is a chart that says what it was told of its cluster, and has something that stays.
var toldChart = map[string]string{
	"Chart.yaml":  "apiVersion: v2\nname: told\nversion: v1.0.0\nkubeVersion: '>=1.30.0-0 <1.36.0-0'\n",
	"values.yaml": "claim: true\n",
	"templates/all.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: told}
data:
  version: {{ .Capabilities.KubeVersion.Version }}
  thing: {{ .Capabilities.APIVersions.Has "example.com/v1/Thing" | quote }}
  before: {{ (lookup "v1" "ConfigMap" .Release.Namespace "settings").data.colour }}
{{- if .Values.claim }}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: told, annotations: {helm.sh/resource-policy: keep}}
{{- end }}
`,
}

const chartsBase = `
kind: account
name: main
spec: {cloud: sim, number: "1"}
---
kind: plan
name: basic
spec: {deployment: resource-shared, apps: [{type: db, size: small}]}
---
kind: dataplane
name: eu
spec: {account: main, region: eu-central, version: "1.34"}
---
kind: addon
name: eu_things
spec:
  manifests:
  - apiVersion: apiextensions.k8s.io/v1
    kind: CustomResourceDefinition
    metadata: {name: things.example.com}
    spec: {group: example.com, scope: Namespaced, names: {kind: Thing, plural: things}, versions: [{name: v1, served: true, storage: true}]}
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: things, namespace: kube-system}}
---
kind: tenantinfra
name: eu_db
spec: {app: db, size: small, pools: [{name: main, machine: s4}]}
---
kind: customer
name: acme
spec: {}
---
kind: tenant
name: prod
owner: acme
spec: {plan: basic}
---
kind: application
name: prod_settings
owner: acme
spec: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {colour: red}}]}
`

// TestChartsOnTheSimulatedCloud installs a chart that asks for much of its cluster: it is told what is so there. What is
// changed and deleted of it by hand comes back, and what it says stays does.
func TestChartsOnTheSimulatedCloud(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "600")
	url, login := chartServer(t, "told", "v1.0.0", toldChart)
	p.knows("acme", "nearby", login)
	p.start()
	file := filepath.Join(t.TempDir(), "base.yaml")
	overwrite(t, file, chartsBase)
	must := func(args ...string) {
		t.Helper()
		if s := p.cli(args...); s.code != 0 {
			t.Fatalf("%v: %+v\n%s", args, s, p.log)
		}
	}
	must("apply", "-f", file, "--wait", "--timeout", "1m")
	spec := func(values string) string {
		return fmt.Sprintf("{chart: {name: told, version: 1.0.0, repository: %q, credentials: nearby}, values: %s}", url, values)
	}
	must("application", "create", "acme/prod_told", "--spec", spec("{}"), "--wait", "--timeout", "1m")
	want := map[string]any{"version": "v1.34.0", "thing": "true", "before": "red"}
	if got := p.stored("ConfigMap acme--prod/told")["data"]; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("it was told %v, want %v", got, want)
	}
	overwrite(t, filepath.Join(p.dir, "cloud", "by-hand.json"), `[{"change": "object", "match": "ConfigMap acme--prod/told", "set": {"data": {"version": "v9"}}}, {"delete": "object", "match": "PersistentVolumeClaim acme--prod/told"}]`)
	for end := time.Now().Add(2 * time.Minute); !strings.Contains(p.cli("history", "application", "acme/prod_told").out, "repair_started"); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it is not repaired: %s\n%s", p.cli("history", "application", "acme/prod_told").out, p.log)
		}
	}
	must("application", "update", "acme/prod_told", "--spec", spec("{claim: false}"), "--wait", "--timeout", "1m")
	if got := p.stored("ConfigMap acme--prod/told")["data"]; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("after the repair it is %v, want %v", got, want)
	}
	must("delete", "application", "acme/prod_told", "--wait", "--timeout", "1m")
	if p.stored("PersistentVolumeClaim acme--prod/told") == nil || p.stored("ConfigMap acme--prod/told") != nil {
		t.Error("the claim stays, and nothing else does")
	}
	if p.stored("ConfigMap kube-system/things") == nil {
		t.Error("the addon's object in kube-system is not there")
	}
	must("delete", "addon", "eu_things", "--wait", "--timeout", "1m")
	if p.stored("ConfigMap kube-system/things") != nil {
		t.Error("the addon's object in kube-system is left")
	}
}

// knows gives the server an owner's login.
func (p *process) knows(owner, name string, login helm.Login) {
	p.t.Helper()
	data, err := json.Marshal(login)
	if err != nil {
		p.t.Fatal(err)
	}
	dir := filepath.Join(p.dir, "logins", owner)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		p.t.Fatal(err)
	}
	overwrite(p.t, filepath.Join(dir, name+".json"), string(data))
}

// stored is an object as a simulated cluster has it, by its ledger; nil if it has none.
func (p *process) stored(object string) (is map[string]any) {
	p.t.Helper()
	for line := range strings.Lines(string(read(p.t, filepath.Join(p.dir, "cloud", "ledger.jsonl")))) {
		var l struct {
			Call struct {
				Op, Name string
			}
			Object map[string]any
			Key    map[string]any
			Error  any
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Call.Name != object || l.Error != nil {
			continue
		}
		if l.Object != nil {
			is = l.Object
		} else if l.Key != nil {
			is = nil
		}
	}
	return is
}
