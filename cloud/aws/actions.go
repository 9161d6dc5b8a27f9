package aws

import (
	"strings"

	"github.com/aeriehq/aerie/cloud/aws/policy"
)

// Action is one right that is needed in an account.
type Action struct {
	Name string // such as eks:CreateCluster
	On   string // the part of the ARN after the account: role/aerie/* or subnet/*; empty: everything
	// Implied is a right that AWS asks for besides, in a call of another name.
	Implied bool
	If      []Condition
}

// Condition keeps a right to what is ours: a key must be one of some values, in which CloudFormation's own parameters may be.
type Condition struct {
	Operator, Key string
	Is            []string
}

const (
	ownRoles     = "role" + rolePath + "*"
	namedRoles   = "role/aerie*" // of one that is not there AWS knows the name and no path
	eksProviders = "oidc-provider/oidc.eks.*"
	serviceRoles = "role/aws-service-role/*"
)

// Actions are all rights that are needed: what customers grant and Check looks for. A test compares them with the calls.
func Actions() (all []Action) {
	for _, g := range grants() {
		for _, name := range strings.Fields(g.names) {
			a := g.Action
			a.Name = name
			all = append(all, a)
		}
	}
	return all
}

// grant is the same right to several actions.
type grant struct {
	names string
	Action
}

// asking is the condition that what is made is asked for with our mark.
func asking(on string) Action {
	return Action{On: on, If: []Condition{{"StringLike", "aws:RequestTag/" + tagOwner, []string{"*"}}}}
}

// having is the condition that what is there has a tag.
func having(tag string) Action {
	return Action{If: []Condition{{"StringLike", "aws:ResourceTag/" + tag, []string{"*"}}}}
}

// within is the condition that a role has the boundary, or is made or given it, and whichever others.
func within(others ...Condition) Action {
	return Action{On: ownRoles, If: append(others, Condition{"StringEquals", "iam:PermissionsBoundary", []string{boundaryARN(thePartition, theAccount)}})}
}

func equal(on, key string, values ...string) Action {
	return Action{On: on, Implied: true, If: []Condition{{"StringEquals", key, values}}}
}

func implied(a Action) Action {
	a.Implied = true
	return a
}

// grants are the rights. Looking is free. What is made is asked for with our mark, and nothing is changed or deleted but
// what has it, with these exceptions: interfaces and security groups, which AWS deletes only when nothing uses them, are
// left by the controllers of clusters, whose one mark is a tag that has the cluster's name for a key; and EKS and IAM do
// not tell a tag given in a creation from one given later, so that a cluster, or the provider of one, could be marked.
// A role is given nothing unless it has the boundary, and that can't be taken off it.
func grants() []grant {
	return []grant{
		{looks, Action{}},
		{"ec2:AllocateAddress ec2:CreateInternetGateway ec2:CreateVpc", asking("")},
		{"ec2:CreateSubnet", asking("subnet/*")},
		{"ec2:CreateRouteTable", asking("route-table/*")},
		{"ec2:CreateSecurityGroup", asking("security-group/*")},
		{"ec2:CreateNatGateway", asking("natgateway/*")},
		{"ec2:CreateTags", equal("", "ec2:CreateAction", strings.Fields(ec2Creations)...)},
		{changesOfOurs, having(tagOwner)},
		{"ec2:DeleteNetworkInterface ec2:DeleteSecurityGroup", Action{}},
		{"ec2:RevokeSecurityGroupIngress", having("aws:eks:cluster-name")},
		{"ec2:RevokeSecurityGroupIngress elasticloadbalancing:DeleteLoadBalancer elasticloadbalancing:DeleteTargetGroup", having("elbv2.k8s.aws/cluster")},
		{"elasticloadbalancing:DeleteLoadBalancer elasticloadbalancing:DeleteTargetGroup", having("kubernetes.io/service-name")},
		{"eks:CreateAccessEntry eks:CreateAddon eks:CreateCluster eks:CreateNodegroup", asking("")},
		{"eks:TagResource", implied(asking(""))},
		{roleLooks, Action{On: namedRoles}},
		{roleChanges, Action{On: ownRoles}},
		{"iam:TagRole", Action{On: ownRoles, Implied: true}},
		{"iam:CreateRole iam:PutRolePermissionsBoundary iam:PutRolePolicy", within()},
		{"iam:AttachRolePolicy", within(Condition{"ArnEquals", "iam:PolicyARN", policyARNs()})},
		{"iam:GetPolicy", Action{On: boundary}},
		{"iam:PassRole", equal(ownRoles, "iam:PassedToService", "eks.amazonaws.com", "ec2.amazonaws.com")},
		{"iam:GetOpenIDConnectProvider iam:ListOpenIDConnectProviderTags", Action{On: "oidc-provider/*"}},
		{"iam:CreateOpenIDConnectProvider", asking(eksProviders)},
		{"iam:TagOpenIDConnectProvider", implied(asking(eksProviders))},
		{"iam:CreateServiceLinkedRole", equal(serviceRoles, "iam:AWSServiceName", strings.Fields(services)...)},
	}
}

