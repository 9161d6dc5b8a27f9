package main

import (
	"net/http"
	"net/url"
	"sync/atomic"

	"helm.sh/helm/v4/pkg/action"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/aeriehq/aerie/cloud/kube"
)

// getter is how Helm reaches the cluster: as one service account, the certificate verified, nothing on the disk.
type getter struct {
	clientcmd.ClientConfig
	notes *notes
}

// notes are what Helm's errors do not tell any more.
type notes struct {
	lost   atomic.Bool  // the cluster has not answered at some time
	denied atomic.Bool  // it has refused something for want of rights
	open   atomic.Int32 // how many calls it has not answered yet
}

// newGetter makes one that takes notes of the cluster's answers.
func newGetter(namespace string, to kube.Access, n *notes) getter {
	c := api.NewConfig()
	c.Clusters["it"] = &api.Cluster{Server: to.Endpoint, CertificateAuthorityData: to.CA}
	c.AuthInfos["us"] = &api.AuthInfo{Token: to.Token}
	c.Contexts["it"] = &api.Context{Cluster: "it", AuthInfo: "us", Namespace: namespace}
	c.CurrentContext = "it"
	return getter{clientcmd.NewDefaultClientConfig(*c, nil), n}
}

// noting notes when a call gets no answer of an API server, or that of one that has just started: it refuses before it
// knows rights. Helm words the errors of its waiting anew, so they do not tell any more.
type noting struct {
	http.RoundTripper
	*notes
}

// RoundTrip implements http.RoundTripper.
func (n noting) RoundTrip(r *http.Request) (*http.Response, error) {
	n.open.Add(1)
	defer n.open.Add(-1)
	answer, err := n.RoundTripper.RoundTrip(r)
	switch {
	case err != nil && r.Context().Err() == nil, err == nil && answer.StatusCode == http.StatusServiceUnavailable:
		n.lost.Store(true)
	case err == nil && (answer.StatusCode == http.StatusForbidden || answer.StatusCode == http.StatusUnauthorized) && !n.ready(r):
		n.lost.Store(true)
	case err == nil && answer.StatusCode == http.StatusForbidden:
		n.denied.Store(true)
	}
	return answer, err
}

// ready asks the server of a request whether it has all that it needs to answer. Only its own word, or none, is a no.
func (n noting) ready(of *http.Request) bool {
	q := of.Clone(of.Context())
	q.Method, q.Body, q.ContentLength = http.MethodGet, nil, 0
	q.URL = &url.URL{Scheme: of.URL.Scheme, Host: of.URL.Host, Path: "/readyz"}
	answer, err := n.RoundTripper.RoundTrip(q)
	if err != nil {
		return of.Context().Err() != nil
	}
	defer func() { _ = answer.Body.Close() }()
	return answer.StatusCode < http.StatusInternalServerError
}

// ToRESTConfig implements Helm's RESTClientGetter, as the others do.
func (g getter) ToRESTConfig() (*rest.Config, error) {
	c, err := g.ClientConfig.ClientConfig()
	if err == nil {
		c.QPS, c.Burst = 100, 200
		c.Wrap(func(t http.RoundTripper) http.RoundTripper { return noting{t, g.notes} })
	}
	return c, err
}

func (g getter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return discoveryOf(g)
}

func (g getter) ToRESTMapper() (meta.RESTMapper, error) { return mapperOf(g) }

func (g getter) ToRawKubeConfigLoader() clientcmd.ClientConfig { return g.ClientConfig }

func discoveryOf(g action.RESTClientGetter) (discovery.CachedDiscoveryInterface, error) {
	c, err := g.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	client, err := discovery.NewDiscoveryClientForConfig(c)
	if err != nil {
		return nil, err
	}
	return memory.NewMemCacheClient(client), nil
}

func mapperOf(g action.RESTClientGetter) (meta.RESTMapper, error) {
	client, err := g.ToDiscoveryClient()
	if err != nil {
		return nil, err
	}
	return restmapper.NewDeferredDiscoveryRESTMapper(client), nil
}
