package aws

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
	"github.com/aeriehq/aerie/cloud/aws/policy"
)

var clusterPhases = map[types.ClusterStatus]cloud.Phase{
	types.ClusterStatusPending: cloud.Creating, types.ClusterStatusCreating: cloud.Creating, types.ClusterStatusActive: cloud.Ready,
	types.ClusterStatusUpdating: cloud.Updating, types.ClusterStatusDeleting: cloud.Deleting, types.ClusterStatusFailed: cloud.Failed,
}

// EnsureCluster implements cloud.Provider.
func (p *Provider) EnsureCluster(ctx context.Context, s cloud.Scope, spec cloud.ClusterSpec) (cloud.Observation, error) {
	if err := spec.Validate(); err != nil {
		return cloud.Observation{}, err
	}
	return p.observed(ctx, "EnsureCluster", s, func(ctx context.Context, at *session) (cloud.Observation, error) {
		if err := admissible(spec.Admits); err != nil {
			return cloud.Observation{}, err
		}
		has, err := at.cluster(ctx, spec.Name)
		switch {
		case err != nil:
			return cloud.Observation{}, err
		case spec.Adopt:
			return adopted(spec.Name, has)
		case has == nil:
			return at.createCluster(ctx, spec)
		}
		return at.changeCluster(ctx, has, spec)
	})
}

// ObserveCluster implements cloud.Provider. A cluster of which only the role is left is being deleted.
func (p *Provider) ObserveCluster(ctx context.Context, s cloud.Scope, name string) (cloud.Observation, error) {
	return p.observed(ctx, "ObserveCluster", s, func(ctx context.Context, at *session) (cloud.Observation, error) {
		has, err := at.cluster(ctx, name)
		if err != nil || has != nil {
			return at.withAdmits(ctx, observeCluster(has), name, err)
		}
		return at.leftover(ctx, purpose{at.region, name, cloud.KindCluster, ""})
	})
}

// leftover says whether the role of something is left when that itself is gone.
func (at *session) leftover(ctx context.Context, p purpose) (cloud.Observation, error) {
	owner, err := at.ownedRole(ctx, p)
	if err != nil || owner == "" {
		return cloud.Observation{Phase: cloud.Absent}, err
	}
	return cloud.Observation{Phase: cloud.Deleting, Raw: "its role is left", Owner: owner}, nil
}

// DeleteCluster implements cloud.Provider. The cluster's OIDC provider goes before it, the roles that it needs after it.
func (p *Provider) DeleteCluster(ctx context.Context, s cloud.Scope, name, owner string) error {
	return p.within(ctx, "DeleteCluster", s, func(ctx context.Context, at *session) error {
		has, err := at.cluster(ctx, name)
		switch {
		case err != nil:
			return err
		case has == nil:
			return at.deleteLeftovers(ctx, name, owner)
		case has.Tags[tagOwner] != owner:
			return taken("cluster", name, has.Tags[tagOwner])
		case has.Status == types.ClusterStatusDeleting:
			return nil
		}
		return at.deleteCluster(ctx, has)
	})
}

func (at *session) deleteCluster(ctx context.Context, has *types.Cluster) error {
	pools, err := at.eks.ListNodegroups(ctx, &eks.ListNodegroupsInput{ClusterName: has.Name})
	if err != nil {
		return awserr.UnlessGone(err)
	}
	if len(pools.Nodegroups) > 0 {
		return refuse(cloud.Conflict, "InUse", "cluster %s has node groups: %s", *has.Name, strings.Join(pools.Nodegroups, ", "))
	}
	if err := at.deleteOwnedOIDC(ctx, *has.Name, has.Tags[tagOwner]); err != nil {
		return err
	}
	_, err = at.eks.DeleteCluster(ctx, &eks.DeleteClusterInput{Name: has.Name})
	return awserr.UnlessGone(err)
}

