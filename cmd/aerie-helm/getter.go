package main

import (
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/aeriehq/aerie/kube"
)

// getter is how Helm reaches the cluster: as one service account, the certificate verified, nothing on the disk.
type getter struct{ clientcmd.ClientConfig }

func newGetter(namespace string, to kube.Reach) getter {
	c := api.NewConfig()
	c.Clusters["it"] = &api.Cluster{Server: to.Endpoint, CertificateAuthorityData: to.CA}
	c.AuthInfos["us"] = &api.AuthInfo{Token: to.Token}
	c.Contexts["it"] = &api.Context{Cluster: "it", AuthInfo: "us", Namespace: namespace}
	c.CurrentContext = "it"
	return getter{clientcmd.NewDefaultClientConfig(*c, nil)}
}

// ToRESTConfig implements Helm's RESTClientGetter, as the others do.
func (g getter) ToRESTConfig() (*rest.Config, error) {
	c, err := g.ClientConfig.ClientConfig()
	if err == nil {
		c.QPS, c.Burst = 100, 200
	}
	return c, err
}

func (g getter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
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

func (g getter) ToRESTMapper() (meta.RESTMapper, error) {
	client, err := g.ToDiscoveryClient()
	if err != nil {
		return nil, err
	}
	return restmapper.NewDeferredDiscoveryRESTMapper(client), nil
}

func (g getter) ToRawKubeConfigLoader() clientcmd.ClientConfig { return g.ClientConfig }
