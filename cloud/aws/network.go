package aws

import (
	"context"
	"slices"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/aeriehq/aerie/cloud"
)

// EnsureNetwork implements cloud.Provider.
func (p *Provider) EnsureNetwork(ctx context.Context, s cloud.Scope, spec cloud.NetworkSpec) (cloud.Observation, error) {
	return p.observed(ctx, "EnsureNetwork", s, func(ctx context.Context, at *session) (cloud.Observation, error) {
		return at.network.Ensure(ctx, spec)
	})
}

// ObserveNetwork implements cloud.Provider.
func (p *Provider) ObserveNetwork(ctx context.Context, s cloud.Scope, name string) (cloud.Observation, error) {
	return p.observed(ctx, "ObserveNetwork", s, func(ctx context.Context, at *session) (cloud.Observation, error) {
		n, err := at.network.Observe(ctx, name)
		return n.Observation, err
	})
}

// DeleteNetwork implements cloud.Provider.
func (p *Provider) DeleteNetwork(ctx context.Context, s cloud.Scope, name, owner string) error {
	return p.within(ctx, "DeleteNetwork", s, func(ctx context.Context, at *session) error {
		return at.network.Delete(ctx, name, owner, at.standsOn)
	})
}

// standsOn refuses VPCs in which there is a cluster, anybody's: EC2 would find out only when half of the network is gone.
func (at *session) standsOn(ctx context.Context, vpcs []string) error {
	return at.eachCluster(ctx, func(name string) error {
		c, err := at.cluster(ctx, name)
		if err != nil || c == nil || c.ResourcesVpcConfig == nil {
			return err
		}
		if vpc := awssdk.ToString(c.ResourcesVpcConfig.VpcId); slices.Contains(vpcs, vpc) {
			return refuse(cloud.Conflict, "InUse", "cluster %s is in %s", name, vpc)
		}
		return nil
	})
}

// eachCluster goes through the names of all clusters of the account and region.
func (at *session) eachCluster(ctx context.Context, do func(name string) error) error {
	pages := eks.NewListClustersPaginator(at.eks, &eks.ListClustersInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, name := range page.Clusters {
			if err := do(name); err != nil {
				return err
			}
		}
	}
	return nil
}
