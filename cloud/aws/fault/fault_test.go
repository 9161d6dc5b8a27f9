package fault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/aws/smithy-go"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/fault"
)

// TestTable has an error as AWS words it for what the table must tell apart.
func TestTable(t *testing.T) {
	rows := []struct {
		service, code, text string
		want                cloud.Class
	}{
		{fault.EKS, "ThrottlingException", "Rate exceeded", cloud.Throttled},
		{fault.EC2, "RequestLimitExceeded", "Request limit exceeded.", cloud.Throttled},
		{fault.EKS, "InvalidRequestException", "Request limit exceeded.", cloud.Throttled},
		{fault.EKS, "InvalidRequestException", "Cluster 'c' is not in ACTIVE status", cloud.Conflict},
		{fault.IAM, "Throttling", "Rate exceeded", cloud.Throttled},
		{fault.EC2, "VpcLimitExceeded", "The maximum number of VPCs has been reached.", cloud.Quota},
		{fault.EC2, "AddressLimitExceeded", "Too many addresses allocated", cloud.Quota},
		{fault.IAM, "LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1000", cloud.Quota},
		{fault.EKS, "ResourceLimitExceededException", "You've reached the limit on clusters", cloud.Quota},
		{fault.EKS, "ResourceInUseException", "Cluster has nodegroups attached", cloud.Conflict},
		{fault.EC2, "DependencyViolation", "The vpc 'vpc-1' has dependencies and cannot be deleted.", cloud.Conflict},
		{fault.EC2, "InvalidGroup.InUse", "There are active instances using security group", cloud.Conflict},
		{fault.EC2, "InvalidVpcID.NotFound", "The vpc ID 'vpc-1' does not exist", cloud.NotFound},
		{fault.EC2, "NatGatewayNotFound", "", cloud.NotFound},
		{fault.IAM, "NoSuchEntity", "The role with name x cannot be found.", cloud.NotFound},
		{fault.EKS, "ClientException", "No cluster found for name: c.", cloud.NotFound},
		{fault.EKS, "InvalidParameterException", "Role with arn: arn:aws:iam::1:role/r, could not be assumed because it does not exist", cloud.Retryable},
		{fault.EKS, "InvalidParameterException", "The role with name x cannot be found: it does not exist", cloud.Retryable},
		{fault.EKS, "InvalidParameterException", "The subnet ID 'subnet-1' does not exist", cloud.Invalid},
		{fault.EKS, "InvalidParameterException", "unsupported Kubernetes version 1.9", cloud.Invalid},
		{fault.EKS, "UnsupportedAvailabilityZoneException", "Cannot create cluster in us-east-1e", cloud.Capacity},
		{fault.EC2, "InsufficientAddressCapacity", "", cloud.Capacity},
		{fault.EC2, "UnauthorizedOperation", "You are not authorized to perform this operation.", cloud.Denied},
		{fault.STS, "AccessDenied", "is not authorized to perform: sts:AssumeRole", cloud.Denied},
		{fault.EKS, "ExpiredTokenException", "The security token included in the request is expired", cloud.Denied},
		{fault.EKS, "ServerException", "", cloud.Retryable},
		{fault.EC2, "SomethingNew", "never seen", cloud.Retryable},
	}
	for _, r := range rows {
		if got := fault.Class(r.service, r.code, r.text); got != r.want {
			t.Errorf("%s %s %q is %s, want %s", r.service, r.code, r.text, got, r.want)
		}
	}
}

func TestIssues(t *testing.T) {
	for text, want := range map[string]cloud.Class{
		"Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not have sufficient m6i.xlarge capacity": cloud.Capacity,
		"Could not launch Spot Instances. UnfulfillableCapacity - Unable to fulfill capacity":                                          cloud.Capacity,
		"Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU capacity than your limit":              cloud.Quota,
		"Could not launch On-Demand Instances. InvalidKey":                                                                             cloud.Terminal,
	} {
		if got := fault.Issue("AsgInstanceLaunchFailures", text).Class; got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

// TestOf keeps the class of what is an error of ours already, however deep, and says of credentials what STS said.
func TestOf(t *testing.T) {
	refused := &smithy.OperationError{ServiceID: fault.STS, OperationName: "AssumeRole", Err: &smithy.GenericAPIError{Code: "AccessDenied"}}
	rows := []struct {
		err  error
		want cloud.Class
	}{
		{nil, ""},
		{fmt.Errorf("role x: %w", &cloud.Error{Class: cloud.Taken}), cloud.Taken},
		{&smithy.OperationError{ServiceID: fault.EKS, Err: fmt.Errorf("get identity: get credentials: %w", refused)}, cloud.Denied},
		{context.DeadlineExceeded, cloud.Retryable},
		{errors.New("connection reset by peer"), cloud.Retryable},
	}
	for _, r := range rows {
		if got := cloud.ClassOf(fault.Of("EnsurePool", r.err)); got != r.want {
			t.Errorf("%v is %s, want %s", r.err, got, r.want)
		}
	}
}
