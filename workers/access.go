package workers

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/kube"
)

// Through is a real cloud: the way into its clusters is that which the provider tells.
func Through(p cloud.Provider) Cloud {
	d := &doors{provider: p, open: map[doorway]*door{}}
	return Cloud{Provider: p, Kube: d.kube}
}

// toldFor is how long what a provider told of a cluster is relied on: long enough that a thousand tenants on it do not ask
// a thousand times, and short enough that a cluster that is gone is known to be.
const toldFor = time.Minute

// doors are the clusters that were reached, with their connections and tokens.
type doors struct {
	provider cloud.Provider
	mu       sync.Mutex
	open     map[doorway]*door
}

type doorway struct {
	scope   cloud.Scope
	cluster string
}

// door is one cluster. Its lock is held while the provider is asked, so that those who come together ask once.
type door struct {
	mu    sync.Mutex
	at    time.Time
	to    cloud.Access
	reach *kube.Cluster
}

func (d *doors) kube(ctx context.Context, s cloud.Scope, cluster string) (kube.API, error) {
	d.mu.Lock()
	one := d.open[doorway{s, cluster}]
	if one == nil {
		one = &door{}
		d.open[doorway{s, cluster}] = one
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
