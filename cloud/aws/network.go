package aws

import (
	"context"
	"slices"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/aeriehq/aerie/cloud"
)

// EnsureNetwork implements cloud.Provider.
func (p *Provider) EnsureNetwork(ctx context.Context, s cloud.Scope, spec cloud.NetworkSpec) (cloud.Observation, error) {
	return p.observed(ctx, "EnsureNetwork", s, func(ctx context.Context, at *session) (cloud.Observation, error) {
		return at.network.Ensure(ctx, spec, at.madeIn)
	})
}

// ObserveNetwork implements cloud.Provider.
func (p *Provider) ObserveNetwork(ctx context.Context, s cloud.Scope, name string) (cloud.Observation, error) {
	return p.observed(ctx, "ObserveNetwork", s, func(ctx context.Context, at *session) (cloud.Observation, error) {
		n, err := at.network.Observe(ctx, name, at.madeIn)
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
	return at.eachCluster(ctx, func(c *types.Cluster) error {
		if slices.Contains(vpcs, vpcOf(c)) {
			return refuse(cloud.Conflict, "InUse", "cluster %s is in %s", *c.Name, vpcOf(c))
		}
		return nil
	})
}

// madeIn is the VPC of a cluster that says that it was made in a network; empty if none does.
func (at *session) madeIn(ctx context.Context, network string) (vpc string, err error) {
	err = at.eachCluster(ctx, func(c *types.Cluster) error {
		if c.Tags[tagNetwork] == network {
			vpc = vpcOf(c)
		}
		return nil
	})
	return vpc, err
}

func vpcOf(c *types.Cluster) string {
	if c.ResourcesVpcConfig == nil {
		return ""
	}
	return awssdk.ToString(c.ResourcesVpcConfig.VpcId)
}

// eachCluster goes through all clusters of the account and region.
func (at *session) eachCluster(ctx context.Context, do func(*types.Cluster) error) error {
	for pages := eks.NewListClustersPaginator(at.eks, &eks.ListClustersInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, name := range page.Clusters {
			c, err := at.cluster(ctx, name)
			if err == nil && c != nil {
				err = do(c)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
