package aws

import (
	"context"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/fault"
)

// accessPolicies are EKS' own for what somebody may do in a cluster.
var accessPolicies = map[string]string{
	"view": "AmazonEKSViewPolicy", "edit": "AmazonEKSEditPolicy", "admin": "AmazonEKSAdminPolicy", "cluster-admin": "AmazonEKSClusterAdminPolicy",
}

// admissible refuses whom EKS could not let in, before anything is made.
func admissible(all []cloud.Admission) error {
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

// admit lets those into a cluster who are wished, and of those whom an earlier wish let in nobody else. Whom somebody else
// has let in it does not touch.
func (at *session) admit(ctx context.Context, spec cloud.ClusterSpec) error {
	pages := eks.NewListAccessEntriesPaginator(at.eks, &eks.ListAccessEntriesInput{ClusterName: &spec.Name})
	var there []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		there = append(there, page.AccessEntries...)
	}
	for _, principal := range there {
		if slices.ContainsFunc(spec.Admits, func(a cloud.Admission) bool { return a.Principal == principal }) {
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

// letIn says whether it was we who let somebody in; false of nobody.
func (at *session) letIn(ctx context.Context, spec cloud.ClusterSpec, principal string) (bool, error) {
	e, err := at.eks.DescribeAccessEntry(ctx, &eks.DescribeAccessEntryInput{ClusterName: &spec.Name, PrincipalArn: &principal})
	if err != nil {
		return false, fault.UnlessGone(err)
	}
	return e.AccessEntry.Tags[tagOwner] == spec.Owner, nil
}

func (at *session) dismiss(ctx context.Context, spec cloud.ClusterSpec, principal string) error {
	ours, err := at.letIn(ctx, spec, principal)
	if err != nil || !ours {
		return err
	}
	_, err = at.eks.DeleteAccessEntry(ctx, &eks.DeleteAccessEntryInput{ClusterName: &spec.Name, PrincipalArn: &principal})
	return fault.UnlessGone(err)
}

func (at *session) admitOne(ctx context.Context, spec cloud.ClusterSpec, a cloud.Admission, there bool) error {
	if there {
		if ours, err := at.letIn(ctx, spec, a.Principal); err != nil || !ours {
			if err == nil {
				err = refuse(cloud.Taken, "OwnedByAnother", "%s has an access entry of somebody else's in cluster %s", a.Principal, spec.Name)
			}
			return err
		}
	} else if _, err := at.eks.CreateAccessEntry(ctx, &eks.CreateAccessEntryInput{
		ClusterName: &spec.Name, PrincipalArn: &a.Principal, ClientRequestToken: token("access", spec.Name, spec.Owner, spec.Token, a.Principal),
		Tags: map[string]string{tagOwner: spec.Owner, tagName: spec.Name},
	}); err != nil {
		return err
	}
	return at.allow(ctx, spec.Name, a)
}

// allow has somebody have one policy and no other.
func (at *session) allow(ctx context.Context, cluster string, a cloud.Admission) error {
	policy := "arn:" + partition(at.region) + ":eks::aws:cluster-access-policy/" + accessPolicies[a.Policy]
	pages := eks.NewListAssociatedAccessPoliciesPaginator(at.eks, &eks.ListAssociatedAccessPoliciesInput{ClusterName: &cluster, PrincipalArn: &a.Principal})
	has := false
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, p := range page.AssociatedAccessPolicies {
			if is := awssdk.ToString(p.PolicyArn); is == policy {
				has = true
			} else if _, err := at.eks.DisassociateAccessPolicy(ctx, &eks.DisassociateAccessPolicyInput{ClusterName: &cluster, PrincipalArn: &a.Principal, PolicyArn: &is}); fault.UnlessGone(err) != nil {
				return err
			}
		}
	}
	if has {
		return nil
	}
	_, err := at.eks.AssociateAccessPolicy(ctx, &eks.AssociateAccessPolicyInput{
		ClusterName: &cluster, PrincipalArn: &a.Principal, PolicyArn: &policy, AccessScope: &types.AccessScope{Type: types.AccessScopeTypeCluster},
	})
	return err
}
