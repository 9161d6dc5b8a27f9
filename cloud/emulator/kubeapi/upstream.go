package kubeapi

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"

	"k8s.io/client-go/rest"

	"github.com/aeriehq/aerie/cloud/kube"
)

// Upstream is a real cluster that serves in the place of an emulated one.
type Upstream struct {
	host   *url.URL
	own    http.RoundTripper // with the rights of the kubeconfig
	nobody http.RoundTripper // with those that a request brings along
}

// OpenUpstream reaches the cluster that a kubeconfig names.
func OpenUpstream(kubeconfig string) (*Upstream, error) {
	config, err := kube.ReadConfig(kubeconfig)
	if err != nil {
		return nil, err
	}
	b := &Upstream{}
	if b.host, err = url.Parse(config.Host); err != nil {
		return nil, fmt.Errorf("reach the cluster behind: %w", err)
	}
	if b.own, err = rest.TransportFor(config); err != nil {
		return nil, fmt.Errorf("reach the cluster behind: %w", err)
	}
	if b.nobody, err = rest.TransportFor(rest.AnonymousClientConfig(config)); err != nil {
		return nil, fmt.Errorf("reach the cluster behind: %w", err)
	}
	return b, nil
}

// Serve passes a request on. As its own it goes with the rights of the kubeconfig, else with those that it brings.
func (b *Upstream) Serve(w http.ResponseWriter, r *http.Request, path string, own bool) {
	proxy := httputil.ReverseProxy{
		Transport: b.nobody,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = b.host.Scheme, b.host.Host, b.host.Host
			p.Out.URL.Path, p.Out.URL.RawPath = b.host.Path+path, ""
			if own {
				p.Out.Header.Del("Authorization")
			}
		},
	}
	if own {
		proxy.Transport = b.own
	}
	proxy.ServeHTTP(w, r)
}
