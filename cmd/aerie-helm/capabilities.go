package main

import (
	"fmt"
	"strings"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"

	"github.com/aeriehq/aerie/cloud/kube"
)

// capabilities are what a chart is told of the cluster: its version, and the kinds that it serves. Helm brings the kinds
// that a chart defines along before it installs it, and not when it upgrades it.
func (o *operation) capabilities(ch *chart.Chart, in action.RESTClientGetter, upgrade bool) (*common.Capabilities, error) {
	client, err := in.ToDiscoveryClient()
	if err != nil {
		return nil, err
	}
	version, err := client.ServerVersion()
	if err != nil {
		return nil, fmt.Errorf("read the version of the cluster: %w", err)
	}
	served, err := action.GetVersionSet(client)
	if err != nil {
		return nil, fmt.Errorf("read the kinds of the cluster: %w", err)
	}
	if !upgrade {
		defined, err := definitions(ch)
		if err != nil {
			return nil, err
		}
		for _, d := range defined {
			served = append(served, d.Defines()...)
		}
	}
	is := common.KubeVersion{Version: version.GitVersion, Major: version.Major, Minor: version.Minor}
	if o.Stored != nil {
		is.Version = released(o.Stored.Version)
	}
	return &common.Capabilities{KubeVersion: is, APIVersions: served, HelmVersion: common.DefaultCapabilities.HelmVersion}, nil
}

// released is a dataplane's version, such as 1.36, as that of a release of Kubernetes.
func released(version string) string {
	if strings.Count(version, ".") == 1 {
		version += ".0"
	}
	return "v" + strings.TrimPrefix(version, "v")
}

// definitions are the custom kinds in the directory crds of a chart and of those that it brings along.
func definitions(ch *chart.Chart) (all []kube.Object, err error) {
	for _, crd := range ch.CRDObjects() {
		objects, err := objectsOf(string(crd.File.Data))
		if err != nil {
			return nil, err
		}
		all = append(all, objects...)
	}
	return all, nil
}