// deleteLeftovers deletes what stays when a cluster is gone; last its role, which tells whose the cluster was.
func (at *session) deleteLeftovers(ctx context.Context, name, owner string) error {
	p := purpose{at.region, name, cloud.KindCluster, ""}
	is, err := at.ownedRole(ctx, p)
	if err != nil {
		return err
	}
	if is == owner {
		if err := at.balancers.Delete(ctx, name); err != nil {
			return fmt.Errorf("delete load balancers: %w", err)
		}
		if err := at.network.DeleteLeftovers(ctx, name, owner); err != nil {
			return err
		}
	}
	if err := at.deleteOwnedOIDC(ctx, name, owner); err != nil {
		return err
	}
	return at.deleteRoles(ctx, p, owner)
}

// clearFormer deletes, before a cluster is made, what one of that name has left that somebody else has deleted: what its
// controllers made, its OIDC provider, and the roles of its add-ons, which trust that provider and nobody else. Its volumes
// stay, with their mark; its own role and those of its pools are used again.
func (at *session) clearFormer(ctx context.Context, name, owner string) error {
	is, err := at.ownedRole(ctx, purpose{at.region, name, cloud.KindCluster, ""})
	if err != nil || is != owner {
		return err
	}
	if err := at.balancers.Delete(ctx, name); err != nil {
		return fmt.Errorf("delete load balancers: %w", err)
	}
	if err := at.network.DeleteGroups(ctx, name); err != nil {
		return err
	}
	if err := at.deleteOwnedOIDC(ctx, name, owner); err != nil {
		return err
	}
	for _, a := range cloud.Addons() {
		if err := at.deleteRoles(ctx, at.purposeOf(name, a), owner); err != nil {
			return err
		}
	}
	return nil
}

// MarkVolumes implements cloud.Provider.
func (p *Provider) MarkVolumes(ctx context.Context, s cloud.Scope, cluster, owner string, goes map[string]bool) error {
	return p.within(ctx, "MarkVolumes", s, func(ctx context.Context, at *session) error {
		return at.network.MarkVolumes(ctx, cluster, owner, goes)
	})
}

// KeptVolumes implements cloud.Provider.
func (p *Provider) KeptVolumes(ctx context.Context, s cloud.Scope, cluster, owner string) (ids []string, err error) {
	err = p.within(ctx, "KeptVolumes", s, func(ctx context.Context, at *session) (err error) {
		ids, err = at.network.KeptVolumes(ctx, cluster, owner)
		return err
	})
	return ids, err
}

// cluster reads a cluster; nil if there is none.
func (at *session) cluster(ctx context.Context, name string) (*types.Cluster, error) {
	there, err := at.eks.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &name})
	if awserr.Gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return there.Cluster, nil
}

// adopted is a cluster that somebody else made: it carries nobody's mark.
func adopted(name string, has *types.Cluster) (cloud.Observation, error) {
	switch {
	case has == nil:
		return cloud.Observation{}, refuse(cloud.NotFound, "NoCluster", "there is no cluster %s to adopt", name)
	case has.Tags[tagOwner] != "":
		return cloud.Observation{}, taken("cluster", name, has.Tags[tagOwner])
	}
	return observeCluster(has), nil
}

func (at *session) createCluster(ctx context.Context, spec cloud.ClusterSpec) (cloud.Observation, error) {
	if err := at.usableKey(spec.Options.SecretsKey); err != nil {
		return cloud.Observation{}, err
	}
	if err := at.clearFormer(ctx, spec.Name, spec.Owner); err != nil {
		return cloud.Observation{}, err
	}
	on, err := at.ground(ctx, spec)
	if err != nil {
		return cloud.Observation{}, err
	}
	r, err := at.ensureRole(ctx, role{
		purpose: purpose{at.region, spec.Name, cloud.KindCluster, ""}, owner: spec.Owner,
		trust: policy.TrustService("eks.amazonaws.com"), policies: policy.ClusterPolicies, inline: policy.MayEncrypt(spec.Options.SecretsKey),
	})
	if err != nil {
		return cloud.Observation{}, err
	}
	in := &eks.CreateClusterInput{
		Name: &spec.Name, RoleArn: &r.arn, ClientRequestToken: token("cluster", spec.Name, spec.Owner, spec.Token, spec.Hash()),
		ResourcesVpcConfig: on, Logging: logging(spec.Options.Logging), EncryptionConfig: encryption(spec.Options.SecretsKey),
		// Whoever makes the cluster may do all in it from the first moment: one call less that could be lost.
		AccessConfig: &types.CreateAccessConfigRequest{AuthenticationMode: types.AuthenticationModeApi,
			BootstrapClusterCreatorAdminPermissions: awssdk.Bool(true)},
		Tags: map[string]string{tagOwner: spec.Owner, tagName: spec.Name, tagSpec: spec.Hash(), tagNetwork: spec.Network},
	}
	if len(spec.Admits) > 0 {
		delete(in.Tags, tagSpec) // it comes to the wish only when they are let in
	}
	if spec.Version != "" {
		in.Version = &spec.Version
	}
	made, err := at.eks.CreateCluster(ctx, in)
	if err != nil {
		return cloud.Observation{}, r.refused(err)
	}
	return observeCluster(made.Cluster), nil
}

