package aws

import (
	"encoding/json"
	"fmt"
	"strings"
)

// AWS's own policies for what runs a cluster.
var (
	clusterPolicies = []string{"AmazonEKSClusterPolicy"}
	nodePolicies    = []string{"AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"}
	storagePolicies = []string{"service-role/AmazonEBSCSIDriverPolicy"}
)

type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Effect    string
	Principal any `json:",omitempty"`
	Action    any
	Resource  any `json:",omitempty"`
	Condition any `json:",omitempty"`
}

func (s statement) String() string {
	data, _ := json.Marshal(policy{Version: "2012-10-17", Statement: []statement{s}}) // plain data: it cannot fail
	return string(data)
}

// trustService lets a service of AWS be the role.
func trustService(service string) string {
	return statement{Effect: "Allow", Principal: map[string]string{"Service": service}, Action: "sts:AssumeRole"}.String()
}

// trustPod lets one service account of a cluster, given with its namespace, be the role.
func trustPod(provider, issuer, account string) string {
	return statement{
		Effect: "Allow", Principal: map[string]string{"Federated": provider}, Action: "sts:AssumeRoleWithWebIdentity",
		Condition: map[string]any{"StringEquals": map[string]string{
			issuer + ":aud": "sts.amazonaws.com",
			issuer + ":sub": "system:serviceaccount:" + account,
		}},
	}.String()
}

// mayScale lets the autoscaler see all groups of machines in its region, and change those of its cluster there.
func mayScale(region, cluster string) string {
	here := map[string]string{"aws:RequestedRegion": region}
	own := map[string]string{"aws:RequestedRegion": region, fmt.Sprintf("aws:ResourceTag/k8s.io/cluster-autoscaler/%s", cluster): "owned"}
	data, _ := json.Marshal(policy{Version: "2012-10-17", Statement: []statement{
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

// mayEncrypt lets a cluster use the key of its secrets, which EKS makes sure of. Empty: it has none.
func mayEncrypt(key string) string {
	if key == "" {
		return ""
	}
	return statement{Effect: "Allow", Resource: key, Action: strings.Fields(usesOfKey)}.String()
}

const usesOfKey = "kms:Decrypt kms:DescribeKey kms:Encrypt kms:ListGrants"
