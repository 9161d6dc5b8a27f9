package execute

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/memory"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/workers/secrets"
)

// secretsRig is a cluster that only stores, with the namespace of tenant acme/prod, and a store of files that serves acme.
type secretsRig struct {
	*testing.T
	api    kube.API
	dir    string
	charts *Charts
}

func newSecretsRig(t *testing.T) *secretsRig {
	api, err := memory.New(nil, func(kube.Object, kube.Key) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	r := &secretsRig{T: t, api: api, dir: t.TempDir()}
	stores, err := secrets.New(secrets.Config{Stores: []secrets.Store{{Name: "files", File: &secrets.Files{Dir: r.dir}, Serves: []secrets.Grant{{Owner: "acme", Names: []string{"acme/*"}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	r.charts = &Charts{Secrets: stores}
	r.apply(kube.NewObject("v1", "Namespace", "", "acme--prod", nil))
	return r
}

func (r *secretsRig) apply(o kube.Object) {
	r.Helper()
	if _, err := r.api.Apply(r.Context(), o); err != nil {
		r.Fatal(err)
	}
}

func (r *secretsRig) put(name, value string) {
	r.Helper()
	at := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		r.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(value), 0o600); err != nil {
		r.Fatal(err)
	}
}

// task installs manifests for an owner.
func (r *secretsRig) task(owner string, kind ev.Kind, manifests ...map[string]any) (*Task, ev.EnsureApplication) {
	r.Helper()
	e := ev.EnsureApplication{Namespace: "acme--prod", Name: "web", Manifests: manifests}
	args, err := json.Marshal(e)
	if err != nil {
		r.Fatal(err)
	}
	return NewTask(ev.Work{Ref: ev.Ref{Kind: kind, Owner: owner, ID: "prod_web"}, UID: "01A", Revision: 7, Args: args}, nil, r.charts), e
}

func (r *secretsRig) secret(name string) kube.Object {
	r.Helper()
	o, err := r.api.Get(r.Context(), "v1", "Secret", "acme--prod", name)
	if err != nil {
		r.Fatal(err)
	}
	return o
}

var withReferences = map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "db"},
	"stringData": map[string]any{"url": "db://me:${secret:files/acme/db#password}@db", "text": "$${secret:x}"},
	"data":       map[string]any{"user": "${secret:tenant/given#user}"}}

// TestSecretsAreFilledIn: the cluster has the secrets, in a Secret, and a change of one is seen until it is rolled out.
func TestSecretsAreFilledIn(t *testing.T) {
	r := newSecretsRig(t)
	r.put("acme/db/password", "hunter22")
	given := kube.NewObject("v1", "Secret", "acme--prod", "given", nil)
	given["type"], given["data"] = "Opaque", map[string]any{"user": base64.StdEncoding.EncodeToString([]byte("robert"))}
	r.apply(given)
	install := func() {
		t.Helper()
		task, e := r.task("acme", ev.Application, withReferences)
		if _, err := task.install(t.Context(), r.api, e); err != nil {
			t.Fatal(err)
		}
	}
	changed := func() bool {
		t.Helper()
		task, e := r.task("acme", ev.Application, withReferences)
		_, changed, err := task.Compared(t.Context(), kube.CachedList(r.api), e)
		if err != nil {
			t.Fatal(err)
		}
		return changed
	}
	install()
	made := r.secret("db")
	if kube.MapOf(made["stringData"])["url"] != "db://me:hunter22@db" || kube.MapOf(made["stringData"])["text"] != "${secret:x}" ||
		kube.MapOf(made["data"])["user"] != base64.StdEncoding.EncodeToString([]byte("robert")) {
		t.Error(made)
	}
	mark := r.secret(kube.InventoryPrefix + "web")
	if text, _ := json.Marshal(mark); strings.Contains(string(text), "hunter22") || changed() {
		t.Errorf("%s; changed: %v", text, changed())
	}
	r.put("acme/db/password", "hunter33")
	if !changed() {
		t.Error("a secret has another value, and nobody sees it")
	}
	install()
	if changed() || kube.MapOf(r.secret("db")["stringData"])["url"] != "db://me:hunter33@db" {
		t.Error("it is not rolled out")
	}
	if err := kube.Delete(t.Context(), r.api, mark.Key()); err != nil || !changed() {
		t.Error("without a mark nobody knows what is there", err)
	}
}

// TestHostileSecretReferences: a customer reads what it is granted, and in its own namespace no keys of accounts.
func TestHostileSecretReferences(t *testing.T) {
	r := newSecretsRig(t)
	r.put("acme/db/password", "hunter22")
	r.put("birch/db/password", "hunter33")
	r.apply(kube.NewObject("v1", "Namespace", "", "birch--prod", nil))
	for namespace, types := range map[string][]string{"birch--prod": {"Opaque"}, "acme--prod": {"kubernetes.io/service-account-token", "helm.sh/release.v1", "aerie.io/secret-mark"}} {
		for _, kind := range types {
			o := kube.NewObject("v1", "Secret", namespace, "of-"+strings.NewReplacer("/", "-", ".", "-").Replace(strings.ToLower(kind)), nil)
			o["type"], o["data"] = kind, map[string]any{"k": "aHVudGVyNDQ="}
			r.apply(o)
		}
	}
	for _, row := range []struct{ owner, ref, code string }{
		{"acme", "files/birch/db#password", "config_problem"},
		{"birch", "files/acme/db#password", "config_problem"},
		{"acme", "nosuch/acme/db#password", "config_problem"},
		{"acme", "files/acme/nosuch#password", "dependency"},
		{"acme", "tenant/of-opaque#k", "dependency"}, // it is in another namespace
		{"acme", "tenant/of-kubernetes-io-service-account-token#k", "dependency"},
		{"acme", "tenant/of-helm-sh-release-v1#k", "dependency"},
		{"acme", "tenant/of-aerie-io-secret-mark#k", "dependency"},
		{"acme", "tenant/birch--prod/of-opaque#k", "dependency"},
	} {
		task, e := r.task(row.owner, ev.Application, map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "x"},
			"stringData": map[string]any{"a": "${secret:" + row.ref + "}"}})
		_, err := task.install(t.Context(), r.api, e)
		if err == nil {
			t.Errorf("%s reads %s", row.owner, row.ref)
			continue
		}
		why, _ := task.reasonAt(queue.Partition{Owner: "acme", Dataplane: "eu"}, err)
		if string(why.Code) != row.code || strings.Contains(why.Message, "hunter") {
			t.Errorf("%s of %s: %s %s", row.ref, row.owner, why.Code, why.Message)
		}
	}
	task, e := r.task("-", ev.Addon, map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "x"}, "stringData": map[string]any{"a": "${secret:tenant/of-opaque#k}"}})
	if _, err := task.install(t.Context(), r.api, e); err == nil {
		t.Error("an addon reads a tenant's Secret")
	}
	if left, err := r.api.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Secret", Namespace: "acme--prod", Labels: map[string]string{kube.LabelManagedBy: kube.Manager}}); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

// TestAFailureSaysNoSecret: what was read is taken out of what a failure says, before it is cut.
func TestAFailureSaysNoSecret(t *testing.T) {
	r := newSecretsRig(t)
	r.put("acme/db/password", "hunter22")
	task, e := r.task("acme", ev.Application, withReferences)
	if _, err := task.readSecret(t.Context(), r.api, e.Namespace, ev.SecretRef{Store: "files", Name: "acme/db", Key: "password"}); err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{"denied: me:hunter22@db", strings.Repeat("x", maxReason-4) + "hunter22", "aHVudGVyMjI="} {
		why, _ := task.reasonAt(queue.Nowhere, &kube.Error{Code: kube.Invalid, Op: "apply", Message: said})
		if strings.Contains(why.Message, "hunt") || strings.Contains(why.Message, "aHVudGVyMjI") {
			t.Error(why.Message[max(0, len(why.Message)-100):])
		}
	}
}
