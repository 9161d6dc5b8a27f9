package aws

import (
	"context"
	"encoding/json"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
	"github.com/aeriehq/aerie/cloud/aws/offers"
	"github.com/aeriehq/aerie/cloud/aws/policy"
)

// software is what EKS has for a purpose.
type software struct {
	name     string                                     // of EKS's add-on; empty: none, only the rights are made
	config   func(cluster, owner string) map[string]any // nil: EKS' own
	account  string                                     // namespace and name of who needs rights; empty: none does
	policies []string
	inline   func(region, cluster string) string
}

// addons are the software for each purpose. EKS has no autoscaler of its own: what is made for it is the role that it
// runs as, in a namespace of its own, and whoever installs it finds its ARN in the observation.
var addons = map[cloud.Addon]software{
	cloud.AddonStorage:    {name: "aws-ebs-csi-driver", config: markVolumes, account: "kube-system:ebs-csi-controller-sa", policies: policy.StoragePolicies},
	cloud.AddonNetwork:    {name: "vpc-cni", config: withPolicies},
	cloud.AddonIdentity:   {name: "eks-pod-identity-agent"},
	cloud.AddonDNS:        {name: "coredns"},
	cloud.AddonAutoscaler: {account: "cluster-autoscaler:cluster-autoscaler", inline: policy.MayScale},
}

// Catalogue implements cloud.Provider.
func (p *Provider) Catalogue(ctx context.Context, s cloud.Scope) (c cloud.Catalogue, err error) {
	err = p.within(ctx, "Catalogue", s, func(ctx context.Context, at *session) (err error) {
		names := map[cloud.Addon]string{}
		for purpose, is := range addons {
			if is.name != "" {
				names[purpose] = is.name
			}
		}
		c, err = offers.Shop{EKS: at.eks, Types: at.network.InstanceTypes, Addons: names}.Look(ctx)
		return err
	})
	return c, err
}

func withPolicies(string, string) map[string]any {
	return map[string]any{"enableNetworkPolicy": "true"}
}

// markVolumes has every volume tell of which cluster and whose it is: those that are left when the cluster is gone are
// found by that. EKS' schema of this add-on lets it have tags, but not the driver's own setting for the cluster's name.
func markVolumes(cluster, owner string) map[string]any {
	return map[string]any{"controller": map[string]any{"extraVolumeTags": map[string]any{tagOwner: owner, tagName: cluster}}}
}

var addonPhases = map[types.AddonStatus]cloud.Phase{
	types.AddonStatusCreating: cloud.Creating, types.AddonStatusActive: cloud.Ready, types.AddonStatusUpdating: cloud.Updating,
	types.AddonStatusDeleting: cloud.Deleting, types.AddonStatusDegraded: cloud.Degraded, types.AddonStatusUpdateFailed: cloud.Degraded,
	types.AddonStatusCreateFailed: cloud.Failed, types.AddonStatusDeleteFailed: cloud.Failed,
}

// EnsureAddon implements cloud.Provider.
func (p *Provider) EnsureAddon(ctx context.Context, s cloud.Scope, spec cloud.AddonSpec) (cloud.Observation, error) {
	if err := spec.Validate(); err != nil {
		return cloud.Observation{}, err
	}
	return p.observed(ctx, "EnsureAddon", s, func(ctx context.Context, at *session) (cloud.Observation, error) {
		has, err := at.addon(ctx, spec.Cluster, spec.Addon)
		switch {
		case err != nil:
			return cloud.Observation{}, err
		case has == nil:
			return at.createAddon(ctx, spec)
		}
		return at.changeAddon(ctx, has, spec)
	})
}