// services are those that have AWS make their own role in an account when they are first used there.
const services = "eks.amazonaws.com eks-nodegroup.amazonaws.com autoscaling.amazonaws.com spot.amazonaws.com elasticloadbalancing.amazonaws.com"

const looks = `
ec2:DescribeAddresses ec2:DescribeAvailabilityZones ec2:DescribeInstanceTypeOfferings ec2:DescribeInternetGateways ec2:DescribeNatGateways
ec2:DescribeNetworkInterfaces ec2:DescribeRouteTables ec2:DescribeSecurityGroups ec2:DescribeSubnets
ec2:DescribeVolumes ec2:DescribeVpcs
eks:DescribeAccessEntry eks:DescribeAddon eks:DescribeAddonVersions eks:DescribeCluster eks:DescribeClusterVersions
eks:DescribeNodegroup eks:ListAccessEntries
eks:ListAssociatedAccessPolicies eks:ListClusters eks:ListNodegroups
elasticloadbalancing:DescribeLoadBalancers elasticloadbalancing:DescribeTags elasticloadbalancing:DescribeTargetGroups
iam:ListOpenIDConnectProviders iam:ListRoles iam:SimulatePrincipalPolicy
`

const ec2Creations = "AllocateAddress CreateInternetGateway CreateNatGateway CreateRouteTable CreateSecurityGroup CreateSubnet CreateVpc"

// changesOfOurs have creations among them for the network, or the part of it, that something is made in.
const changesOfOurs = `
ec2:AssociateRouteTable ec2:AttachInternetGateway ec2:CreateNatGateway ec2:CreateRoute ec2:CreateRouteTable
ec2:CreateSecurityGroup ec2:CreateSubnet ec2:CreateTags ec2:DeleteInternetGateway ec2:DeleteNatGateway
ec2:DeleteRouteTable ec2:DeleteSubnet ec2:DeleteTags ec2:DeleteVolume ec2:DeleteVpc ec2:DetachInternetGateway ec2:ModifyVpcAttribute
ec2:ReleaseAddress ec2:ReplaceRoute ec2:RevokeSecurityGroupIngress
eks:AssociateAccessPolicy eks:DeleteAccessEntry eks:DeleteAddon eks:DeleteCluster eks:DeleteNodegroup
eks:DisassociateAccessPolicy eks:TagResource eks:UpdateAddon eks:UpdateClusterConfig eks:UpdateClusterVersion
eks:UpdateNodegroupConfig eks:UpdateNodegroupVersion
iam:DeleteOpenIDConnectProvider
`

const (
	roleLooks   = "iam:GetRole iam:ListAttachedRolePolicies iam:ListRolePolicies iam:ListRoleTags"
	roleChanges = "iam:DeleteRole iam:DeleteRolePolicy iam:DetachRolePolicy"
)

// policyARNs are AWS's own policies that may be attached to our roles.
func policyARNs() (arns []string) {
	for _, list := range [][]string{policy.ClusterPolicies, policy.NodePolicies, policy.StoragePolicies} {
		for _, p := range list {
			arns = append(arns, "arn:"+thePartition+":iam::aws:policy/"+p)
		}
	}
	return arns
}

// CloudFormation's own parameters.
const (
	thePartition = "${AWS::Partition}"
	theAccount   = "${AWS::AccountId}"
)

// arn is the pattern of what the right is to, in a partition, a region and an account.
func (a Action) arn(partition, region, account string) string {
	service, _, _ := strings.Cut(a.Name, ":")
	if service == "iam" {
		region = ""
	}
	return "arn:" + partition + ":" + service + ":" + region + ":" + account + ":" + a.On
}
