package aws

import (
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
)

// eksOn are the kinds of what calls of EKS are on, where they are on something else than a cluster, and the parameter that
// names it in its cluster.
var eksOn = map[string]struct{ kind, field string }{
	"DescribeNodegroup": {"nodegroup", "nodegroupName"}, "DeleteNodegroup": {"nodegroup", "nodegroupName"},
	"UpdateNodegroupConfig": {"nodegroup", "nodegroupName"}, "UpdateNodegroupVersion": {"nodegroup", "nodegroupName"},
	"DescribeAddon": {"addon", "addonName"}, "DeleteAddon": {"addon", "addonName"}, "UpdateAddon": {"addon", "addonName"},
	"DescribeAccessEntry": {"access-entry", "principalArn"}, "DeleteAccessEntry": {"access-entry", "principalArn"},
	"AssociateAccessPolicy": {"access-entry", "principalArn"}, "DisassociateAccessPolicy": {"access-entry", "principalArn"},
	"ListAssociatedAccessPolicies":   {"access-entry", "principalArn"},
	"DescribePodIdentityAssociation": {"pod-identity-association", "associationId"}, "DeletePodIdentityAssociation": {"pod-identity-association", "associationId"},
}

// eksOnNothing are the calls that are on nothing.
var eksOnNothing = []string{"ListClusters", "DescribeAddonVersions", "DescribeClusterVersions"}

// eksRights: what is made is made on its cluster, with the tags that are asked for; a cluster on nothing.
func (r *request) eksRights() []right {
	action := "eks:" + r.op
	asked := plainTags(sub(r.in, "tags"))
	switch on, known := eksOn[r.op]; {
	case slices.Contains(eksOnNothing, r.op):
		return []right{{action: action, resource: "*"}}
	case r.op == "CreateCluster":
		return append(r.tagging(right{action, "*", asking(asked)}, r.arn("cluster", text(r.in, "name")), asked), r.handing()...)
	case strings.HasPrefix(r.resource(), "arn:"):
		return r.onTagged(action, asked)
	case known:
		return r.onEKS(nil, action, r.Here().Find(on.kind, text(r.in, "clusterName"), text(r.in, on.field)), nil)
	}
	name := text(r.in, "clusterName") + text(r.in, "name")
	cluster := r.Here().Find("cluster", "", name)
	if cluster == nil {
		return nil
	}
	of := r.onEKS(nil, action, cluster, asked)
	if !strings.HasPrefix(r.op, "Create") {
		return of
	}
	return append(r.tagging(of[0], r.arn(made[r.op], name+"/*"), asked), r.handing()...)
}

// made is of which kind ARNs are of what calls make on a cluster.
var made = map[string]string{
	"CreateNodegroup": "nodegroup", "CreateAddon": "addon", "CreateAccessEntry": "access-entry", "CreatePodIdentityAssociation": "podidentityassociation",
}

func (r *request) resource() string { return text(r.in, "resourceArn") }

// onTagged is a call about the tags of something.
func (r *request) onTagged(action string, asked map[string]string) []right {
	t, err := r.tagged()
	if err != nil {
		return nil
	}
	return r.onEKS(nil, action, t, asked)
}

func (r *request) onEKS(all []right, action string, t *emulator.Thing, asked map[string]string) []right {
	if t == nil {
		return all
	}
	return append(all, right{action, t.Text(arnFields[t.Kind]), tagged(asking(asked), t, "aws")})
}

// tagging is a right, and the one to give tags to what is made. (The reference says that a call that gives tags asks for
// eks:TagResource too; on which resource, of what is not there yet, it does not say.)
func (r *request) tagging(make right, arn string, tags map[string]string) []right {
	if len(tags) == 0 {
		return []right{make}
	}
	return []right{make, {"eks:TagResource", arn, asking(tags)}}
}

// handing is the right to hand a role to a service, and the one to have that make its own role in the account: AWS asks for
// that one only where it is not there yet, which is always here.
// (That the role of machines is handed to EC2 is said of access entries; of node groups it is taken from that.)
func (r *request) handing() (all []right) {
	for field, service := range map[string]string{"roleArn": "eks.amazonaws.com", "serviceAccountRoleArn": "eks.amazonaws.com", "nodeRole": "ec2.amazonaws.com"} {
		if arn := text(r.in, field); arn != "" {
			all = append(all, right{"iam:PassRole", arn, adding(nil, "iam:PassedToService", service)})
		}
	}
	for op, of := range map[string][2]string{"CreateCluster": {"eks.amazonaws.com", "AWSServiceRoleForAmazonEKS"}, "CreateNodegroup": {"eks-nodegroup.amazonaws.com", "AWSServiceRoleForAmazonEKSNodegroup"}} {
		if r.op == op {
			all = append(all, right{"iam:CreateServiceLinkedRole", r.roleARN("/aws-service-role/"+of[0]+"/", of[1]), adding(nil, "iam:AWSServiceName", of[0])})
		}
	}
	return all
}
