package aws

import (
	"context"
	"errors"
	"fmt"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
	"github.com/aeriehq/aerie/cloud/aws/policy"
)

// The policy that is the permissions boundary of each role that is made here: whatever else a role is given, it may no
// more than this. The template makes it, since we have no right to make or to change a policy.
const (
	boundaryName = "aerie-boundary"
	boundary     = "policy" + rolePath + boundaryName
)

// boundaryARN is the boundary's in an account of a partition.
func boundaryARN(partition, account string) string {
	return "arn:" + partition + ":iam::" + account + ":" + boundary
}

func (at *session) boundary() string { return boundaryARN(partition(at.region), at.scope.Account.ID) }

// bounded is a document of the boundary: what AWS's policies for clusters, machines and the driver of volumes let their
// roles do, and what we give to roles ourselves; a test compares it with all that is given to roles here. Looking is by name
// only, since AWS has its policies look at more from time to time.
//
// A role may put an owner's tag only on what it makes: else our right to delete by that tag would reach everything.
func bounded() policy.Document {
	volumes := []string{"arn:*:ec2:*:*:volume/*", "arn:*:ec2:*:*:snapshot/*"}
	return policy.Document{Version: "2012-10-17", Statement: []policy.Statement{
		{Effect: "Allow", Resource: "*", Action: strings.Fields(boundedLooks)},
		{Effect: "Allow", Resource: "*", Action: strings.Fields(boundedChanges)},
		{Effect: "Allow", Resource: "*", Action: "ec2:CreateTags", Condition: map[string]any{"ForAllValues:StringNotEquals": map[string]any{"aws:TagKeys": []string{tagOwner, tagDriver}}}},
		{
			Effect: "Allow", Resource: volumes, Action: "ec2:CreateTags",
			Condition: map[string]any{"StringEquals": map[string]any{"ec2:CreateAction": []string{"CreateVolume", "CreateSnapshot"}}},
		},
		{
			Effect: "Allow", Resource: volumes, Action: []string{"ec2:DeleteSnapshot", "ec2:DeleteTags", "ec2:DeleteVolume"},
			Condition: map[string]any{"StringEquals": map[string]any{"aws:ResourceTag/" + tagDriver: "true"}},
		},
		{
			Effect: "Allow", Resource: "arn:*:iam::*:" + serviceRoles, Action: "iam:CreateServiceLinkedRole",
			Condition: map[string]any{"StringEquals": map[string]any{"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"}},
		},
	}}
}

// tagDriver is what EBS' driver gives to each volume and snapshot that it makes.
const tagDriver = "ebs.csi.aws.com/cluster"

const boundedLooks = `
autoscaling:Describe* ec2:Describe* ec2:GetInstanceTypesFromInstanceRequirements elasticloadbalancing:Describe*
ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:BatchImportUpstreamImage ecr:GetAuthorizationToken ecr:GetDownloadUrlForLayer
eks-auth:AssumeRoleForPodIdentity eks:DescribeCluster eks:DescribeNodegroup kms:DescribeKey
`

// boundedChanges have the use of a key among them, for a cluster whose secrets are encrypted with one.
const boundedChanges = `
autoscaling:SetDesiredCapacity autoscaling:TerminateInstanceInAutoScalingGroup autoscaling:UpdateAutoScalingGroup
ec2:AssignIpv6Addresses ec2:AssignPrivateIpAddresses ec2:AttachNetworkInterface ec2:AttachVolume ec2:AuthorizeSecurityGroupIngress
ec2:CreateNetworkInterface ec2:CreateRoute ec2:CreateSecurityGroup ec2:CreateSnapshot ec2:CreateVolume ec2:DeleteNetworkInterface
ec2:DeleteRoute ec2:DeleteSecurityGroup ec2:DetachNetworkInterface ec2:DetachVolume ec2:EnableFastSnapshotRestores
ec2:ModifyInstanceAttribute ec2:ModifyNetworkInterfaceAttribute ec2:ModifyVolume ec2:RevokeSecurityGroupIngress
ec2:UnassignIpv6Addresses ec2:UnassignPrivateIpAddresses
elasticloadbalancing:AddTags elasticloadbalancing:ApplySecurityGroupsToLoadBalancer elasticloadbalancing:AttachLoadBalancerToSubnets
elasticloadbalancing:ConfigureHealthCheck elasticloadbalancing:CreateListener elasticloadbalancing:CreateLoadBalancer
elasticloadbalancing:CreateLoadBalancerListeners elasticloadbalancing:CreateLoadBalancerPolicy elasticloadbalancing:CreateTargetGroup
elasticloadbalancing:DeleteListener elasticloadbalancing:DeleteLoadBalancer elasticloadbalancing:DeleteLoadBalancerListeners
elasticloadbalancing:DeleteTargetGroup elasticloadbalancing:DeregisterInstancesFromLoadBalancer elasticloadbalancing:DeregisterTargets
elasticloadbalancing:DetachLoadBalancerFromSubnets elasticloadbalancing:ModifyListener elasticloadbalancing:ModifyLoadBalancerAttributes
elasticloadbalancing:ModifyTargetGroup elasticloadbalancing:ModifyTargetGroupAttributes
elasticloadbalancing:RegisterInstancesWithLoadBalancer elasticloadbalancing:RegisterTargets
elasticloadbalancing:SetLoadBalancerPoliciesForBackendServer elasticloadbalancing:SetLoadBalancerPoliciesOfListener
kms:Decrypt kms:Encrypt kms:ListGrants
`

// bind gives the boundary to a role that was made before there was one. Without it nothing can be given to a role.
func (at *session) bind(ctx context.Context, r *types.Role) error {
	arn := at.boundary()
	if r.PermissionsBoundary != nil && awssdk.ToString(r.PermissionsBoundary.PermissionsBoundaryArn) == arn {
		return nil
	}
	_, err := at.iam.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: r.RoleName, PermissionsBoundary: &arn})
	if cloud.ClassOf(awserr.Of("", err)) == cloud.Denied {
		return at.unbounded(err)
	}
	return err
}

// noBoundary tells whether a policy that was named is not there: of ours there is one.
func noBoundary(err error) bool {
	return awserr.Is(err, "NoSuchEntity") && cloud.ClassOf(awserr.Of("", err)) == cloud.Denied
}

// unbounded is the refusal to make a role that would have no boundary, because AWS has refused it so.
func (at *session) unbounded(err error) error {
	var api *cloud.Error
	errors.As(awserr.Of("", err), &api)
	is := *api
	is.Class, is.Code = cloud.Denied, "NoBoundary"
	is.Message = fmt.Sprintf("the policy %s, which bounds what roles may do, is not there or may not be used: run the template of aerie account bootstrap again: %s: %s", at.boundary(), api.Code, api.Message)
	return &is
}

// checkBoundary refuses an account that has no boundary. What is in it is the template's concern.
func (at *session) checkBoundary(ctx context.Context) error {
	arn := at.boundary()
	_, err := at.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &arn})
	if awserr.Gone(err) {
		return at.unbounded(err)
	}
	return err
}
