package aws

import "strings"

// Action is one right that is needed in an account.
type Action struct {
	Name string // such as eks:CreateCluster
	On   string // the part of the ARN after the account: role/aerie/* or oidc-provider/*; empty: everything
	// Implied is a right that AWS asks for besides, in a call of another name.
	Implied bool
	// If is a condition: a key and its values. It keeps the right to hand out rights small.
	If       string
	Is       []string
	Operator string
}

const (
	ownRoles      = "role" + rolePath + "*"
	oidcProviders = "oidc-provider/*"
)

// Actions are all rights that this cloud is worked in with. What a customer is asked to grant is made of this list, and
// so is what Check looks for; a test compares it with the calls that are made.
func Actions() []Action {
	var all []Action
	for _, name := range strings.Fields(plainActions) {
		all = append(all, Action{Name: name})
	}
	for _, name := range strings.Fields(roleActions) {
		all = append(all, Action{Name: name, On: ownRoles})
	}
	for _, name := range strings.Fields(oidcActions) {
		all = append(all, Action{Name: name, On: oidcProviders})
	}
	return append(all,
		Action{Name: "ec2:DeleteVolume", Operator: "StringLike", If: "aws:ResourceTag/" + tagOwner, Is: []string{"*"}},
		Action{Name: "iam:AttachRolePolicy", On: ownRoles, Operator: "ArnLike", If: "iam:PolicyARN", Is: policyARNs()},
		Action{Name: "iam:PassRole", On: ownRoles, Implied: true, Operator: "StringEquals", If: "iam:PassedToService", Is: []string{"eks.amazonaws.com", "ec2.amazonaws.com"}},
		Action{Name: "iam:TagRole", On: ownRoles, Implied: true},
		Action{Name: "iam:TagOpenIDConnectProvider", On: oidcProviders, Implied: true},
		Action{Name: "iam:CreateServiceLinkedRole", On: "role/aws-service-role/*", Implied: true},
	)
}

const plainActions = `
ec2:AllocateAddress ec2:AssociateRouteTable ec2:AttachInternetGateway ec2:CreateInternetGateway ec2:CreateNatGateway
ec2:CreateRoute ec2:CreateRouteTable ec2:CreateSecurityGroup ec2:CreateSubnet ec2:CreateTags ec2:CreateVpc
ec2:DeleteInternetGateway ec2:DeleteNatGateway ec2:DeleteNetworkInterface ec2:DeleteRouteTable ec2:DeleteSecurityGroup
ec2:DeleteSubnet ec2:DeleteVpc ec2:DescribeAddresses ec2:DescribeAvailabilityZones ec2:DescribeInternetGateways
ec2:DescribeNatGateways ec2:DescribeNetworkInterfaces ec2:DescribeRouteTables ec2:DescribeSecurityGroups
ec2:DescribeSubnets ec2:DescribeVolumes ec2:DescribeVpcs ec2:DetachInternetGateway ec2:ModifyVpcAttribute ec2:ReleaseAddress
ec2:ReplaceRoute ec2:RevokeSecurityGroupIngress
eks:AssociateAccessPolicy eks:CreateAccessEntry eks:DeleteAccessEntry eks:DescribeAccessEntry eks:DisassociateAccessPolicy
eks:ListAccessEntries eks:ListAssociatedAccessPolicies
eks:CreateAddon eks:CreateCluster eks:CreateNodegroup eks:DeleteAddon eks:DeleteCluster eks:DeleteNodegroup
eks:DescribeAddon eks:DescribeCluster eks:DescribeNodegroup eks:ListClusters eks:ListNodegroups eks:TagResource
eks:UpdateAddon eks:UpdateClusterConfig eks:UpdateClusterVersion eks:UpdateNodegroupConfig eks:UpdateNodegroupVersion
elasticloadbalancing:DeleteLoadBalancer elasticloadbalancing:DeleteTargetGroup elasticloadbalancing:DescribeLoadBalancers
elasticloadbalancing:DescribeTags elasticloadbalancing:DescribeTargetGroups
iam:ListOpenIDConnectProviders iam:ListRoles iam:SimulatePrincipalPolicy
`

const roleActions = `
iam:CreateRole iam:DeleteRole iam:DeleteRolePolicy iam:DetachRolePolicy iam:GetRole iam:ListAttachedRolePolicies
iam:ListRolePolicies iam:ListRoleTags iam:PutRolePolicy
`

const oidcActions = `
iam:CreateOpenIDConnectProvider iam:DeleteOpenIDConnectProvider iam:GetOpenIDConnectProvider iam:ListOpenIDConnectProviderTags
`

// policyARNs are AWS's own policies that may be attached to our roles.
func policyARNs() (arns []string) {
	for _, list := range [][]string{clusterPolicies, nodePolicies, storagePolicies} {
		for _, p := range list {
			arns = append(arns, "arn:*:iam::aws:policy/"+p)
		}
	}
	return arns
}
