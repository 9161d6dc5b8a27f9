package aws_test

import (
	"net/url"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/emulator/aws/policy"
)

// TestAutoscalerMayScaleItsOwn judges what an autoscaler asks for by the policy of the role that is made for it: it sees all
// groups of machines of its region, and changes those of its cluster.
func TestAutoscalerMayScaleItsOwn(t *testing.T) {
	r := start(t)
	p := r.provider()
	r.up(p, r.home())
	r.until(cloud.Ready, func() (cloud.Observation, error) {
		return p.EnsureAddon(t.Context(), r.home(), cloud.AddonSpec{Cluster: "cl1", Addon: cloud.AddonAutoscaler, Owner: owner, Token: "t5"})
	})
	c := iam.NewFromConfig(r.theirs)
	all, err := c.ListRoles(t.Context(), &iam.ListRolesInput{PathPrefix: awssdk.String("/aerie/")})
	must(t, err)
	var rights []policy.Policy
	for _, role := range all.Roles {
		has, err := c.GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: role.RoleName, PolicyName: awssdk.String("aerie")})
		if err != nil {
			continue // it has none of ours
		}
		text, err := url.QueryUnescape(*has.PolicyDocument)
		must(t, err)
		one, err := policy.Parse([]byte(text))
		must(t, err)
		rights = append(rights, one)
	}
	const group = "arn:aws:autoscaling:eu-central-1:111122223333:autoScalingGroup:1:autoScalingGroupName/eks-p1"
	const mark = "aws:ResourceTag/k8s.io/cluster-autoscaler/"
	for _, c := range []struct {
		action, on, region, tag string
		may                     bool
	}{
		{"autoscaling:DescribeAutoScalingGroups", "*", region, "", true},
		{"autoscaling:DescribeAutoScalingGroups", "*", "us-east-1", "", false},
		{"autoscaling:SetDesiredCapacity", group, region, mark + "cl1", true},
		{"autoscaling:SetDesiredCapacity", group, "us-east-1", mark + "cl1", false},
		{"autoscaling:SetDesiredCapacity", group, region, mark + "cl11", false},
		{"autoscaling:TerminateInstanceInAutoScalingGroup", group, region, mark + "cl1", true},
		{"autoscaling:TerminateInstanceInAutoScalingGroup", group, region, "aws:ResourceTag/x", false},
		{"autoscaling:DeleteAutoScalingGroup", group, region, mark + "cl1", false},
		{"ec2:TerminateInstances", "arn:aws:ec2:eu-central-1:111122223333:instance/i-1", region, mark + "cl1", false},
	} {
		d := policy.Decide(rights, policy.Request{Action: c.action, Resource: c.on, Context: policy.Context{"aws:RequestedRegion": {c.region}, c.tag: {"owned"}}})
		if (d == policy.Allowed) != c.may {
			t.Errorf("%s in %s on what has %s: %s", c.action, c.region, c.tag, d)
		}
	}
}
