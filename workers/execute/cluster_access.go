package execute

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
)

// RealCloud is a real cloud: the way into its clusters is that which the provider tells.
func RealCloud(p cloud.Provider) Cloud {
	d := &clusterAccess{provider: p, open: map[clusterKey]*clusterConn{}}
	return Cloud{Provider: p, Kube: d.kube}
}

// toldFor is how long what a provider told of a cluster is relied on: long enough that a thousand tenants on it do not ask
// a thousand times, and short enough that a cluster that is gone is known to be.
const toldFor = time.Minute

// clusterAccess are the clusters that were reached, with their connections and tokens.
type clusterAccess struct {
	provider cloud.Provider
	mu       sync.Mutex
	open     map[clusterKey]*clusterConn
}

type clusterKey struct {
	scope   cloud.Scope
	cluster string
}

// clusterConn is one cluster. Its lock is held while the provider is asked, so that those who come together ask once.
type clusterConn struct {
	mu    sync.Mutex
	at    time.Time
	to    cloud.Access
	reach *kube.Cluster
}

func (d *clusterAccess) kube(ctx context.Context, s cloud.Scope, cluster string) (kube.API, error) {
	d.mu.Lock()
	one := d.open[clusterKey{s, cluster}]
	if one == nil {
		one = &clusterConn{}
		d.open[clusterKey{s, cluster}] = one
	}
	d.mu.Unlock()
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.reach != nil && time.Since(one.at) < toldFor {
		return one.reach, nil
	}
	to, err := d.provider.Access(ctx, s, cluster)
	if err != nil {
		one.reach = nil
		return nil, err
	}
	if one.reach == nil || to.Endpoint != one.to.Endpoint || !bytes.Equal(to.CA, one.to.CA) {
		if one.reach, err = kube.Connect(to.Endpoint, to.CA, to.Token); err != nil {
			return nil, err
		}
	}
	one.at, one.to = time.Now(), to
	return one.reach, nil
}
