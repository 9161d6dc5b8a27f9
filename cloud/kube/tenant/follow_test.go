package tenant_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/memory"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

// secret makes a Secret of a tenant with labels, as name=value, and a password.
func secret(t *testing.T, m kube.API, namespace, name, password string, with map[string]any, labels ...string) {
	t.Helper()
	said := map[string]string{}
	for _, l := range labels {
		k, v, _ := strings.Cut(l, "=")
		said[k] = v
	}
	o := kubetest.Object("v1", "Secret", namespace, name, map[string]any{"data": map[string]any{"password": password}}).Marked("", said, nil)
	for k, v := range with {
		o[k] = v
	}
	_, err := m.Apply(t.Context(), o)
	kubetest.Must(t, err)
}

// secretsIn are the Secrets of a namespace, with their passwords.
func secretsIn(t *testing.T, m kube.API, namespace string) string {
	t.Helper()
	all, err := m.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Secret", Namespace: namespace})
	kubetest.Must(t, err)
	var said []string
	for _, o := range all {
		said = append(said, fmt.Sprintf("%s=%v", o.Name(), kube.MapOf(o["data"])["password"]))
	}
	return strings.Join(said, " ")
}

// places are a tenant's namespaces in two clusters, of which the second stands by.
func places(t *testing.T) (from, to *memory.Store, spec tenant.Spec) {
	t.Helper()
	from, to, spec = kubetest.Store(t), kubetest.Store(t), tenantSpec()
	spec.Stay = "s1"
	ensure(t, from, spec)
	spec.Stay, spec.Closed, spec.Revision = "s2", true, 10
	ensure(t, to, spec)
	return from, to, spec
}

const follow = kube.LabelFollow + "=true"

// What a Secret says at last is what is there when its tenant opens, whoever dies on the way; what is gone by then is not there.
func TestSecretsFollow(t *testing.T) {
	for calls := range 12 {
		from, to, spec := places(t)
		at := spec.Namespace
		secret(t, from, at, "db", "b2xk", nil, follow)
		secret(t, from, at, "fixed", "b2xk", map[string]any{"immutable": true}, follow)
		secret(t, from, at, "gone", "b2xk", nil, follow)
		secret(t, from, at, "mine", "b2xk", nil)
		secret(t, from, at, "not", "b2xk", nil, kube.LabelFollow+"=false")
		secret(t, from, at, "chart", "b2xk", nil, follow, kube.LabelApplication+"=pg")
		bring := func(api kube.API, revision uint64) error {
			spec.Revision = revision
			found, err := tenant.Following(t.Context(), from, at)
			kubetest.Must(t, err)
			return tenant.Follow(t.Context(), api, spec, found)
		}
		_ = bring(&kubetest.Dying{API: to, Left: calls}, 10)
		kubetest.Must(t, bring(to, 10))
		if got := secretsIn(t, to, at); got != "db=b2xk fixed=b2xk gone=b2xk" {
			t.Fatalf("before it is closed there are %s", got)
		}
		secret(t, to, at, "own", "bWluZQ==", nil, follow) // that did not come from there
		secret(t, from, at, "db", "bmV3", nil, follow)
		for _, name := range []string{"fixed", "gone"} {
			kubetest.Must(t, from.Delete(t.Context(), "v1", "Secret", at, name))
		}
		secret(t, from, at, "fixed", "bmV3", map[string]any{"immutable": true, "type": "example.test/db"}, follow)
		_ = bring(&kubetest.Dying{API: to, Left: calls}, 12)
		kubetest.Must(t, bring(to, 12))
		if got := secretsIn(t, to, at); got != "db=bmV3 fixed=bmV3 own=bWluZQ==" {
			t.Fatalf("killed after %d writes: what they say at last is %s", calls, got)
		}
		there, err := to.Get(t.Context(), "v1", "Secret", at, "fixed")
		kubetest.Must(t, err)
		if l := there.Labels(); l[kube.LabelFollow] != "true" || l[kube.LabelOwner] != "" || l[kube.LabelManagedBy] != "" || there["type"] != "example.test/db" {
			t.Fatalf("it is not the tenant's own any more, or goes no further: %v", there)
		}
	}
}

// A call that comes late, of a step before, brings nothing: not into a place that has opened, nor into another stay's, nor over what
// came later.
func TestSecretsThatComeLate(t *testing.T) {
	from, to, spec := places(t)
	at := spec.Namespace
	secret(t, from, at, "db", "bmV3", nil, follow)
	read, err := tenant.Following(t.Context(), from, at)
	kubetest.Must(t, err)
	kubetest.Must(t, tenant.Follow(t.Context(), to, spec, read))
	for name, late := range map[string]func(*tenant.Spec){
		"a step before":    func(s *tenant.Spec) { s.Revision-- },
		"another stay":     func(s *tenant.Spec) { s.Stay = "s3" },
		"another's tenant": func(s *tenant.Spec) { s.Owner = "01HB" },
	} {
		s := spec
		late(&s)
		secret(t, from, at, "db", "b2xk", nil, follow)
		read, err := tenant.Following(t.Context(), from, at)
		kubetest.Must(t, err)
		if err := tenant.Follow(t.Context(), to, s, read); err == nil || secretsIn(t, to, at) != "db=bmV3" {
			t.Errorf("%s: %v, and there is %s", name, err, secretsIn(t, to, at))
		}
	}
	opens := spec
	opens.Closed, opens.Revision = false, spec.Revision+1
	_, err = tenant.Open(t.Context(), to, opens)
	kubetest.Must(t, err)
	kubetest.Must(t, tenant.EndMove(t.Context(), to, opens))
	if err := tenant.Follow(t.Context(), to, spec, read); kube.CodeOf(err) != kube.Conflict {
		t.Errorf("it is open: %v", err)
	}
	if got := secretsIn(t, to, at); got != "db=bmV3" {
		t.Errorf("there is %s", got)
	}
	if _, err := to.Get(t.Context(), "v1", "ConfigMap", at, "aerie-role"); kube.CodeOf(err) != kube.NotFound {
		t.Errorf("who serves is said to stand by: %v", err)
	}
}
