package policy_test

import (
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

func TestCheckObjects(t *testing.T) {
	for want, objects := range map[string][]kube.Object{
		"": {kubetest.Config("", "x", "1"), kubetest.Named("apps/v1", "Deployment", "", "x"), kubetest.Named("rbac.authorization.k8s.io/v1", "Role", "", "x"), kubetest.Named("rbac.authorization.k8s.io/v1", "RoleBinding", "", "x")},
		"spec.manifests[0].metadata.name: aerie-installer is the platform's": {kubetest.Named("rbac.authorization.k8s.io/v1", "RoleBinding", "", "aerie-installer")},
		"spec.manifests[1].kind: NetworkPolicy is not allowed":               {kubetest.Config("", "x", ""), kubetest.Named("networking.k8s.io/v1", "NetworkPolicy", "", "x")},
		"spec.manifests[0].kind: Namespace is not allowed":                   {kubetest.Named("v1", "Namespace", "", "x")},
		"spec.manifests[0].kind: ClusterRole is not allowed":                 {kubetest.Named("rbac.authorization.k8s.io/v1", "ClusterRole", "", "x")},
		"spec.manifests[0].kind: is missing":                                 {kubetest.Named("v1", "", "", "x")},
		"spec.manifests[0].apiVersion: is missing":                           {kubetest.Named("", "ConfigMap", "", "x")},
		"spec.manifests[0].metadata.name: \"X\"":                             {kubetest.Config("", "X", "1")},
		"spec.manifests[0].metadata.name: names that begin":                  {kubetest.Config("", "aerie.app.shop", "1")},
		"spec.manifests[1].metadata.name: ConfigMap x is":                    {kubetest.Config("", "x", "1"), kubetest.Config("", "x", "2")},
	} {
		faults := policy.CheckObjects(objects, policy.AsTenant)
		if (want == "") != (len(faults) == 0) || want != "" && !strings.HasPrefix(faults[0].String(), want) {
			t.Errorf("%v, want %q", faults, want)
		}
	}
}