// ObserveAddon implements cloud.Provider.
func (p *Provider) ObserveAddon(ctx context.Context, s cloud.Scope, cluster string, addon cloud.Addon) (cloud.Observation, error) {
	return p.observed(ctx, "ObserveAddon", s, func(ctx context.Context, at *session) (cloud.Observation, error) {
		has, err := at.addon(ctx, cluster, addon)
		if err != nil {
			return cloud.Observation{}, err
		}
		if has != nil {
			return at.withLacks(ctx, observeAddon(has), cluster, addon)
		}
		o, err := at.leftover(ctx, at.purposeOf(cluster, addon))
		if o.Phase == cloud.Deleting && addons[addon].name == "" {
			o.Phase, o.Raw, o.ID = cloud.Ready, "its role is there", at.purposeOf(cluster, addon).roleARN(at.scope.Account.ID)
		}
		if err != nil {
			return o, err
		}
		return at.withLacks(ctx, o, cluster, addon)
	})
}

// withLacks says what of a working add-on is gone: the pods of some are a role, which believes the identity provider of their cluster.
func (at *session) withLacks(ctx context.Context, o cloud.Observation, cluster string, addon cloud.Addon) (cloud.Observation, error) {
	if addons[addon].account == "" || o.Phase != cloud.Ready && o.Phase != cloud.Degraded {
		return o, nil
	}
	on, err := at.cluster(ctx, cluster)
	if err != nil || on == nil || issuer(on) == "" {
		return o, err
	}
	provider := at.oidcARN(issuer(on))
	_, err = at.iam.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &provider})
	if awserr.Gone(err) {
		o.Lacks = "the identity provider of its cluster"
	}
	if err = awserr.UnlessGone(err); err != nil || o.Lacks != "" {
		return o, err
	}
	owner, err := at.ownedRole(ctx, at.purposeOf(cluster, addon))
	if err == nil && owner == "" {
		o.Lacks = "its role"
	}
	return o, err
}

// DeleteAddon implements cloud.Provider.
func (p *Provider) DeleteAddon(ctx context.Context, s cloud.Scope, cluster string, addon cloud.Addon, owner string) error {
	return p.within(ctx, "DeleteAddon", s, func(ctx context.Context, at *session) error {
		has, err := at.addon(ctx, cluster, addon)
		switch {
		case err != nil:
			return err
		case has == nil:
			return at.deleteRoles(ctx, at.purposeOf(cluster, addon), owner)
		case has.Tags[tagOwner] != owner:
			return taken("add-on", *has.AddonName, has.Tags[tagOwner])
		case has.Status == types.AddonStatusDeleting:
			return nil
		}
		_, err = at.eks.DeleteAddon(ctx, &eks.DeleteAddonInput{ClusterName: &cluster, AddonName: has.AddonName})
		return awserr.UnlessGone(err)
	})
}

func (at *session) purposeOf(cluster string, addon cloud.Addon) purpose {
	return purpose{at.region, cluster, cloud.KindAddon, string(addon)}
}

// addon reads an add-on; nil if there is none.
func (at *session) addon(ctx context.Context, cluster string, addon cloud.Addon) (*types.Addon, error) {
	name := addons[addon].name
	if name == "" {
		return nil, nil
	}
	there, err := at.eks.DescribeAddon(ctx, &eks.DescribeAddonInput{ClusterName: &cluster, AddonName: &name})
	if awserr.Gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return there.Addon, nil
}

func (at *session) createAddon(ctx context.Context, spec cloud.AddonSpec) (cloud.Observation, error) {
	cluster, err := at.readyCluster(ctx, spec.Cluster)
	if err != nil {
		return cloud.Observation{}, err
	}
	is := addons[spec.Addon]
	in := &eks.CreateAddonInput{
		ClusterName: &spec.Cluster, AddonName: &is.name, ClientRequestToken: token("addon", spec.Cluster, is.name, spec.Owner, spec.Token, spec.Hash()),
		ResolveConflicts: types.ResolveConflictsOverwrite, // a new cluster comes with some that EKS does not manage yet
		Tags:             map[string]string{tagOwner: spec.Owner, tagName: string(spec.Addon), tagSpec: spec.Hash()},
	}
	var r made
	if is.account != "" {
		if r, err = at.addonRole(ctx, cluster, spec, is); err != nil {
			return cloud.Observation{}, err
		}
		in.ServiceAccountRoleArn = &r.arn
	}
	if is.name == "" {
		return cloud.Observation{Phase: cloud.Ready, Raw: "its role is there", Owner: spec.Owner, SpecHash: spec.Hash(), ID: *in.ServiceAccountRoleArn}, nil
	}
	if is.config != nil {
		values, _ := json.Marshal(is.config(spec.Cluster, spec.Owner)) // plain data: it cannot fail
		in.ConfigurationValues = awssdk.String(string(values))
	}
	if spec.Version != "" {
		in.AddonVersion = &spec.Version
	}
	made, err := at.eks.CreateAddon(ctx, in)
	if err != nil {
		return cloud.Observation{}, at.withdraw(ctx, at.purposeOf(spec.Cluster, spec.Addon), r, err)
	}
	return observeAddon(made.Addon), nil
}