// ground is what a cluster stands on: a network of ours, or subnets that were there.
func (at *session) ground(ctx context.Context, spec cloud.ClusterSpec) (*types.VpcConfigRequest, error) {
	on := &types.VpcConfigRequest{EndpointPrivateAccess: awssdk.Bool(true), EndpointPublicAccess: awssdk.Bool(!spec.Options.Private)}
	if given := spec.Existing; len(given.Subnets) > 0 {
		on.SubnetIds, on.SecurityGroupIds = given.Subnets, given.SecurityGroups
		return on, at.there(ctx, given)
	}
	n, err := at.network.Observe(ctx, spec.Network, at.madeIn)
	switch {
	case err != nil:
		return nil, err
	case n.Phase == cloud.Absent:
		return nil, refuse(cloud.NotFound, "NoNetwork", "there is no network %s", spec.Network)
	case n.Phase != cloud.Ready:
		return nil, refuse(cloud.Conflict, "NetworkNotReady", "network %s is %s", spec.Network, n.Phase)
	}
	on.SubnetIds, on.SecurityGroupIds = n.Private, []string{n.Group}
	return on, nil
}

// there refuses subnets and groups that do not exist.
func (at *session) there(ctx context.Context, given cloud.ExistingNetwork) error {
	if _, err := at.network.Subnets(ctx, given.Subnets); err != nil || len(given.SecurityGroups) == 0 {
		return err
	}
	return at.network.Groups(ctx, given.SecurityGroups)
}

// observeCluster reads a description; of nil that it is absent.
func observeCluster(c *types.Cluster) cloud.Observation {
	if c == nil {
		return cloud.Observation{Phase: cloud.Absent}
	}
	o := cloud.Observation{
		Phase: clusterPhases[c.Status], Raw: string(c.Status), Owner: c.Tags[tagOwner], SpecHash: c.Tags[tagSpec],
		ID: awssdk.ToString(c.Arn), Version: awssdk.ToString(c.Version), Options: optionsOf(c),
	}
	if o.Phase == cloud.Ready || o.Phase == cloud.Updating {
		o.Endpoint = awssdk.ToString(c.Endpoint)
	}
	if c.Health != nil {
		for _, i := range c.Health.Issues {
			o.Issues = append(o.Issues, awserr.Issue(string(i.Code), awssdk.ToString(i.Message)))
		}
	}
	return o
}

// minor is the second number of a version such as 1.34.
func minor(version string) (int, error) {
	rest, ok := strings.CutPrefix(version, "1.")
	n, err := strconv.Atoi(rest)
	if !ok || err != nil {
		return 0, refuse(cloud.Invalid, "UnknownVersion", "there is no version %q", version)
	}
	return n, nil
}

// authority reads the CA of a cluster, which EKS has once more in base64.
func authority(c *types.Cluster) ([]byte, error) {
	if c.CertificateAuthority == nil {
		return nil, fmt.Errorf("cluster %s has no certificate authority", awssdk.ToString(c.Name))
	}
	return base64.StdEncoding.DecodeString(awssdk.ToString(c.CertificateAuthority.Data))
}
