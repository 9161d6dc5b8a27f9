package sim

import (
	"context"
	"slices"
	"strconv"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
)

// kindVolume is what the storage of a cluster makes: no call makes one, and none lists it.
const kindVolume cloud.Kind = "volume"

// volume is what is peculiar to a volume. It is in no way of its cluster's end.
type volume struct {
	Cluster string `json:"cluster"`
	Keep    string `json:"keep,omitempty"` // whether it stays when its cluster goes: only with false it does not
}

const persistentVolume = "PersistentVolume"

// provision makes the volume of a PersistentVolume that is put into a cluster, as the cluster's storage would.
func (c *call) provision(cluster string, put kube.Object) error {
	spec, _ := put["spec"].(map[string]any)
	csi, _ := spec["csi"].(map[string]any)
	id, _ := csi["volumeHandle"].(string)
	on := c.sim.state.byID[cluster]
	if put.Kind() != persistentVolume || id == "" {
		return nil
	}
	if there, err := c.one(kindVolume, on.Name, id); there != nil || err != nil {
		return err
	}
	_, err := c.create(resource{Kind: kindVolume, Name: id, Owner: on.Owner, Volume: &volume{Cluster: on.Name}}, 0)
	return err
}

// volumes are those of an owner's cluster, in the order in which they were made.
func (c *call) volumes(cluster, owner string) (found []*resource, err error) {
	all, err := c.all()
	return slices.DeleteFunc(all, func(r *resource) bool { return r.Kind != kindVolume || r.parent() != cluster || r.Owner != owner }), err
}

// MarkVolumes implements cloud.Provider.
func (s *Sim) MarkVolumes(ctx context.Context, sc cloud.Scope, cluster, owner string, goes map[string]bool) error {
	return s.do(ctx, request{op: "MarkVolumes", scope: sc, name: cluster, quiet: true}, func(c *call) (cloud.Phase, error) {
		all, err := c.volumes(cluster, owner)
		if err != nil {
			return "", err
		}
		for _, r := range all {
			going, known := goes[r.Name]
			keep := strconv.FormatBool(!going)
			if !known || r.Volume.Keep == keep || r.Volume.Keep == "true" {
				continue
			}
			marked := *r
			marked.Volume = &volume{cluster, keep}
			if _, err := c.put(marked); err != nil {
				return "", err
			}
		}
		return "", nil
	})
}

// KeptVolumes implements cloud.Provider.
func (s *Sim) KeptVolumes(ctx context.Context, sc cloud.Scope, cluster, _ string) (ids []string, err error) {
	err = s.do(ctx, request{op: "KeptVolumes", scope: sc, name: cluster, quiet: true}, func(c *call) (cloud.Phase, error) {
		all, err := c.volumes(cluster, "")
		for _, r := range all {
			ids = append(ids, r.Name)
		}
		return "", err
	})
	slices.Sort(ids)
	return ids, err
}

// part ends the volumes of a cluster that goes, or has them lose its mark.
func (c *call) part(cluster *resource) error {
	for _, r := range c.sim.state.sorted(c.sim.state.scopes[scope{cluster.Account, cluster.Region}]) {
		if r.Kind != kindVolume || r.parent() != cluster.Name || r.Owner != cluster.Owner {
			continue
		}
		released, l := *r, line{Del: r.ID}
		if released.Owner = ""; r.Volume.Keep != "false" {
			l = line{Put: &released}
		}
		if err := c.effect(l); err != nil {
			return err
		}
	}
	return nil
}
