package eks

import (
	"path"
	"slices"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/cloud/emulator/aws/ec2"
)

// policies are what EKS wants attached to a role; of each row one.
type policies [][]string

var (
	clusterPolicies = policies{{"AmazonEKSClusterPolicy"}}
	nodePolicies    = policies{{"AmazonEKSWorkerNodePolicy", "AmazonEKSWorkerNodeMinimalPolicy"}, {"AmazonEC2ContainerRegistryReadOnly", "AmazonEC2ContainerRegistryPullOnly"}}
)

// roleFor says whether a role can be used by a service, in the words of EKS. What IAM made just now is not seen yet.
func (q *request) roleFor(service, arn string, wanted policies) error {
	account, name, ok := core.RoleOf(arn)
	if !ok {
		return wrong("The ARN %q is no role's", arn)
	}
	t := q.Elsewhere(account, "").See("role", "", name)
	switch {
	case account != q.Account:
		return wrong("Cross-account pass role is not allowed.")
	case t == nil && service == "ec2.amazonaws.com":
		return wrong("The role with name %s cannot be found. (Service: Iam, Status Code: 404): it does not exist", name)
	case t == nil:
		return wrong("Role with arn: %s, could not be assumed because it does not exist or the trusted entity is not correct", arn)
	case !core.LetsService(t.Text("AssumeRolePolicyDocument"), service) && service == "ec2.amazonaws.com":
		return wrong("Following required service principals [%s] were not found in the trust relationships of nodeRole %s", service, arn)
	case !core.LetsService(t.Text("AssumeRolePolicyDocument"), service):
		return wrong("Role with arn: %s, could not be assumed because it does not exist or the trusted entity is not correct", arn)
	}
	return missing(t, wanted)
}

func missing(role *emulator.Resource, wanted policies) error {
	for _, any := range wanted {
		has := slices.ContainsFunc(core.Texts(role.Doc, "_attached"), func(arn string) bool { return slices.Contains(any, path.Base(arn)) })
		if !has {
			return wrong("The provided role doesn't have the Amazon EKS Managed Policies associated with it. Please ensure the following policies %v are attached", any)
		}
	}
	return nil
}

// subnets are those that a request names. A control plane's are in two zones at least.
func (q *request) subnets(ids []string, controlPlane bool) (found []*emulator.Resource, err error) {
	zones := map[string]bool{}
	for _, id := range ids {
		t := q.Here().See("subnet", "", id)
		switch {
		case t == nil:
			return nil, wrong("The subnet ID '%s' does not exist (Service: AmazonEC2; Status Code: 400; Error Code: InvalidSubnetID.NotFound)", id)
		case len(found) > 0 && t.Text("vpcId") != found[0].Text("vpcId"):
			return nil, wrong("Subnets %v are not all in one VPC", ids)
		case controlPlane && slices.Contains(ec2.UnsupportedZones, t.Text("availabilityZone")):
			zone := t.Text("availabilityZone")
			return nil, core.Fail("UnsupportedAvailabilityZoneException", "Cannot create cluster '%s' because %s, the targeted availability zone, does not currently have sufficient capacity to support the cluster. Retry and choose from these availability zones: %v", core.Text(q.Params, "name"), zone, supported(q.Region)).About(doc{"clusterName": core.Text(q.Params, "name"), "validZones": core.Anys(supported(q.Region))})
		}
		zones[t.Text("availabilityZone")] = true
		found = append(found, t)
	}
	if len(found) == 0 || controlPlane && len(zones) < 2 {
		return nil, wrong("Subnets specified must be in at least two different AZs")
	}
	return found, nil
}

func supported(region string) []string {
	return slices.DeleteFunc(ec2.ZonesOf(region), func(z string) bool { return slices.Contains(ec2.UnsupportedZones, z) })
}