// addonRole makes the role of an add-on's service account. Somebody else's cluster may have no provider for that yet.
func (at *session) addonRole(ctx context.Context, cluster *types.Cluster, spec cloud.AddonSpec, is software) (m made, err error) {
	if err := at.ensureOIDC(ctx, cluster, spec.Owner); err != nil {
		return m, err
	}
	name := issuer(cluster)
	r := role{
		purpose: at.purposeOf(spec.Cluster, spec.Addon), owner: spec.Owner, policies: is.policies,
		trust: policy.TrustPod(at.oidcARN(name), name, is.account),
	}
	if is.inline != nil {
		r.inline = is.inline(at.region, spec.Cluster)
	}
	return at.ensureRole(ctx, r)
}

// changeAddon brings an add-on's version to the spec's. A failed one is only observed.
func (at *session) changeAddon(ctx context.Context, has *types.Addon, spec cloud.AddonSpec) (cloud.Observation, error) {
	o := observeAddon(has)
	switch {
	case o.Owner != spec.Owner:
		return o, taken("add-on", *has.AddonName, o.Owner)
	case o.Phase == cloud.Deleting:
		return o, refuse(cloud.Conflict, "Deleting", "add-on %s is being deleted", *has.AddonName)
	case o.Phase != cloud.Ready && o.Phase != cloud.Degraded:
		return o, nil
	case spec.Version != "" && spec.Version != o.Version:
		_, err := at.eks.UpdateAddon(ctx, &eks.UpdateAddonInput{
			ClusterName: &spec.Cluster, AddonName: has.AddonName, AddonVersion: &spec.Version, ResolveConflicts: types.ResolveConflictsOverwrite,
			ClientRequestToken: token("addon", spec.Cluster, spec.Owner, spec.Token, spec.Hash(), awssdk.ToTime(has.ModifiedAt).String()),
		})
		return updating(o, err)
	}
	o, err := at.withLacks(ctx, o, spec.Cluster, spec.Addon)
	if err != nil {
		return o, err
	}
	if o.Lacks != "" {
		cluster, err := at.readyCluster(ctx, spec.Cluster)
		if err == nil {
			_, err = at.addonRole(ctx, cluster, spec, addons[spec.Addon])
		}
		if err != nil {
			return o, err
		}
		o.Lacks = ""
	}
	if hash := spec.Hash(); o.SpecHash != hash {
		if err := at.tag(ctx, awssdk.ToString(has.AddonArn), hash); err != nil {
			return o, err
		}
		o.SpecHash = hash
	}
	return o, nil
}

// observeAddon reads a description; of nil that it is absent.
func observeAddon(a *types.Addon) cloud.Observation {
	if a == nil {
		return cloud.Observation{Phase: cloud.Absent}
	}
	o := cloud.Observation{
		Phase: addonPhases[a.Status], Raw: string(a.Status), Owner: a.Tags[tagOwner], SpecHash: a.Tags[tagSpec],
		ID: awssdk.ToString(a.AddonArn), Version: awssdk.ToString(a.AddonVersion),
	}
	if a.Health != nil {
		for _, i := range a.Health.Issues {
			o.Issues = append(o.Issues, awserr.Issue(string(i.Code), awssdk.ToString(i.Message)))
		}
	}
	return o
}
