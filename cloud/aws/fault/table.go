package fault

import "github.com/aeriehq/aerie/cloud"

// Row is one kind of error: of a service (its SDK's id; empty: each), with a code, in which * stands for anything, and
// part of a text, likewise (empty: any).
type Row struct {
	Service, Code, Text string
	Class               cloud.Class
}

// The ids of the services.
const (
	EKS = "EKS"
	EC2 = "EC2"
	IAM = "IAM"
	STS = "STS"

	ClassicELB = "Elastic Load Balancing"
	ELB        = "Elastic Load Balancing v2"
)

// Table has all errors that are known; the first row that fits is it. That EC2 calls too many requests a limit, and EKS
// an invalid request, is why the order matters.
var Table = []Row{
	{"", "Throttling*", "", cloud.Throttled},
	{"", "TooManyRequestsException", "", cloud.Throttled},
	{"", "RequestLimitExceeded", "", cloud.Throttled},
	{"", "RequestThrottled*", "", cloud.Throttled},
	{EKS, "InvalidRequestException", "limit exceeded", cloud.Throttled},
	{EC2, "Client.RequestLimitExceeded", "", cloud.Throttled},

	{"", "AccessDenied*", "", cloud.Denied},
	{"", "UnauthorizedOperation", "", cloud.Denied},
	{"", "AuthFailure", "", cloud.Denied},
	{"", "InvalidClientTokenId", "", cloud.Denied},
	{"", "UnrecognizedClientException", "", cloud.Denied},
	{"", "ExpiredToken*", "", cloud.Denied},
	{"", "RequestExpired", "", cloud.Denied},
	{"", "SignatureDoesNotMatch", "", cloud.Denied},
	{"", "InvalidSignatureException", "", cloud.Denied},
	{"", "MissingAuthenticationToken*", "", cloud.Denied},
	{"", "IncompleteSignature*", "", cloud.Denied},
	{"", "OptInRequired", "", cloud.Denied},
	{STS, "RegionDisabledException", "", cloud.Denied},

	{EKS, "InvalidRequestException", "not authorized", cloud.Denied}, // to use a key

	{EKS, "ResourceInUseException", "", cloud.Conflict},
	{EKS, "InvalidRequestException", "", cloud.Conflict},
	{EKS, "InvalidStateException", "", cloud.Conflict},
	{EKS, "ResourceNotFoundException", "", cloud.NotFound},
	{EKS, "NotFoundException", "", cloud.NotFound},
	{EKS, "ResourceLimitExceededException", "", cloud.Quota},
	{EKS, "UnsupportedAvailabilityZoneException", "", cloud.Capacity},
	{EKS, "ResourcePropagationDelayException", "", cloud.Retryable},
	{EKS, "ClientException", "no cluster found", cloud.NotFound},
	{EKS, "ClientException", "", cloud.Invalid},
	{EKS, "BadRequestException", "", cloud.Invalid},
	// A role is not seen everywhere for a minute or two after it was made.
	{EKS, "InvalidParameterException", "role*does not exist", cloud.Retryable},
	{EKS, "InvalidParameterException", "could not be assumed", cloud.Retryable},
	{EKS, "InvalidParameterException", "error in role params", cloud.Retryable},
	{EKS, "InvalidParameterException", "iam role's policy must include", cloud.Retryable},
	{EKS, "InvalidParameterException", "doesn't have the amazon eks managed policies", cloud.Retryable},
	{EKS, "InvalidParameterException", "access denied to kms key", cloud.Retryable},
	{EKS, "InvalidParameterException", "", cloud.Invalid},

	{IAM, "NoSuchEntity", "not attachable", cloud.Denied}, // a policy
	{IAM, "NoSuchEntity", "", cloud.NotFound},
	{IAM, "EntityAlreadyExists", "", cloud.Conflict},
	{IAM, "DeleteConflict", "", cloud.Conflict},
	{IAM, "ConcurrentModification", "", cloud.Conflict},
	{IAM, "EntityTemporarilyUnmodifiable", "", cloud.Conflict},
	{IAM, "LimitExceeded", "", cloud.Quota},
	{IAM, "MalformedPolicyDocument", "invalid principal", cloud.Retryable}, // one that was made just now
	{IAM, "MalformedPolicyDocument", "", cloud.Invalid},
	{IAM, "InvalidInput", "", cloud.Invalid},
	{IAM, "ValidationError", "", cloud.Invalid},

	{ELB, "*NotFound", "", cloud.NotFound},
	{ELB, "ResourceInUse", "", cloud.Conflict},
	{ELB, "OperationNotPermitted", "", cloud.Conflict}, // it is protected against deletion
	{ClassicELB, "*NotFound", "", cloud.NotFound},

	{EC2, "DependencyViolation", "", cloud.Conflict},
	{EC2, "IncorrectState", "", cloud.Conflict},
	{EC2, "*.InUse", "", cloud.Conflict},
	{EC2, "VolumeInUse", "", cloud.Conflict},
	{EC2, "*.Duplicate", "", cloud.Conflict},
	{EC2, "Resource.AlreadyAssociated", "", cloud.Conflict},
	{EC2, "RouteAlreadyExists", "", cloud.Conflict},
	{EC2, "InvalidSubnet.Conflict", "", cloud.Conflict},
	{EC2, "*NotFound", "", cloud.NotFound},
	{EC2, "Gateway.NotAttached", "", cloud.NotFound},
	{EC2, "*LimitExceeded", "", cloud.Quota},
	{EC2, "Insufficient*", "", cloud.Capacity},
	{EC2, "IdempotentParameterMismatch", "", cloud.Conflict}, // it was made already, of what is not seen yet
	{EC2, "InvalidParameterValue", "already has an internet gateway", cloud.Conflict},
	{EC2, "InvalidParameter*", "", cloud.Invalid},
	{EC2, "MissingParameter", "", cloud.Invalid},
	{EC2, "*.Range", "", cloud.Invalid},
	{EC2, "*.Malformed", "", cloud.Invalid},
}

