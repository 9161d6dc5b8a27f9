package kube_test

import (
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
)

// A server that has just started refuses what it allows a moment later. That is no answer, to us or to Helm; what a server
// refuses that is ready is one.
func TestARefusalOfAServerThatStarts(t *testing.T) {
	s := newShop(t, "starts")
	p := newProxy(t, rig)
	api, err := connect(p.kubeconfig(t))
	if err != nil {
		t.Fatal(err)
	}
	ensure := func() error {
		_, err := api.Apply(t.Context(), kubetest.Object("v1", "ConfigMap", s.namespace, "c", nil))
		return err
	}
	q := s.request(helm.Ensure, "1.0.0", nil)
	q.Cluster.Endpoint, q.Cluster.CA = p.URL, p.ca
	if err := ensure(); err != nil { // and the kind is known
		t.Fatal(err)
	}
	p.starts.Store(true)
	if err := ensure(); kube.CodeOf(err) != kube.Unavailable {
		t.Error(err)
	}
	if _, err := s.run(q); kube.CodeOf(err) != kube.Unavailable || !strings.Contains(err.Error(), "not yet ready") {
		t.Error(err)
	}
	p.starts.Store(false)
	s.must(q, "install", "")
	q.Chart.Archive = web("1.0.0", map[string]string{"templates/x.yaml": "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: x}\n"})
	q.Digest = "2"
	if _, err := s.run(q); kube.CodeOf(err) != kube.Forbidden {
		t.Error(err)
	}
}
