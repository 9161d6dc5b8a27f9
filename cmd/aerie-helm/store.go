package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/aeriehq/aerie/cloud/emulator/kubeapi"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/memory"
)

// store is a cluster that only stores, as a chart sees it: it knows what the request says of it, and takes down what else
// the chart wants to know. Helm reaches it as it reaches a real one, over a transport that leads nowhere else.
type store struct {
	*memory.Store
	asks  helm.Request
	notes *notes
	wants []kube.Key
}

// newStore holds what a request says of a cluster.
func newStore(q helm.Request, n *notes) (*store, error) {
	if q.Stored == nil {
		return nil, fault(kube.Invalid, "the request says nothing of the cluster")
	}
	all := slices.Clone(q.Stored.Kinds)
	for _, found := range q.Stored.Found {
		all = append(all, found.Objects...)
	}
	m, err := memory.New(all, nil)
	return &store{Store: m, asks: q, notes: n}, err
}

// Get implements kube.API.
func (s *store) Get(ctx context.Context, apiVersion, kind, namespace, name string) (kube.Object, error) {
	if err := s.look(kube.Key{APIVersion: apiVersion, Kind: kind, Namespace: namespace, Name: name}); err != nil {
		return nil, err
	}
	return s.Store.Get(ctx, apiVersion, kind, namespace, name)
}

// List implements kube.API. The custom kinds are known.
func (s *store) List(ctx context.Context, sel kube.Selector) ([]kube.Object, error) {
	k := kube.Key{APIVersion: sel.APIVersion, Kind: sel.Kind, Namespace: sel.Namespace}
	if sel.Kind != kube.DefinitionKind {
		if err := s.look(k); err != nil {
			return nil, err
		}
	}
	return s.Store.List(ctx, sel)
}

// look takes down what is wanted, unless it is known, and refuses what the installer may not read.
func (s *store) look(k kube.Key) error {
	if !s.asks.MayLook(k) {
		s.notes.denied.Store(true)
		return &kube.Error{Code: kube.Forbidden, Op: "lookup", Object: k.String(), Message: "it is forbidden: who installs may look into namespace " + s.asks.Namespace + " alone"}
	}
	known := slices.ContainsFunc(s.asks.Stored.Found, func(f helm.Found) bool { return f.Key == k })
	if !known && !slices.Contains(s.wants, k) {
		s.wants = append(s.wants, k)
	}
	return nil
}

// RoundTrip implements http.RoundTripper.
func (s *store) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := kubeapi.Serve(r, r.URL.Path, nil, s, s.asks.Stored.Version)
	body, err := json.Marshal(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("answer %s: %w", r.URL.Path, err)
	}
	return &http.Response{StatusCode: answer.Status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r}, nil
}

// ToRESTConfig implements Helm's RESTClientGetter, as the others do.
func (s *store) ToRESTConfig() (*rest.Config, error) {
	return &rest.Config{Host: "https://stored.invalid", Transport: s}, nil
}

func (s *store) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return discoveryOf(s)
}

func (s *store) ToRESTMapper() (meta.RESTMapper, error) { return mapperOf(s) }

func (s *store) ToRawKubeConfigLoader() clientcmd.ClientConfig { return nil }
