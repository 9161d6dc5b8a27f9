package aws

import (
	"context"
	"maps"
	"slices"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/aeriehq/aerie/cloud"
)

var effects = map[string]types.TaintEffect{
	"NoSchedule": types.TaintEffectNoSchedule, "NoExecute": types.TaintEffectNoExecute, "PreferNoSchedule": types.TaintEffectPreferNoSchedule,
}

func effectOf(e types.TaintEffect) string {
	for name, effect := range effects {
		if effect == e {
			return name
		}
	}
	return string(e)
}

func taints(all []cloud.Taint) (list []types.Taint) {
	for _, t := range all {
		list = append(list, types.Taint{Key: &t.Key, Value: &t.Value, Effect: effects[t.Effect]})
	}
	return list
}

// changePool brings a pool to the spec: bounds, labels and taints first, then the version. A failed one is only observed.
func (at *session) changePool(ctx context.Context, has *types.Nodegroup, spec cloud.PoolSpec) (cloud.Observation, error) {
	o := observePool(has)
	switch {
	case o.Owner != spec.Owner:
		return o, taken("pool", spec.Name, o.Owner)
	case o.Phase == cloud.Deleting:
		return o, refuse(cloud.Conflict, "Deleting", "pool %s is being deleted", spec.Name)
	case o.Phase == cloud.Failed:
		return o, nil
	}
	is, zones := o.Pool, slices.Sorted(slices.Values(spec.Zones))
	if is.Machine != spec.Machine || !slices.Equal(is.Others, spec.Others) || is.Spot != spec.Spot ||
		len(zones) > 0 && !slices.Equal(zones, is.Zones) {
		return o, refuse(cloud.Invalid, "Immutable", "pool %s cannot change its machines, zones or spot: make another", spec.Name)
	}
	if o.Phase != cloud.Ready && o.Phase != cloud.Degraded {
		return o, nil
	}
	return at.changeActive(ctx, has, spec, o)
}

func (at *session) changeActive(ctx context.Context, has *types.Nodegroup, spec cloud.PoolSpec,
	o cloud.Observation) (cloud.Observation, error) {
	is := o.Pool
	// The moment of the last change is in the token: the same change may be made again after it was taken back.
	step := token("change", spec.Cluster, spec.Name, spec.Owner, spec.Token, spec.Hash(), awssdk.ToTime(has.ModifiedAt).Format(time.RFC3339Nano))
	switch {
	case is.Min != spec.Min || is.Max != spec.Max || !maps.Equal(is.Labels, spec.Labels) || !cloud.SameTaints(is.Taints, spec.Taints):
		_, err := at.eks.UpdateNodegroupConfig(ctx, &eks.UpdateNodegroupConfigInput{
			ClusterName: &spec.Cluster, NodegroupName: &spec.Name, ClientRequestToken: step,
			ScalingConfig: scaling(spec, int32(o.Nodes)), Labels: labelChange(is.Labels, spec.Labels), Taints: taintChange(is.Taints, spec.Taints),
		})
		return updating(o, err)
	case spec.Version != "" && spec.Version != o.Version:
		cluster, err := at.readyCluster(ctx, spec.Cluster)
		if err == nil {
			err = poolVersion(o.Version, spec.Version, awssdk.ToString(cluster.Version))
		}
		if err == nil {
			_, err = at.eks.UpdateNodegroupVersion(ctx, &eks.UpdateNodegroupVersionInput{
				ClusterName: &spec.Cluster, NodegroupName: &spec.Name, ClientRequestToken: step, Version: &spec.Version,
			})
		}
		return updating(o, err)
	}
	if hash := spec.Hash(); o.SpecHash != hash {
		if err := at.tag(ctx, o.ID, hash); err != nil {
			return o, err
		}
		o.SpecHash = hash
	}
	return o, nil
}

func updating(o cloud.Observation, err error) (cloud.Observation, error) {
	if err != nil {
		return o, err
	}
	o.Phase, o.Raw = cloud.Updating, "UPDATING"
	return o, nil
}

// labelChange is what to add and remove; nil if nothing.
func labelChange(is, wanted map[string]string) *types.UpdateLabelsPayload {
	if maps.Equal(is, wanted) {
		return nil
	}
	change := &types.UpdateLabelsPayload{AddOrUpdateLabels: map[string]string{}}
	for k, v := range wanted {
		if old, there := is[k]; !there || old != v {
			change.AddOrUpdateLabels[k] = v
		}
	}
	for k := range is {
		if _, stays := wanted[k]; !stays {
			change.RemoveLabels = append(change.RemoveLabels, k)
		}
	}
	slices.Sort(change.RemoveLabels)
	return change
}

// taintChange is what to add and remove; nil if nothing.
func taintChange(is, wanted []cloud.Taint) *types.UpdateTaintsPayload {
	if cloud.SameTaints(is, wanted) {
		return nil
	}
	but := func(all, without []cloud.Taint) []types.Taint {
		return taints(slices.DeleteFunc(slices.Clone(all), func(t cloud.Taint) bool { return slices.Contains(without, t) }))
	}
	return &types.UpdateTaintsPayload{AddOrUpdateTaints: but(wanted, is), RemoveTaints: but(is, wanted)}
}
