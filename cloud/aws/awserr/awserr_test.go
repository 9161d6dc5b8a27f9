package awserr_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	eks "github.com/aws/aws-sdk-go-v2/service/eks/types"
	iam "github.com/aws/aws-sdk-go-v2/service/iam/types"
	sts "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
)

// TestTable has an error as AWS words it for what the table must tell apart.
func TestTable(t *testing.T) {
	rows := []struct {
		service, code, text string
		want                cloud.Class
	}{
		{awserr.EKS, "ThrottlingException", "Rate exceeded", cloud.Throttled},
		{awserr.EC2, "RequestLimitExceeded", "Request limit exceeded.", cloud.Throttled},
		{awserr.EKS, "InvalidRequestException", "Request limit exceeded.", cloud.Throttled},
		{awserr.EKS, "InvalidRequestException", "User not authorized to perform kms:CreateGrant operation", cloud.Denied},
		{awserr.EKS, "InvalidParameterException", "Access denied to KMS key x due to explicit deny policy or revoked grant", cloud.Retryable},
		{awserr.EKS, "InvalidRequestException", "Cluster 'c' is not in ACTIVE status", cloud.Conflict},
		{awserr.IAM, "Throttling", "Rate exceeded", cloud.Throttled},
		{awserr.EC2, "VpcLimitExceeded", "The maximum number of VPCs has been reached.", cloud.Quota},
		{awserr.EC2, "AddressLimitExceeded", "Too many addresses allocated", cloud.Quota},
		{awserr.IAM, "LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1000", cloud.Quota},
		{awserr.EKS, "ResourceLimitExceededException", "You've reached the limit on clusters", cloud.Quota},
		{awserr.EKS, "ResourceInUseException", "Cluster has nodegroups attached", cloud.Conflict},
		{awserr.EC2, "DependencyViolation", "The vpc 'vpc-1' has dependencies and cannot be deleted.", cloud.Conflict},
		{awserr.EC2, "InvalidGroup.InUse", "There are active instances using security group", cloud.Conflict},
		{awserr.EC2, "InvalidVpcID.NotFound", "The vpc ID 'vpc-1' does not exist", cloud.NotFound},
		{awserr.EC2, "NatGatewayNotFound", "", cloud.NotFound},
		{awserr.IAM, "NoSuchEntity", "The role with name x cannot be found.", cloud.NotFound},
		{awserr.IAM, "NoSuchEntity", "Scope ARN: arn:aws:iam::1:policy/p does not exist or is not attachable.", cloud.Denied},
		{awserr.EKS, "ClientException", "No cluster found for name: c.", cloud.NotFound},
		{awserr.EKS, "InvalidParameterException", "Role with arn: arn:aws:iam::1:role/r, could not be assumed because it does not exist", cloud.Retryable},
		{awserr.EKS, "InvalidParameterException", "The role with name x cannot be found: it does not exist", cloud.Retryable},
		{awserr.EKS, "InvalidParameterException", "The subnet ID 'subnet-1' does not exist", cloud.Invalid},
		{awserr.EKS, "InvalidParameterException", "unsupported Kubernetes version 1.9", cloud.Invalid},
		{awserr.EKS, "UnsupportedAvailabilityZoneException", "Cannot create cluster 'c' because us-east-1e, the targeted availability zone, does not currently have sufficient capacity", cloud.Capacity},
		{awserr.EKS, "UnsupportedAvailabilityZoneException", "Cannot create cluster in us-east-1e", cloud.Invalid},
		{awserr.EC2, "InsufficientAddressCapacity", "", cloud.Capacity},
		{awserr.EC2, "UnauthorizedOperation", "You are not authorized to perform this operation.", cloud.Denied},
		{awserr.STS, "AccessDenied", "is not authorized to perform: sts:AssumeRole", cloud.Denied},
		{awserr.EKS, "ExpiredTokenException", "The security token included in the request is expired", cloud.Denied},
		{awserr.EKS, "ServerException", "", cloud.Retryable},
		{awserr.EC2, "SomethingNew", "never seen", cloud.Unknown},
		{awserr.EKS, "InvalidRequestException", "never seen", cloud.Unknown},
		{awserr.EKS, "InvalidRequestException", "Your requested instance type (m4.xlarge) is not supported in your requested Availability Zone (us-west-2d). Please retry your request by not specifying an Availability Zone or choosing us-west-2a, us-west-2b, us-west-2c.", cloud.Invalid},
		{awserr.EKS, "InvalidRequestException", "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.", cloud.Invalid},
		{awserr.EKS, "InvalidRequestException", "Nodegroups [n] must be updated to match cluster version 1.33 before updating cluster version", cloud.Invalid},
		{awserr.EKS, "InvalidStateException", "Upgrade readiness issues were detected: see ListInsights", cloud.Invalid},
		{awserr.EKS, "InvalidParameterException", "Cluster is already at the desired configuration with endpointPrivateAccess: true", cloud.Conflict},
		{awserr.EKS, "InvalidParameterException", "Label cannot contain reserved prefixes [kubernetes.io/, k8s.io/, eks.amazonaws.com/]", cloud.Invalid},
	}
	for _, r := range rows {
		if got := awserr.Class(r.service, r.code, r.text); got != r.want {
			t.Errorf("%s %s %q is %s, want %s", r.service, r.code, r.text, got, r.want)
		}
	}
}

