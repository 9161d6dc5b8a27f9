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
)

// accessPolicies are EKS' own for what somebody may do in a cluster.
var accessPolicies = map[string]string{
	"view": "AmazonEKSViewPolicy", "edit": "AmazonEKSEditPolicy", "admin": "AmazonEKSAdminPolicy", "cluster-admin": "AmazonEKSClusterAdminPolicy",
}

// admissible refuses whom EKS could not let in, before anything is made.
func admissible(all []cloud.AccessEntry) error {
	for _, a := range all {
		if !strings.HasPrefix(a.Principal, "arn:") || !strings.Contains(a.Principal, ":iam::") {
			return refuse(cloud.Invalid, "InvalidPrincipal", "%q is not the ARN of a role or user, such as arn:aws:iam::111122223333:role/ops", a.Principal)
		}
		if accessPolicies[a.Policy] == "" {
			return refuse(cloud.Invalid, "InvalidPolicy", "%q is no policy", a.Policy)
		}
	}
	return nil
}

// admit lets in who is wished, and takes out whom only an earlier wish let in. Whom somebody else let in stays.
func (at *session) admit(ctx context.Context, spec cloud.ClusterSpec) error {
	there, err := at.entries(ctx, spec.Name)
	if err != nil {
		return err
	}
	for _, principal := range there {
		if slices.ContainsFunc(spec.Admits, func(a cloud.AccessEntry) bool { return a.Principal == principal }) {
			continue
		}
		if err := at.dismiss(ctx, spec, principal); err != nil {
			return err
		}
	}
	for _, a := range spec.Admits {
		if err := at.admitOne(ctx, spec, a, slices.Contains(there, a.Principal)); err != nil {
			return err
		}
	}
	return nil
}

// letIn says whether it was we who let somebody in; false of nobody. EKS' list has no marks, so each entry is described, but
// for those of the cluster's machines, which EKS itself lets in: they are known by their roles.
func (at *session) letIn(ctx context.Context, cluster, owner, principal string) (bool, error) {
	if strings.Contains(principal, ":role"+(purpose{at.region, cluster, cloud.KindCluster, ""}).path()+string(cloud.KindPool)+"/") {
		return false, nil
	}
	e, err := at.eks.DescribeAccessEntry(ctx, &eks.DescribeAccessEntryInput{ClusterName: &cluster, PrincipalArn: &principal})
	if err != nil {
		return false, awserr.UnlessGone(err)
	}
	return e.AccessEntry.Tags[tagOwner] == owner, nil
}

// entries are all who were let in, by whomever.
func (at *session) entries(ctx context.Context, cluster string) (principals []string, err error) {
	pages := eks.NewListAccessEntriesPaginator(at.eks, &eks.ListAccessEntriesInput{ClusterName: &cluster})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		principals = append(principals, page.AccessEntries...)
	}
	return principals, nil
}

func (at *session) dismiss(ctx context.Context, spec cloud.ClusterSpec, principal string) error {
	ours, err := at.letIn(ctx, spec.Name, spec.Owner, principal)
	if err != nil || !ours {
		return err
	}
	_, err = at.eks.DeleteAccessEntry(ctx, &eks.DeleteAccessEntryInput{ClusterName: &spec.Name, PrincipalArn: &principal})
	return awserr.UnlessGone(err)
}

func (at *session) admitOne(ctx context.Context, spec cloud.ClusterSpec, a cloud.AccessEntry, there bool) error {
	if there {
		if ours, err := at.letIn(ctx, spec.Name, spec.Owner, a.Principal); err != nil || !ours {
			if err == nil {
				err = refuse(cloud.Taken, "OwnedByAnother", "%s has an access entry of somebody else's in cluster %s", a.Principal, spec.Name)
			}
			return err
		}
		// A principal has one entry, so the SDK's own token will do: one of ours would be the same when somebody has deleted it.
	} else if _, err := at.eks.CreateAccessEntry(ctx, &eks.CreateAccessEntryInput{
		ClusterName: &spec.Name, PrincipalArn: &a.Principal,
		Tags: map[string]string{tagOwner: spec.Owner, tagName: spec.Name},
	}); err != nil {
		return err
	}
	return at.allow(ctx, spec.Name, a)
}

// allow has somebody have one policy, in the whole cluster, and no other.
func (at *session) allow(ctx context.Context, cluster string, a cloud.AccessEntry) error {
	policy := "arn:" + partition(at.region) + ":eks::aws:cluster-access-policy/" + accessPolicies[a.Policy]
	there, err := at.allowed(ctx, cluster, a.Principal)
	if err != nil {
		return err
	}
	for _, p := range there {
		if is := awssdk.ToString(p.PolicyArn); is != policy {
			if _, err := at.eks.DisassociateAccessPolicy(ctx,
				&eks.DisassociateAccessPolicyInput{ClusterName: &cluster, PrincipalArn: &a.Principal, PolicyArn: &is}); awserr.UnlessGone(err) != nil {
				return err
			}
		} else if everywhere(p) {
			policy = ""
		}
	}
	if policy == "" {
		return nil
	}
	_, err = at.eks.AssociateAccessPolicy(ctx, &eks.AssociateAccessPolicyInput{ClusterName: &cluster, PrincipalArn: &a.Principal,
		PolicyArn: &policy, AccessScope: &types.AccessScope{Type: types.AccessScopeTypeCluster}})
	return err
}

// allowed are the policies that somebody has.
func (at *session) allowed(ctx context.Context, cluster, principal string) (all []types.AssociatedAccessPolicy, err error) {
	pages := eks.NewListAssociatedAccessPoliciesPaginator(at.eks,
		&eks.ListAssociatedAccessPoliciesInput{ClusterName: &cluster, PrincipalArn: &principal})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.UnlessGone(err)
		}
		all = append(all, page.AssociatedAccessPolicies...)
	}
	return all, nil
}

func everywhere(p types.AssociatedAccessPolicy) bool {
	return p.AccessScope != nil && p.AccessScope.Type == types.AccessScopeTypeCluster
}

// withAdmits adds to what is seen of a cluster of ours whom we have let in, unless it comes or goes.
func (at *session) withAdmits(ctx context.Context, o cloud.Observation, cluster string, err error) (cloud.Observation, error) {
	if err != nil || o.Owner == "" || o.Phase != cloud.Ready && o.Phase != cloud.Updating {
		return o, err
	}
	principals, err := at.entries(ctx, cluster)
	if err != nil {
		return o, err
	}
	for _, who := range principals {
		if ours, err := at.letIn(ctx, cluster, o.Owner, who); err != nil || !ours {
			if err != nil {
				return o, err
			}
			continue
		}
		has, err := at.allowed(ctx, cluster, who)
		if err != nil {
			return o, err
		}
		o.Admits = append(o.Admits, cloud.AccessEntry{Principal: who, Policy: policyOf(has)})
	}
	o.Admits = cloud.Sorted(o.Admits)
	return o, nil
}

// policyOf is our word for what somebody may; what we have no word for is as EKS calls it.
func policyOf(has []types.AssociatedAccessPolicy) string {
	var all []string
	for _, p := range has {
		_, name, _ := strings.Cut(awssdk.ToString(p.PolicyArn), "/")
		for word, of := range accessPolicies {
			if of == name {
				name = word
			}
		}
		if !everywhere(p) && p.AccessScope != nil {
			name += " in " + strings.Join(p.AccessScope.Namespaces, " ")
		}
		all = append(all, name)
	}
	if len(all) == 0 {
		return "nothing"
	}
	slices.Sort(all)
	return strings.Join(all, " and ")
}