// IssueTable has the issues that EKS shows of a cluster, a node group or an add-on. What is not in it is Terminal.
var IssueTable = []Row{
	{"", "AsgInstanceLaunchFailures", "VcpuLimitExceeded", cloud.Quota},
	{"", "AsgInstanceLaunchFailures", "MaxSpotInstanceCountExceeded", cloud.Quota},
	{"", "AsgInstanceLaunchFailures", "InsufficientInstanceCapacity", cloud.Capacity},
	{"", "AsgInstanceLaunchFailures", "UnfulfillableCapacity", cloud.Capacity},
	{"", "AsgInstanceLaunchFailures", "sufficient capacity", cloud.Capacity},
	{"", "AsgInstanceLaunchFailures", "no spot capacity", cloud.Capacity},
	{"", "AutoScalingGroupRateLimitExceeded", "", cloud.Throttled}, // of all *LimitExceeded the one that passes
	{"", "*LimitExceeded", "", cloud.Quota},
	{"", "InsufficientFreeAddresses", "", cloud.Quota},
	{"", "IamThrottling", "", cloud.Throttled},
	{"", "AccessDenied", "", cloud.Denied},
	{"", "AddonPermissionFailure", "", cloud.Denied},
	{"", "*OptInRequired", "", cloud.Denied},
	{"", "KmsGrantRevoked", "", cloud.Denied},
	{"", "InternalFailure", "", cloud.Retryable},
	{"", "ClusterUnreachable", "", cloud.Retryable},
	{"", "InsufficientNumberOfReplicas", "", cloud.Retryable}, // there are no nodes yet
	{"", "*NotFound", "", cloud.NotFound},
	{"", "*DoesNotExist", "", cloud.Invalid},
	{"", "KubernetesLabelInvalid", "", cloud.Invalid},
	{"", "UnsupportedVersion", "", cloud.Invalid},
}

// Issue makes an issue of the seam of one of EKS.
func Issue(code, text string) cloud.Issue {
	i := cloud.Issue{Class: cloud.Terminal, Code: code, Message: text}
	for _, r := range IssueTable {
		if matches(r.Code, code) && (r.Text == "" || matches("*"+r.Text+"*", text)) {
			i.Class = r.Class
			break
		}
	}
	return i
}