// TestEveryCodeOfTheSDK has a row for each code that the SDK has a name for, and that a call of ours can meet.
func TestEveryCodeOfTheSDK(t *testing.T) {
	for service, all := range map[string][]smithy.APIError{
		awserr.EKS: {
			&eks.AccessDeniedException{}, &eks.BadRequestException{}, &eks.ClientException{}, &eks.InvalidParameterException{}, &eks.InvalidRequestException{},
			&eks.InvalidStateException{}, &eks.NotFoundException{}, &eks.ResourceInUseException{}, &eks.ResourceLimitExceededException{}, &eks.ResourceNotFoundException{},
			&eks.ResourcePropagationDelayException{}, &eks.ServerException{}, &eks.ServiceUnavailableException{}, &eks.ThrottlingException{}, &eks.UnsupportedAvailabilityZoneException{},
		},
		awserr.IAM: {
			&iam.ConcurrentModificationException{}, &iam.DeleteConflictException{}, &iam.EntityAlreadyExistsException{}, &iam.EntityTemporarilyUnmodifiableException{},
			&iam.InvalidInputException{}, &iam.LimitExceededException{}, &iam.MalformedPolicyDocumentException{}, &iam.NoSuchEntityException{},
			&iam.OpenIdIdpCommunicationErrorException{}, &iam.PolicyNotAttachableException{}, &iam.ServiceFailureException{}, &iam.UnmodifiableEntityException{},
		},
		awserr.STS: {&sts.ExpiredTokenException{}, &sts.RegionDisabledException{}},
	} {
		for _, e := range all {
			if !slices.ContainsFunc(awserr.Table, func(r awserr.Row) bool { return r.Is(service, e.ErrorCode()) }) {
				t.Errorf("%s %s is in no row", service, e.ErrorCode())
			}
		}
	}
	var issues []string
	for _, code := range eks.NodegroupIssueCode("").Values() {
		issues = append(issues, string(code))
	}
	for _, code := range eks.ClusterIssueCode("").Values() {
		issues = append(issues, string(code))
	}
	for _, code := range eks.AddonIssueCode("").Values() {
		issues = append(issues, string(code))
	}
	for _, code := range issues {
		if !slices.ContainsFunc(awserr.IssueTable, func(r awserr.Row) bool { return r.Is(awserr.EKS, code) }) {
			t.Errorf("the issue %s is in no row", code)
		}
	}
}

// TestUnknown has what the table does not know be passing trouble only where AWS takes the blame for it.
func TestUnknown(t *testing.T) {
	for status, want := range map[int]cloud.Class{400: cloud.Unknown, 409: cloud.Unknown, 500: cloud.Retryable, 503: cloud.Retryable} {
		err := &smithy.OperationError{ServiceID: awserr.EC2, Err: &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: &smithy.GenericAPIError{Code: "SomethingNew"},
		}}}
		if got := cloud.ClassOf(awserr.Of("EnsureNetwork", err)); got != want {
			t.Errorf("of status %d it is %s, want %s", status, got, want)
		}
	}
}

// TestWhatMayBeDone has a failed call leave it open whether it was done, but where AWS answered that it was not.
func TestWhatMayBeDone(t *testing.T) {
	for status, open := range map[int]bool{400: false, 428: false, 500: true, 502: true, 503: false, 504: true} {
		err := &smithy.OperationError{ServiceID: awserr.EKS, Err: &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: &smithy.GenericAPIError{Code: "Internal"},
		}}}
		if got := cloud.MayBeDone(awserr.Of("CreateCluster", err)); got != open {
			t.Errorf("of status %d: may be done is %t, want %t", status, got, open)
		}
	}
	if !cloud.MayBeDone(awserr.Of("CreateCluster", context.DeadlineExceeded)) {
		t.Error("a call without an answer may be done")
	}
}

