package eks

import (
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// actsOn are the kinds of what calls of EKS are on, where they are on something else than a cluster, and the parameter that
// names it in its cluster.
var actsOn = map[string]struct{ kind, field string }{
	"DescribeNodegroup": {"nodegroup", "nodegroupName"}, "DeleteNodegroup": {"nodegroup", "nodegroupName"},
	"UpdateNodegroupConfig": {"nodegroup", "nodegroupName"}, "UpdateNodegroupVersion": {"nodegroup", "nodegroupName"},
	"DescribeAddon": {"addon", "addonName"}, "DeleteAddon": {"addon", "addonName"}, "UpdateAddon": {"addon", "addonName"},
	"DescribeAccessEntry": {"access-entry", "principalArn"}, "DeleteAccessEntry": {"access-entry", "principalArn"},
	"AssociateAccessPolicy": {"access-entry", "principalArn"}, "DisassociateAccessPolicy": {"access-entry", "principalArn"},
	"ListAssociatedAccessPolicies":   {"access-entry", "principalArn"},
	"DescribePodIdentityAssociation": {"pod-identity-association", "associationId"}, "DeletePodIdentityAssociation": {"pod-identity-association", "associationId"},
}

// onNothing are the calls that are on nothing.
var onNothing = []string{"ListClusters", "DescribeAddonVersions", "DescribeClusterVersions"}

// rightsOf: what is made is made on its cluster, with the tags that are asked for; a cluster on nothing.
func rightsOf(call *core.Request) []core.Right {
	r := &request{call}
	action := "eks:" + r.Op
	asked := core.PlainTags(core.Sub(r.Params, "tags"))
	switch on, known := actsOn[r.Op]; {
	case slices.Contains(onNothing, r.Op):
		return []core.Right{{Action: action, Resource: "*"}}
	case r.Op == "CreateCluster":
		return append(r.tagging(core.Right{Action: action, Resource: "*", Context: core.RequestTags(asked)}, r.arn("cluster", core.Text(r.Params, "name")), asked), r.handing()...)
	case strings.HasPrefix(r.resource(), "arn:"):
		return r.onTagged(action, asked)
	case known:
		return r.onEKS(nil, action, r.Here().Find(on.kind, core.Text(r.Params, "clusterName"), core.Text(r.Params, on.field)), nil)
	}
	name := core.Text(r.Params, "clusterName") + core.Text(r.Params, "name")
	cluster := r.Here().Find("cluster", "", name)
	if cluster == nil {
		return nil
	}
	of := r.onEKS(nil, action, cluster, asked)
	if !strings.HasPrefix(r.Op, "Create") {
		return of
	}
	return append(r.tagging(of[0], r.arn(made[r.Op], name+"/*"), asked), r.handing()...)
}

// made is of which kind ARNs are of what calls make on a cluster.
var made = map[string]string{
	"CreateNodegroup": "nodegroup", "CreateAddon": "addon", "CreateAccessEntry": "access-entry", "CreatePodIdentityAssociation": "podidentityassociation",
}

func (r *request) resource() string { return core.Text(r.Params, "resourceArn") }

// onTagged is a call about the tags of something.
func (r *request) onTagged(action string, asked map[string]string) []core.Right {
	t, err := r.tagged()
	if err != nil {
		return nil
	}
	return r.onEKS(nil, action, t, asked)
}

func (r *request) onEKS(all []core.Right, action string, t *emulator.Resource, asked map[string]string) []core.Right {
	if t == nil {
		return all
	}
	return append(all, core.Right{Action: action, Resource: t.Text(arnFields[t.Kind]), Context: core.ResourceTags(core.RequestTags(asked), t, "aws")})
}

// tagging is a right, and the one to give tags to what is made. (The reference says that a call that gives tags asks for
// eks:TagResource too; on which resource, of what is not there yet, it does not say.)
func (r *request) tagging(make core.Right, arn string, tags map[string]string) []core.Right {
	if len(tags) == 0 {
		return []core.Right{make}
	}
	return []core.Right{make, {Action: "eks:TagResource", Resource: arn, Context: core.RequestTags(tags)}}
}

// handing is the right to hand a role to a service, and the one to have that make its own role in the account: AWS asks for
// that one only where it is not there yet, which is always here.
// (That the role of machines is handed to EC2 is said of access entries; of node groups it is taken from that.)
func (r *request) handing() (all []core.Right) {
	for field, service := range map[string]string{"roleArn": "eks.amazonaws.com", "serviceAccountRoleArn": "eks.amazonaws.com", "nodeRole": "ec2.amazonaws.com"} {
		if arn := core.Text(r.Params, field); arn != "" {
			all = append(all, core.Right{Action: "iam:PassRole", Resource: arn, Context: core.WithKey(nil, "iam:PassedToService", service)})
		}
	}
	for op, of := range map[string][2]string{"CreateCluster": {"eks.amazonaws.com", "AWSServiceRoleForAmazonEKS"}, "CreateNodegroup": {"eks-nodegroup.amazonaws.com", "AWSServiceRoleForAmazonEKSNodegroup"}} {
		if r.Op == op {
			all = append(all, core.Right{Action: "iam:CreateServiceLinkedRole", Resource: r.RoleARN("/aws-service-role/"+of[0]+"/", of[1]), Context: core.WithKey(nil, "iam:AWSServiceName", of[0])})
		}
	}
	return all
}
