// Package policy writes the policies of IAM that clusters, pools and add-ons need: who may be a role, and what a role may do.
//
// It calls nothing, and knows no role. What it writes is compared with what a role has, so the same arguments give the
// same text, for ever. Begin with Statement. Everything here may be used from any goroutine.
// Nothing is kept.
package policy

import (
	"encoding/json"
	"fmt"
	"strings"
)

// AWS's own policies for what runs a cluster: its control plane, its nodes, its storage driver.
var (
	ClusterPolicies = []string{"AmazonEKSClusterPolicy"}
	NodePolicies    = []string{"AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"}
	StoragePolicies = []string{"service-role/AmazonEBSCSIDriverPolicy"}
)

// Document is a policy as IAM reads it.
type Document struct {
	Version   string
	Statement []Statement
}

// Statement is one rule of a policy.
type Statement struct {
	Effect    string
	Principal any `json:",omitempty"`
	Action    any
	Resource  any `json:",omitempty"`
	Condition any `json:",omitempty"`
}

// String is a policy of this rule alone.
func (s Statement) String() string {
	data, _ := json.Marshal(Document{Version: "2012-10-17", Statement: []Statement{s}}) // plain data: it cannot fail
	return string(data)
}

// TrustService lets a service of AWS be the role.
func TrustService(service string) string {
	return Statement{Effect: "Allow", Principal: map[string]string{"Service": service}, Action: "sts:AssumeRole"}.String()
}

// TrustPod lets one service account of a cluster, given with its namespace, be the role.
func TrustPod(provider, issuer, account string) string {
	return Statement{
		Effect: "Allow", Principal: map[string]string{"Federated": provider}, Action: "sts:AssumeRoleWithWebIdentity",
		Condition: map[string]any{"StringEquals": map[string]string{
			issuer + ":aud": "sts.amazonaws.com",
			issuer + ":sub": "system:serviceaccount:" + account,
		}},
	}.String()
}

// MayScale lets the autoscaler see all groups of machines in its region, and change those of its cluster there.
func MayScale(region, cluster string) string {
	here := map[string]string{"aws:RequestedRegion": region}
	own := map[string]string{"aws:RequestedRegion": region, fmt.Sprintf("aws:ResourceTag/k8s.io/cluster-autoscaler/%s", cluster): "owned"}
	data, _ := json.Marshal(Document{Version: "2012-10-17", Statement: []Statement{
		{Effect: "Allow", Resource: "*", Action: []string{
			"autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances", "autoscaling:DescribeLaunchConfigurations",
			"autoscaling:DescribeScalingActivities", "ec2:DescribeImages", "ec2:DescribeInstanceTypes", "ec2:DescribeLaunchTemplateVersions",
			"ec2:GetInstanceTypesFromInstanceRequirements", "eks:DescribeNodegroup",
		}, Condition: map[string]any{"StringEquals": here}},
		{
			Effect: "Allow", Resource: "*", Action: []string{"autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"},
			Condition: map[string]any{"StringEquals": own},
		},
	}})
	return string(data)
}

// MayEncrypt lets a cluster use the key of its secrets, which EKS makes sure of. Empty: it has none.
func MayEncrypt(key string) string {
	if key == "" {
		return ""
	}
	return Statement{Effect: "Allow", Resource: key, Action: strings.Fields(UsesOfKey)}.String()
}

// UsesOfKey are what EKS does with the key of a cluster's secrets.
const UsesOfKey = "kms:Decrypt kms:DescribeKey kms:Encrypt kms:ListGrants"
