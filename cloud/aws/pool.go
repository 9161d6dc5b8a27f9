package aws

import (
	"context"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
	"github.com/aeriehq/aerie/cloud/aws/offers"
	"github.com/aeriehq/aerie/cloud/aws/policy"
)

var poolPhases = map[types.NodegroupStatus]cloud.Phase{
	types.NodegroupStatusCreating: cloud.Creating, types.NodegroupStatusActive: cloud.Ready, types.NodegroupStatusUpdating: cloud.Updating,
	types.NodegroupStatusDeleting: cloud.Deleting, types.NodegroupStatusDegraded: cloud.Degraded,
	types.NodegroupStatusCreateFailed: cloud.Failed, types.NodegroupStatusDeleteFailed: cloud.Failed,
}

// EnsurePool implements cloud.Provider.
func (p *Provider) EnsurePool(ctx context.Context, s cloud.Scope, spec cloud.PoolSpec) (cloud.Observation, error) {
	if err := spec.Validate(); err != nil {
		return cloud.Observation{}, err
	}
	return p.observed(ctx, "EnsurePool", s, func(ctx context.Context, at *session) (cloud.Observation, error) {
		has, err := at.nodegroup(ctx, spec.Cluster, spec.Name)
		switch {
		case err != nil:
			return cloud.Observation{}, err
		case has == nil:
			return at.createPool(ctx, spec)
		}
		return at.changePool(ctx, has, spec)
	})
}

// ObservePool implements cloud.Provider. A pool of which only the role is left is being deleted.
func (p *Provider) ObservePool(ctx context.Context, s cloud.Scope, cluster, name string) (cloud.Observation, error) {
	return p.observed(ctx, "ObservePool", s, func(ctx context.Context, at *session) (cloud.Observation, error) {
		has, err := at.nodegroup(ctx, cluster, name)
		if err != nil || has != nil {
			return observePool(has), err
		}
		return at.leftover(ctx, purpose{at.region, cluster, cloud.KindPool, name})
	})
}

// DeletePool implements cloud.Provider. The machines need their role to the end.
func (p *Provider) DeletePool(ctx context.Context, s cloud.Scope, cluster, name, owner string) error {
	return p.within(ctx, "DeletePool", s, func(ctx context.Context, at *session) error {
		has, err := at.nodegroup(ctx, cluster, name)
		switch {
		case err != nil:
			return err
		case has == nil:
			return at.deleteRoles(ctx, purpose{at.region, cluster, cloud.KindPool, name}, owner)
		case has.Tags[tagOwner] != owner:
			return taken("pool", name, has.Tags[tagOwner])
		case has.Status == types.NodegroupStatusDeleting:
			return nil
		case has.Status == types.NodegroupStatusUpdating:
			return refuse(cloud.Conflict, "Updating", "pool %s is being updated", name)
		}
		_, err = at.eks.DeleteNodegroup(ctx, &eks.DeleteNodegroupInput{ClusterName: &cluster, NodegroupName: &name})
		return awserr.UnlessGone(err)
	})
}

// nodegroup reads a node group; nil if there is none.
func (at *session) nodegroup(ctx context.Context, cluster, name string) (*types.Nodegroup, error) {
	there, err := at.eks.DescribeNodegroup(ctx, &eks.DescribeNodegroupInput{ClusterName: &cluster, NodegroupName: &name})
	if awserr.Gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return there.Nodegroup, nil
}

// readyCluster is the cluster that a pool or an add-on is made on.
func (at *session) readyCluster(ctx context.Context, name string) (*types.Cluster, error) {
	has, err := at.cluster(ctx, name)
	switch {
	case err != nil:
		return nil, err
	case has == nil:
		return nil, refuse(cloud.NotFound, "NoCluster", "there is no cluster %s", name)
	case has.Status != types.ClusterStatusActive:
		return nil, refuse(cloud.Conflict, "ClusterNotReady", "cluster %s is %s", name, has.Status)
	}
	return has, nil
}

func (at *session) createPool(ctx context.Context, spec cloud.PoolSpec) (cloud.Observation, error) {
	cluster, err := at.readyCluster(ctx, spec.Cluster)
	if err != nil {
		return cloud.Observation{}, err
	}
	if err := poolVersion("", spec.Version, awssdk.ToString(cluster.Version)); err != nil {
		return cloud.Observation{}, err
	}
	subnets, zones, err := at.poolSubnets(ctx, cluster, spec.Zones)
	if err != nil {
		return cloud.Observation{}, err
	}
	r, err := at.ensureRole(ctx, role{
		purpose: purpose{at.region, spec.Cluster, cloud.KindPool, spec.Name}, owner: spec.Owner,
		trust: policy.TrustService("ec2.amazonaws.com"), policies: policy.NodePolicies,
	})
	if err != nil {
		return cloud.Observation{}, err
	}
	machines := append([]string{spec.Machine}, spec.Others...)
	in := &eks.CreateNodegroupInput{
		ClusterName: &spec.Cluster, NodegroupName: &spec.Name, NodeRole: &r.arn, Subnets: subnets,
		ClientRequestToken: token("pool", spec.Cluster, spec.Name, spec.Owner, spec.Token, spec.Hash()),
		CapacityType:       capacity(spec.Spot), InstanceTypes: offers.InstanceTypes(machines),
		ScalingConfig: scaling(spec, int32(spec.Min)), Labels: spec.Labels, Taints: taints(spec.Taints),
		Tags: map[string]string{
			tagOwner: spec.Owner, tagName: spec.Name, tagSpec: spec.Hash(),
			tagMachine: strings.Join(machines, " "), tagZones: strings.Join(zones, " "),
		},
	}
	if spec.Version != "" {
		in.Version = &spec.Version
	}
	made, err := at.eks.CreateNodegroup(ctx, in)
	if err != nil {
		return cloud.Observation{}, at.withdraw(ctx, purpose{at.region, spec.Cluster, cloud.KindPool, spec.Name}, r, err)
	}
	return observePool(made.Nodegroup), nil
}

