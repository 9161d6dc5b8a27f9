// Package kube_test has the tests that need a real Kubernetes. Without a rig none of them runs, and `make test` says so;
// `make test-kube` builds the rig and runs them all, and so does CI.
package kube_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/test/kube/rigtest"
)

// The rig of this package, and its API as an administrator has it. Each test has namespaces of its own.
var (
	rig   *rigtest.Rig
	admin *kube.Cluster
)

func TestMain(m *testing.M) {
	if os.Getenv(rigtest.Variable) == "" {
		fmt.Println("no test ran: they need a real Kubernetes; make test-kube")
		return
	}
	os.Exit(withRig(m.Run))
}

func withRig(run func() int) int {
	var err error
	if rig, err = rigtest.Start("-nodes", "3"); err == nil {
		admin, err = connect(rig.Kubeconfig)
	}
	if err == nil {
		err = equip(context.Background(), admin)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer func() { _ = rig.Stop() }()
	return run()
}

func connect(kubeconfig string) (*kube.Cluster, error) {
	config, err := kube.ReadConfig(kubeconfig)
	if err != nil {
		return nil, err
	}
	return kube.NewCluster(config)
}

// infra is the tenant infra of the offer, whose machines all nodes are.
const infra = "web"

func equip(ctx context.Context, api kube.API) error {
	nodes, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Node"})
	for _, n := range nodes {
		labelled := kube.NewObject("v1", "Node", "", n.Name(), nil).Marked("", map[string]string{kube.LabelTenantInfra: infra}, nil)
		if _, failed := api.Apply(ctx, labelled); failed != nil {
			err = failed
		}
	}
	return err
}

// newRig is a cluster of a test's own: a cluster is one dataplane's, and a control plane has a dataplane of its own.
func newRig(t *testing.T, args ...string) (*rigtest.Rig, *kube.Cluster) {
	t.Helper()
	r, err := rigtest.Start(append(args, "-nodes", "3")...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Stop() })
	api, err := connect(r.Kubeconfig)
	if err == nil {
		err = equip(t.Context(), api)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r, api
}
