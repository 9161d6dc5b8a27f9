package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"strings"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	helmkube "helm.sh/helm/v4/pkg/kube"
	"sigs.k8s.io/yaml"

	"github.com/aeriehq/aerie/kube"
	"github.com/aeriehq/aerie/kube/helm"
)

func (o *operation) render() (helm.Result, error) {
	ch, err := o.load()
	if err != nil {
		return helm.Result{}, err
	}
	manifest, err := o.template(ch)
	if err != nil {
		return helm.Result{}, err
	}
	objects, err := objectsOf(manifest)
	return helm.Result{Objects: objects}, err
}

// renderVersion is the Kubernetes version that a chart is told where there is no cluster to ask.
var renderVersion = common.KubeVersion{Version: "v1.36.0", Major: "1", Minor: "36"}

// template is what a chart makes of the values, without hooks, when no cluster is asked.
func (o *operation) template(ch *chart.Chart) (string, error) {
	in := action.NewInstall(action.NewConfiguration(action.ConfigurationSetLogger(slog.NewTextHandler(io.Discard, nil))))
	in.ReleaseName, in.Namespace, in.DryRunStrategy = o.Release, o.Namespace, action.DryRunClient
	in.WaitStrategy, in.KubeVersion = helmkube.HookOnlyStrategy, &renderVersion
	in.PostRenderer, in.PostRenderStrategy = guard{o}, action.PostRenderStrategySeparate
	made, err := in.Run(ch, maps.Clone(o.Values))
	if err != nil {
		return "", fault(kube.Invalid, "render the chart: %w", err)
	}
	r, err := asRelease(made)
	if err != nil {
		return "", err
	}
	return r.Manifest, nil
}

// guard lets through what an application may consist of, marked as the application's. Helm gives it all that a chart
// renders to, hooks too.
type guard struct{ *operation }

// Run implements Helm's PostRenderer.
func (g guard) Run(rendered *bytes.Buffer) (*bytes.Buffer, error) {
	objects, err := objectsOf(rendered.String())
	if err != nil {
		return nil, err
	}
	if len(objects) > helm.MaxObjects {
		return nil, fault(kube.Invalid, "the chart makes %d objects: at most %d", len(objects), helm.MaxObjects)
	}
	out := &bytes.Buffer{}
	for _, o := range objects {
		if err := g.check(o); err != nil {
			return nil, err
		}
		if g.Op != helm.Render { // what is only rendered is marked by whoever stores it
			o = kube.MarkApplication(o, g.home(), g.Release, g.Owner, g.Class)
		}
		data, err := yaml.Marshal(o)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(out, "---\n%s", data)
	}
	return out, nil
}

// home is the namespace of what says none; empty where the cluster has to tell whether it has one.
func (g guard) home() string {
	if g.Terms == kube.AsAddon {
		return ""
	}
	return g.Namespace
}

// check refuses what a chart must not make.
func (g guard) check(o kube.Object) error {
	if ns := o.Namespace(); ns != "" && ns != g.Namespace {
		return fault(kube.Invalid, "the chart makes %s: only namespace %s is the application's", o.Key(), g.Namespace)
	}
	for _, f := range kube.CheckObjects([]kube.Object{o}, g.Terms) {
		_, field, _ := strings.Cut(f.Path, "].")
		return fault(kube.Invalid, "the chart makes %s: %s: %s", o.Key(), field, f.Message)
	}
	return nil
}

// objectsOf reads the documents of a manifest.
func objectsOf(manifest string) (objects []kube.Object, err error) {
	for _, doc := range strings.Split("\n"+manifest, "\n---") {
		data, err := yaml.YAMLToJSON([]byte(doc))
		if err != nil {
			return nil, fault(kube.Invalid, "the chart renders to no YAML: %w", err)
		}
		if string(bytes.TrimSpace(data)) == "null" {
			continue
		}
		o, err := kube.Decode(data)
		if err != nil {
			return nil, fault(kube.Invalid, "the chart renders to no object: %w", err)
		}
		objects = append(objects, o)
	}
	return objects, nil
}