// poolSubnets are those of the cluster's subnets that are in the wished zones, or all of them.
func (at *session) poolSubnets(ctx context.Context, cluster *types.Cluster, wished []string) (ids, zones []string, err error) {
	if cluster.ResourcesVpcConfig == nil {
		return nil, nil, refuse(cloud.Retryable, "NoSubnets", "cluster %s shows no subnets", awssdk.ToString(cluster.Name))
	}
	all, err := at.network.Subnets(ctx, cluster.ResourcesVpcConfig.SubnetIds)
	if err != nil {
		return nil, nil, err
	}
	there := map[string]bool{}
	for _, s := range all {
		there[s.Zone] = true
		if len(wished) == 0 || slices.Contains(wished, s.Zone) {
			ids, zones = append(ids, s.ID), append(zones, s.Zone)
		}
	}
	for _, z := range wished {
		if !there[z] {
			return nil, nil, refuse(cloud.Invalid, "UnknownZone", "cluster %s has no zone %q", awssdk.ToString(cluster.Name), z)
		}
	}
	slices.Sort(zones)
	return ids, slices.Compact(zones), nil
}

// poolVersion refuses a version older than the pool has, or newer than its cluster.
func poolVersion(is, wanted, cluster string) error {
	if wanted == "" || wanted == is {
		return nil
	}
	to, err := minor(wanted)
	if err != nil {
		return err
	}
	from, _ := minor(is) // 0 of one that is being made
	if most, err := minor(cluster); err == nil && (to < from || to > most) {
		return refuse(cloud.Invalid, "VersionSkew", "a pool at %q of a cluster at %s cannot have %s", is, cluster, wanted)
	}
	return nil
}

// observePool reads a description; nil is absent. EKS counts no machines: an active pool has those that are desired.
func observePool(g *types.Nodegroup) cloud.Observation {
	if g == nil {
		return cloud.Observation{Phase: cloud.Absent}
	}
	o := cloud.Observation{
		Phase: poolPhases[g.Status], Raw: string(g.Status), Owner: g.Tags[tagOwner], SpecHash: g.Tags[tagSpec],
		ID: awssdk.ToString(g.NodegroupArn), Version: awssdk.ToString(g.Version), Zones: strings.Fields(g.Tags[tagZones]), Pool: poolOf(g),
		NodeLabels: map[string]string{"eks.amazonaws.com/nodegroup": awssdk.ToString(g.NodegroupName)},
	}
	if g.ScalingConfig != nil && (o.Phase == cloud.Ready || o.Phase == cloud.Updating || o.Phase == cloud.Degraded) {
		o.Nodes = int(awssdk.ToInt32(g.ScalingConfig.DesiredSize))
	}
	if g.Health != nil {
		for _, i := range g.Health.Issues {
			o.Issues = append(o.Issues, awserr.Issue(string(i.Code), awssdk.ToString(i.Message)))
		}
	}
	return o
}

// poolOf reads a node group as a spec. Machines are called as they were wished, unless somebody changed them.
func poolOf(g *types.Nodegroup) *cloud.PoolSpec {
	p := &cloud.PoolSpec{
		Cluster: awssdk.ToString(g.ClusterName), Name: awssdk.ToString(g.NodegroupName), Owner: g.Tags[tagOwner],
		Labels: g.Labels, Zones: strings.Fields(g.Tags[tagZones]), Spot: g.CapacityType == types.CapacityTypesSpot,
		Version: awssdk.ToString(g.Version),
	}
	machines := strings.Fields(g.Tags[tagMachine])
	if !slices.Equal(offers.InstanceTypes(machines), g.InstanceTypes) {
		machines = g.InstanceTypes
	}
	if len(machines) > 0 {
		p.Machine, p.Others = machines[0], machines[1:]
	}
	if g.ScalingConfig != nil {
		p.Min, p.Max = int(awssdk.ToInt32(g.ScalingConfig.MinSize)), int(awssdk.ToInt32(g.ScalingConfig.MaxSize))
	}
	for _, t := range g.Taints {
		p.Taints = append(p.Taints, cloud.Taint{Key: awssdk.ToString(t.Key), Value: awssdk.ToString(t.Value), Effect: effectOf(t.Effect)})
	}
	return p
}

func capacity(spot bool) types.CapacityTypes {
	if spot {
		return types.CapacityTypesSpot
	}
	return types.CapacityTypesOnDemand
}

// scaling keeps as many machines as there are, within the bounds.
func scaling(spec cloud.PoolSpec, now int32) *types.NodegroupScalingConfig {
	low, high := int32(spec.Min), int32(spec.Max)
	desired := min(max(now, low), high)
	return &types.NodegroupScalingConfig{MinSize: &low, MaxSize: &high, DesiredSize: &desired}
}
