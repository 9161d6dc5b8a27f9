package process

import (
	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
)

// errorsOfAWS are all errors that are known, each in the words of AWS or in some.
func errorsOfAWS() []provoked {
	const eks, ec2, iam, sts = awserr.EKS, awserr.EC2, awserr.IAM, awserr.STS
	refused := []provoked{
		{eks, "ThrottlingException", "Rate exceeded", cloud.Throttled, false},
		{ec2, "RequestLimitExceeded", "Request limit exceeded.", cloud.Throttled, false},
		{iam, "Throttling", "Rate exceeded", cloud.Throttled, false},
		{eks, "TooManyRequestsException", "Too many requests", cloud.Throttled, false},
		{ec2, "RequestThrottledException", "slow down", cloud.Throttled, false},
		{eks, "InvalidRequestException", "Request limit exceeded.", cloud.Throttled, false},
		{ec2, "Client.RequestLimitExceeded", "Request limit exceeded.", cloud.Throttled, false},

		{eks, "AccessDeniedException", "is not authorized to perform: eks:CreateCluster", cloud.Denied, false},
		{iam, "AccessDenied", "is not authorized to perform: iam:CreateRole", cloud.Denied, false},
		{sts, "AccessDenied", "is not authorized to perform: sts:AssumeRole", cloud.Denied, false},
		{ec2, "UnauthorizedOperation", "You are not authorized to perform this operation.", cloud.Denied, false},
		{ec2, "AuthFailure", "AWS was not able to validate the provided access credentials", cloud.Denied, false},
		{iam, "InvalidClientTokenId", "The security token included in the request is invalid", cloud.Denied, false},
		{eks, "UnrecognizedClientException", "The security token included in the request is invalid.", cloud.Denied, false},
		{eks, "ExpiredTokenException", "The security token included in the request is expired", cloud.Denied, false},
		{ec2, "RequestExpired", "Request has expired.", cloud.Denied, false},
		{iam, "SignatureDoesNotMatch", "The request signature we calculated does not match", cloud.Denied, false},
		{eks, "InvalidSignatureException", "The request signature we calculated does not match", cloud.Denied, false},
		{eks, "MissingAuthenticationTokenException", "Missing Authentication Token", cloud.Denied, false},
		{eks, "IncompleteSignatureException", "incomplete", cloud.Denied, false},
		{ec2, "OptInRequired", "You are not subscribed to this service.", cloud.Denied, false},
		{sts, "RegionDisabledException", "STS is not activated in this region", cloud.Denied, false},

		{eks, "InvalidRequestException", "User not authorized to perform kms:CreateGrant operation", cloud.Denied, false},
		{eks, "InvalidParameterException", "Access denied to KMS key x due to explicit deny policy or revoked grant", cloud.Retryable, false},

		{eks, "ResourceInUseException", "Cluster already exists", cloud.Conflict, false},
		{eks, "InvalidRequestException", "Cluster is not in ACTIVE status", cloud.Conflict, false},
		{eks, "InvalidRequestException", "Cluster c has deletion protection", cloud.Denied, false},
		{eks, "InvalidRequestException", "An update is in progress", cloud.Conflict, false},
		{eks, "InvalidRequestException", "The cluster is already at the desired configuration", cloud.Conflict, false},
		{eks, "InvalidRequestException", "Your requested instance type (m4.xlarge) is not supported in your requested Availability Zone (us-west-2d).", cloud.Invalid, false},
		{eks, "InvalidRequestException", "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP]", cloud.Invalid, false},
		{eks, "InvalidRequestException", "Nodegroups [n] must be updated to match cluster version 1.33", cloud.Invalid, false},
		{eks, "InvalidRequestException", "Cannot specify instance types in launch template and API request", cloud.Invalid, false},
		{eks, "InvalidRequestException", "'a/b' is not a valid tag key", cloud.Invalid, false},
		{eks, "InvalidRequestException", "words that nobody has met", cloud.Unknown, false},
		{eks, "InvalidStateException", "Upgrade readiness issues were detected", cloud.Invalid, false},
		{eks, "ResourceLimitExceededException", "Account has reached its limit of clusters", cloud.Quota, false},
		{eks, "UnsupportedAvailabilityZoneException", "Cannot create cluster because the targeted zone does not have capacity", cloud.Capacity, false},
		{eks, "UnsupportedAvailabilityZoneException", "Subnets are in us-east-1e, which EKS does not support", cloud.Invalid, false},
		{eks, "ResourcePropagationDelayException", "the service-linked role is not there yet", cloud.Retryable, false},
		{eks, "ClientException", "something", cloud.Invalid, false},
		{eks, "ClientException", "the principal has no permission for this", cloud.Denied, false},
		{eks, "ClientException", "not authorized to use it", cloud.Denied, false},
		{eks, "BadRequestException", "something", cloud.Invalid, false},
		{eks, "InvalidParameterException", "unsupported Kubernetes version", cloud.Invalid, false},
		{eks, "InvalidParameterException", "Cluster is already at the desired configuration", cloud.Conflict, false},
		{eks, "ServerException", "Internal server error", cloud.Retryable, false},
		{eks, "ServiceUnavailableException", "Service unavailable", cloud.Retryable, false},
		{eks, "ResourceNotFoundException", "what it needs is not there", cloud.NotFound, false},
		{eks, "NotFoundException", "what it needs is not there", cloud.NotFound, false},
		{eks, "ClientException", "No cluster found for name", cloud.NotFound, false},
		{eks, "InvalidParameterException", "Role with arn x does not exist", cloud.Retryable, false},
		{eks, "InvalidParameterException", "Role could not be assumed", cloud.Retryable, false},
		{eks, "InvalidParameterException", "Error in role params", cloud.Retryable, false},
		{eks, "InvalidParameterException", "IAM role's policy must include", cloud.Retryable, false},
		{eks, "InvalidParameterException", "doesn't have the Amazon EKS Managed Policies", cloud.Retryable, false},

		{iam, "NoSuchEntity", "cannot be found", cloud.NotFound, false},
		{iam, "NoSuchEntity", "Scope ARN: x does not exist or is not attachable.", cloud.Denied, false},
		{iam, "DeleteConflict", "Cannot delete", cloud.Conflict, false},
		{iam, "ConcurrentModification", "try again", cloud.Conflict, false},
		{iam, "EntityTemporarilyUnmodifiable", "try again", cloud.Conflict, false},
		{iam, "LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1000", cloud.Quota, false},
		{iam, "PolicyNotAttachable", "a policy of a service's own", cloud.Invalid, false},
		{iam, "UnmodifiableEntity", "a role of a service's own", cloud.Denied, false},
		{iam, "OpenIdIdpCommunicationError", "no connection to the issuer", cloud.Retryable, false},
		{iam, "MalformedPolicyDocument", "Invalid principal in policy", cloud.Retryable, false},
		{iam, "MalformedPolicyDocument", "Syntax errors in policy.", cloud.Invalid, false},
		{iam, "InvalidInput", "something", cloud.Invalid, false},
		{iam, "ValidationError", "something", cloud.Invalid, false},
		{iam, "ServiceFailure", "Internal failure", cloud.Retryable, false},
		{iam, "EntityAlreadyExists", "Role already exists.", cloud.Conflict, false},

		{ec2, "DependencyViolation", "has dependencies", cloud.Conflict, false},
		{ec2, "IncorrectState", "not in a valid state", cloud.Conflict, false},
		{ec2, "InvalidGroup.InUse", "is in use", cloud.Conflict, false},
		{ec2, "VolumeInUse", "Volume is currently attached", cloud.Conflict, false},
		{ec2, "InvalidGroup.Duplicate", "already exists", cloud.Conflict, false},
		{ec2, "Resource.AlreadyAssociated", "is already associated", cloud.Conflict, false},
		{ec2, "RouteAlreadyExists", "already exists", cloud.Conflict, false},
		{ec2, "InvalidSubnet.Conflict", "conflicts with another subnet", cloud.Conflict, false},
		{ec2, "InvalidVpcID.NotFound", "does not exist", cloud.NotFound, false},
		{ec2, "Gateway.NotAttached", "is not attached", cloud.NotFound, false},
		{ec2, "VpcLimitExceeded", "The maximum number of VPCs has been reached.", cloud.Quota, false},
		{ec2, "InsufficientAddressCapacity", "Not enough addresses", cloud.Capacity, false},
		{ec2, "IdempotentParameterMismatch", "with another request", cloud.Conflict, false},
		{ec2, "InvalidParameterValue", "Network already has an internet gateway attached", cloud.Conflict, false},
		{ec2, "InvalidParameterValue", "something", cloud.Invalid, false},
		{ec2, "MissingParameter", "something", cloud.Invalid, false},
		{ec2, "InvalidVpc.Range", "The CIDR is invalid.", cloud.Invalid, false},
		{ec2, "InvalidVpcID.Malformed", "Invalid id", cloud.Invalid, false},
		{ec2, "InternalError", "An internal error has occurred", cloud.Retryable, false},
		{ec2, "Unavailable", "The service is unavailable", cloud.Retryable, false},
		{ec2, "SomethingNew", "never seen", cloud.Unknown, false},
	}
	return append(refused, issuesOfEKS()...)
}