func TestIssues(t *testing.T) {
	for text, want := range map[string]cloud.Class{
		"Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not have sufficient m6i.xlarge capacity":                                       cloud.Capacity,
		"Could not launch Spot Instances. UnfulfillableCapacity - Unable to fulfill capacity":                                                                                cloud.Capacity,
		"Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU capacity than your limit":                                                    cloud.Quota,
		"Could not launch On-Demand Instances. Unsupported - Your requested instance type (p3.2xlarge) is not supported in your requested Availability Zone (eu-central-1c)": cloud.Invalid,
		"Could not launch On-Demand Instances. InvalidKey":                                                                                                                   cloud.Terminal,
	} {
		if got := awserr.Issue("AsgInstanceLaunchFailures", text).Class; got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

// TestOf keeps the class of what is an error of ours already, however deep, and says of credentials what STS said.
func TestOf(t *testing.T) {
	refused := &smithy.OperationError{ServiceID: awserr.STS, OperationName: "AssumeRole", Err: &smithy.GenericAPIError{Code: "AccessDenied"}}
	rows := []struct {
		err  error
		want cloud.Class
	}{
		{nil, ""},
		{fmt.Errorf("role x: %w", &cloud.Error{Class: cloud.Taken}), cloud.Taken},
		{&smithy.OperationError{ServiceID: awserr.EKS, Err: fmt.Errorf("get identity: get credentials: %w", refused)}, cloud.Denied},
		{context.DeadlineExceeded, cloud.Retryable},
		{errors.New("connection reset by peer"), cloud.Retryable},
	}
	for _, r := range rows {
		if got := cloud.ClassOf(awserr.Of("EnsurePool", r.err)); got != r.want {
			t.Errorf("%v is %s, want %s", r.err, got, r.want)
		}
	}
}

// TestTheSameInTheSameWords has the same happen to two calls: what differs from call to call is no part of what is said.
func TestTheSameInTheSameWords(t *testing.T) {
	call := func(err error, id string) error {
		response := &awshttp.ResponseError{RequestID: id, ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusServiceUnavailable}}, Err: err,
		}}
		return &smithy.OperationError{ServiceID: awserr.EC2, OperationName: "CreateVpc", Err: response}
	}
	from := func(port int) error {
		return &url.Error{Op: "Post", URL: "https://ec2.eu-west-1.amazonaws.com/", Err: &net.OpError{
			Op: "read", Net: "tcp", Source: &net.TCPAddr{Port: port}, Addr: &net.TCPAddr{Port: 443}, Err: errors.New("connection reset by peer"),
		}}
	}
	rows := []struct {
		first, second error
		want          string
	}{
		{call(&smithy.GenericAPIError{Code: "VpcLimitExceeded", Message: "too many"}, "r1"), call(&smithy.GenericAPIError{Code: "VpcLimitExceeded", Message: "too many"}, "r2"), "too many"},
		{call(errors.New("no XML"), "r1"), call(errors.New("no XML"), "r2"), "EC2 CreateVpc: status 503: no XML"},
		{call(from(1000), ""), call(from(1001), ""), "EC2 CreateVpc: read: connection reset by peer"},
		{
			call(&net.DNSError{Name: "ec2.eu-west-1.amazonaws.com", Err: "read udp 127.0.0.1:1000: i/o timeout"}, ""),
			call(&net.DNSError{Name: "ec2.eu-west-1.amazonaws.com", Err: "read udp 127.0.0.1:1001: i/o timeout"}, ""),
			"EC2 CreateVpc: the address of ec2.eu-west-1.amazonaws.com could not be found",
		},
	}
	for _, r := range rows {
		var first, second *cloud.Error
		if !errors.As(awserr.Of("EnsureNetwork", r.first), &first) || !errors.As(awserr.Of("EnsureNetwork", r.second), &second) {
			t.Fatalf("%v is no error of a cloud", r.first)
		}
		if first.Error() != second.Error() || first.Message != r.want {
			t.Errorf("%q and %q, want %q", first, second, r.want)
		}
		if id := first.RequestID; id != "" && (id != "r1" || second.RequestID != "r2") {
			t.Errorf("requests %q and %q", id, second.RequestID)
		}
	}
}
