package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"strings"

	"helm.sh/helm/v4/pkg/action"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	helmkube "helm.sh/helm/v4/pkg/kube"
	"helm.sh/helm/v4/pkg/kube/fake"
	"helm.sh/helm/v4/pkg/storage"
	"helm.sh/helm/v4/pkg/storage/driver"
	"sigs.k8s.io/yaml"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

// render says what a chart makes in a cluster that only stores, or what of it the chart has to know first.
func (o *operation) render() (helm.Result, error) {
	ch, err := o.load()
	if err != nil {
		return helm.Result{}, err
	}
	crds, err := definitions(ch)
	if err != nil {
		return helm.Result{}, err
	}
	store, err := newStore(o.Request, &o.notes)
	if err != nil {
		return helm.Result{}, err
	}
	manifest, err := o.template(ch, store, false)
	if wants := store.wants; len(wants) > 0 { // whatever came of it was made without them
		return helm.Result{Wants: wants}, nil
	}
	if err != nil {
		return helm.Result{}, err
	}
	objects, err := objectsOf(manifest)
	return helm.Result{Objects: objects, Definitions: crds}, err
}

// template is what a chart makes of the values, without hooks, in the cluster that a getter leads to: the cluster says its
// version, its kinds and what is looked up. Nothing is written.
func (o *operation) template(ch *chart.Chart, in action.RESTClientGetter, upgrade bool) (string, error) {
	c := action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler))
	c.RESTClientGetter, c.KubeClient, c.Releases = in, &fake.PrintingKubeClient{Out: io.Discard}, storage.Init(driver.NewMemory())
	var err error
	if c.Capabilities, err = o.capabilities(ch, in, upgrade); err != nil {
		return "", err
	}
	try := action.NewInstall(c)
	try.ReleaseName, try.Namespace, try.DryRunStrategy, try.IsUpgrade = o.Release, o.Namespace, action.DryRunServer, upgrade
	try.WaitStrategy, try.PostRenderer, try.PostRenderStrategy = helmkube.HookOnlyStrategy, guard{o}, action.PostRenderStrategySeparate
	made, err := try.Run(ch, maps.Clone(o.Values))
	if err != nil {
		return "", o.renderFault(err)
	}
	r, err := asRelease(made)
	if err != nil {
		return "", err
	}
	return r.Manifest, nil
}

// renderFault is the chart's fault, but where the cluster did not let it look something up: Helm says that in words only.
func (o *operation) renderFault(err error) error {
	code := kube.Invalid
	if o.notes.denied.Load() && strings.Contains(err.Error(), "forbidden") {
		code = kube.Forbidden
	}
	return fault(code, "render the chart: %w", err)
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
			o = kube.MarkApplication(o, g.home(), g.Release, g.Owner, g.Pods)
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
	if g.Terms == policy.AsAddon {
		return ""
	}
	return g.Namespace
}

// check refuses what a chart must not make.
func (g guard) check(o kube.Object) error {
	if ns := o.Namespace(); ns != "" && ns != g.Namespace && g.Terms != policy.AsAddon {
		return fault(kube.Invalid, "the chart makes %s: only namespace %s is the application's", o.Key(), g.Namespace)
	}
	if at := policy.SpilledSecret(o, g.Secrets); at != "" {
		return fault(kube.Invalid, "the chart makes %s with a secret in %s: a value that refers to a secret may end up in the data of a Secret alone", o.Key(), at)
	}
	for _, f := range policy.CheckObjects([]kube.Object{o}, g.Terms) {
		_, field, _ := strings.Cut(f.Path, "].")
		return fault(kube.Invalid, "the chart makes %s: %s: %s", o.Key(), field, f.Message)
	}
	return nil
}

// objectsOf reads the documents of a manifest. A list is its items, as it is to an API server's clients.
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
		items, err := o.Items()
		if err != nil {
			return nil, fault(kube.Invalid, "the chart renders to no object: %w", err)
		}
		objects = append(objects, items...)
	}
	return objects, nil
}
