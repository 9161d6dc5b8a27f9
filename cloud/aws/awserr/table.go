package awserr

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

// Table has all errors that are known, as the SDK's documents tell them; the first row that fits is it. Where a code means
// several things its rows tell them by text, the last of them what the documents say of the code. That EC2 calls too many
// requests a limit, and EKS an invalid request, is why the order matters. What is in no row is Unknown.
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

	{"", "ServiceUnavailable*", "", cloud.Retryable},
	{"", "Unavailable", "", cloud.Retryable},
	{"", "Internal*", "", cloud.Retryable}, // InternalError, InternalFailure
	{EKS, "ServerException", "", cloud.Retryable},
	{IAM, "ServiceFailure", "", cloud.Retryable},

	// "Invalid given the state of the cluster": only a state that passes is waited for.
	{EKS, "InvalidRequestException", "not authorized", cloud.Denied}, // to use a key
	{EKS, "InvalidRequestException", "deletion protection", cloud.Denied},
	{EKS, "InvalidRequestException", "not in active", cloud.Conflict},
	{EKS, "InvalidRequestException", "in progress", cloud.Conflict},
	{EKS, "InvalidRequestException", "already at the desired configuration", cloud.Conflict}, // another call was faster: look again
	{EKS, "InvalidRequestException", "not supported", cloud.Invalid},                         // a machine type in a zone
	{EKS, "InvalidRequestException", "authentication mode must be", cloud.Invalid},           // of a cluster that was adopted
	{EKS, "InvalidRequestException", "must be updated to match", cloud.Invalid},              // node groups that are too old
	{EKS, "InvalidRequestException", "cannot specify", cloud.Invalid},
	{EKS, "InvalidRequestException", "not a valid", cloud.Invalid},

	{EKS, "ResourceInUseException", "", cloud.Conflict},
	{EKS, "InvalidStateException", "", cloud.Invalid}, // what is in the way of an upgrade, and a person can mend
	{EKS, "ResourceNotFoundException", "", cloud.NotFound},
	{EKS, "NotFoundException", "", cloud.NotFound},
	{EKS, "ResourceLimitExceededException", "", cloud.Quota},
	{EKS, "UnsupportedAvailabilityZoneException", "capacity", cloud.Capacity},
	{EKS, "UnsupportedAvailabilityZoneException", "", cloud.Invalid}, // EKS is not in the zone of a subnet
	{EKS, "ResourcePropagationDelayException", "", cloud.Retryable},
	{EKS, "ClientException", "no cluster found", cloud.NotFound},
	{EKS, "ClientException", "permission", cloud.Denied},
	{EKS, "ClientException", "not authorized", cloud.Denied},
	{EKS, "ClientException", "", cloud.Invalid},
	{EKS, "BadRequestException", "", cloud.Invalid},
	// A role is not seen everywhere for a minute or two after it was made.
	{EKS, "InvalidParameterException", "role*does not exist", cloud.Retryable},
	{EKS, "InvalidParameterException", "could not be assumed", cloud.Retryable},
	{EKS, "InvalidParameterException", "error in role params", cloud.Retryable},
	{EKS, "InvalidParameterException", "iam role's policy must include", cloud.Retryable},
	{EKS, "InvalidParameterException", "doesn't have the amazon eks managed policies", cloud.Retryable},
	{EKS, "InvalidParameterException", "access denied to kms key", cloud.Retryable},
	{EKS, "InvalidParameterException", "already at the desired configuration", cloud.Conflict},
	{EKS, "InvalidParameterException", "", cloud.Invalid},

	{IAM, "NoSuchEntity", "not attachable", cloud.Denied}, // a policy
	{IAM, "NoSuchEntity", "", cloud.NotFound},
	{IAM, "EntityAlreadyExists", "", cloud.Conflict},
	{IAM, "DeleteConflict", "", cloud.Conflict},
	{IAM, "ConcurrentModification", "", cloud.Conflict},
	{IAM, "EntityTemporarilyUnmodifiable", "", cloud.Conflict},
	{IAM, "LimitExceeded", "", cloud.Quota},
	{IAM, "PolicyNotAttachable", "", cloud.Invalid},
	{IAM, "UnmodifiableEntity", "", cloud.Denied},
	{IAM, "OpenIdIdpCommunicationError", "", cloud.Retryable},              // IAM does not reach the cluster's issuer
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

// IssueTable has the issues that EKS shows of a cluster, a node group or an add-on, each code that the SDK knows. What is
// not in it is Terminal: it was tried and has failed.
var IssueTable = []Row{
	{"", "AsgInstanceLaunchFailures", "not supported", cloud.Invalid}, // a machine type in a zone
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
	{"", "*NotSubscribed", "", cloud.Denied},
	{"", "AddonSubscriptionNeeded", "", cloud.Denied},
	{"", "StsRegionalEndpointDisabled", "", cloud.Denied},
	{"", "Kms*", "", cloud.Denied}, // the key is gone, disabled, to be deleted, or not ours to use
	{"", "InternalFailure", "", cloud.Retryable},
	{"", "ClusterUnreachable", "", cloud.Retryable},
	{"", "InsufficientNumberOfReplicas", "", cloud.Retryable}, // there are no nodes yet
	{"", "*NotFound", "", cloud.NotFound},
	{"", "*DoesNotExist", "", cloud.Invalid},
	{"", "KubernetesLabelInvalid", "", cloud.Invalid},
	{"", "UnsupportedVersion", "", cloud.Invalid},
	{"", "UnsupportedAddonModification", "", cloud.Invalid},
	{"", "Ec2Subnet*", "", cloud.Invalid}, // how a subnet that was given is set up
	{"", "ConfigurationConflict", "", cloud.Invalid},
	{"", "AdmissionRequestDenied", "", cloud.Denied},
	{"", "AutoScalingGroupInstanceRefreshActive", "", cloud.Conflict},
	{"", "*DeletionFailure", "", cloud.Conflict}, // something is still in it
	{"", "AutoScalingGroupInvalidConfiguration", "", cloud.Terminal},
	{"", "Ec2LaunchTemplate*", "", cloud.Terminal},
	{"", "AsgInstanceLaunchFailures", "", cloud.Terminal},
	{"", "Node*Failure", "", cloud.Terminal}, // a machine does not come up, or does not go
	{"", "PodEvictionFailure", "", cloud.Terminal},
	{"", "Unknown", "", cloud.Terminal},
	{"", "Other", "", cloud.Terminal},
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