// issuesOfEKS are what node groups, clusters and add-ons say of themselves.
func issuesOfEKS() (all []provoked) {
	const launch = "AsgInstanceLaunchFailures"
	for _, i := range []struct {
		code, text string
		class      cloud.Class
	}{
		{launch, "Could not launch. Unsupported - Your requested instance type (p3.2xlarge) is not supported in your requested Availability Zone", cloud.Invalid},
		{launch, "Could not launch. VcpuLimitExceeded", cloud.Quota},
		{launch, "Could not launch. MaxSpotInstanceCountExceeded", cloud.Quota},
		{launch, "Could not launch. InsufficientInstanceCapacity", cloud.Capacity},
		{launch, "Could not launch. UnfulfillableCapacity", cloud.Capacity},
		{launch, "we do not have sufficient capacity", cloud.Capacity},
		{launch, "there is no spot capacity", cloud.Capacity},
		{launch, "Could not launch. InvalidKey", cloud.Terminal},
		{"InstanceLimitExceeded", "more instances than your limit", cloud.Quota},
		{"IamLimitExceeded", "too many instance profiles", cloud.Quota},
		{"InsufficientFreeAddresses", "subnets are full", cloud.Quota},
		{"AutoScalingGroupRateLimitExceeded", "too many calls", cloud.Throttled},
		{"IamThrottling", "rate", cloud.Throttled},
		{"AccessDenied", "nodes cannot join", cloud.Denied},
		{"AddonPermissionFailure", "no right", cloud.Denied},
		{"Ec2SubnetOptInRequired", "opt in", cloud.Denied},
		{"KmsGrantRevoked", "the key", cloud.Denied},
		{"KmsKeyDisabled", "the key", cloud.Denied},
		{"Ec2ServiceNotSubscribed", "subscribe", cloud.Denied},
		{"AddonSubscriptionNeeded", "subscribe", cloud.Denied},
		{"StsRegionalEndpointDisabled", "enable it", cloud.Denied},
		{"AdmissionRequestDenied", "a webhook", cloud.Denied},
		{"AutoScalingGroupInstanceRefreshActive", "a refresh", cloud.Conflict},
		{"Ec2SecurityGroupDeletionFailure", "in use", cloud.Conflict},
		{"UnsupportedAddonModification", "field", cloud.Invalid},
		{"Ec2SubnetInvalidConfiguration", "no public addresses", cloud.Invalid},
		{"ConfigurationConflict", "field", cloud.Invalid},
		{"AutoScalingGroupInvalidConfiguration", "changed by hand", cloud.Terminal},
		{"Ec2LaunchTemplateVersionMismatch", "changed by hand", cloud.Terminal},
		{"PodEvictionFailure", "a budget", cloud.Terminal},
		{"Unknown", "unknown", cloud.Terminal},
		{"Other", "other", cloud.Terminal},
		{"InternalFailure", "internal", cloud.Retryable},
		{"ClusterUnreachable", "unreachable", cloud.Retryable},
		{"InsufficientNumberOfReplicas", "no nodes", cloud.Retryable},
		{"Ec2SubnetNotFound", "subnet", cloud.NotFound},
		{"Ec2InstanceTypeDoesNotExist", "instance type", cloud.Invalid},
		{"KubernetesLabelInvalid", "label", cloud.Invalid},
		{"UnsupportedVersion", "version", cloud.Invalid},
		{"NodeCreationFailure", "instances failed to join", cloud.Terminal},
	} {
		all = append(all, provoked{awserr.EKS, i.code, i.text, i.class, true})
	}
	return all
}
