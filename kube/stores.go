package kube

import (
	"context"
	"strings"
)

// StoresOnly ends the version of an API that only stores: what is applied to it is kept, and nothing runs.
const StoresOnly = "-stores-only"

// OnlyStores says whether the cluster is no real one but a store of objects, as it says of itself in its version. It is
// asked once.
func (c *Cluster) OnlyStores(ctx context.Context) (bool, error) {
	if known := c.stores.Load(); known != nil {
		return *known, nil
	}
	var version struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := c.kinds.fetch(ctx, "/version", &version); err != nil {
		return false, failed("read version", Key{}, err)
	}
	stores := strings.HasSuffix(version.GitVersion, StoresOnly)
	c.stores.Store(&stores)
	return stores, nil
}
