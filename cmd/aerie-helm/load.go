package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/cli"
	"helm.sh/helm/v4/pkg/registry"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

// load is the chart that was asked for, and no other version of it.
func (o *operation) load() (*chart.Chart, error) {
	archive.MaxDecompressedChartSize = helm.MaxUnpacked
	if o.Chart.Archive == nil {
		if err := o.fetch(); err != nil {
			return nil, err
		}
	}
	if n := len(o.Chart.Archive); n > helm.MaxArchive {
		return nil, fault(kube.Invalid, "the chart has %d bytes: at most %d", n, helm.MaxArchive)
	}
	ch, err := loader.LoadArchive(bytes.NewReader(o.Chart.Archive))
	if err != nil {
		return nil, fault(kube.Invalid, "read the chart: %w", err)
	}
	switch m := ch.Metadata; {
	case m.Name != o.Chart.Name || !sameVersion(m.Version, o.Chart.Version):
		return nil, fault(kube.Invalid, "it is chart %s %s: %s %s was asked for", m.Name, m.Version, o.Chart.Name, o.Chart.Version)
	case m.Type == "library":
		return nil, fault(kube.Invalid, "chart %s is a library: it installs nothing", m.Name)
	case len(ch.CRDObjects()) > 0 && o.Terms != policy.AsAddon:
		return nil, fault(kube.Invalid, "the chart makes CustomResourceDefinition %s: not allowed: it is of the whole cluster", ch.CRDObjects()[0].Name)
	}
	return ch, nil
}

// sameVersion compares versions of charts, of which some are written with a v.
func sameVersion(a, b string) bool { return strings.TrimPrefix(a, "v") == strings.TrimPrefix(b, "v") }

// fetch gets the chart from its repository into this process's own directory, which nobody else's operation sees.
func (o *operation) fetch() error {
	o.fetching.Store(true)
	defer o.fetching.Store(false)
	c := o.Chart
	from := action.ChartPathOptions{Version: c.Version, Username: c.Login.Username, Password: c.Login.Password}
	if len(c.Login.CA) > 0 {
		from.CaFile = "repository-ca.pem"
		if err := os.WriteFile(from.CaFile, []byte(c.Login.CA), 0o600); err != nil {
			return err
		}
	}
	name := c.Name
	in := action.NewInstall(action.NewConfiguration())
	switch {
	case strings.HasPrefix(c.Repository, "oci://"):
		client, err := registryClient(c.Login)
		if err != nil {
			return err
		}
		in.SetRegistryClient(client)
		name = c.Repository + "/" + c.Name
	case strings.HasPrefix(c.Repository, "https://"):
		from.RepoURL = c.Repository
	default:
		return fault(kube.Invalid, "%q is no repository: want https:// or oci://", c.Repository)
	}
	client := in.GetRegistryClient()
	in.ChartPathOptions = from
	in.SetRegistryClient(client)
	file, err := in.LocateChart(name, cli.New())
	if err != nil {
		return fetchFault(c, err)
	}
	if o.Chart.Archive, err = os.ReadFile(file); err != nil {
		return fmt.Errorf("read the chart: %w", err)
	}
	return nil
}

func registryClient(l helm.Login) (*registry.Client, error) {
	options := []registry.ClientOption{registry.ClientOptCredentialsFile("registry.json")}
	if l.Username != "" {
		options = append(options, registry.ClientOptBasicAuth(l.Username, l.Password))
	}
	if len(l.CA) > 0 {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM([]byte(l.CA))
		options = append(options, registry.ClientOptHTTPClient(&http.Client{Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: roots}}}))
	}
	return registry.NewClient(options...)
}

// fetchFault tells a repository that cannot be reached from one that has no such chart.
func fetchFault(c helm.Chart, err error) error {
	var network net.Error
	var at *url.Error
	if errors.As(err, &network) || errors.As(err, &at) {
		return fault(kube.Unavailable, "fetch chart %s %s: %w", c.Name, c.Version, err)
	}
	return fault(kube.Invalid, "fetch chart %s %s: %w", c.Name, c.Version, err)
}
