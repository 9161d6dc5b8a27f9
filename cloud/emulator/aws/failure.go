package aws

import (
	"fmt"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
)

// failure is a refusal in the words of AWS.
type failure struct {
	status        int
	code, message string
	fields        doc // more of an EKS error
	retryAfter    time.Duration
}

func (f *failure) Error() string { return f.code + ": " + f.message }

// statuses are those that are not 400, by code.
var statuses = map[string]int{
	"ResourceInUseException": 409, "ResourceNotFoundException": 404, "ThrottlingException": 429, "AccessDeniedException": 403,
	"ServerException": 500, "ServiceUnavailableException": 503, "ResourcePropagationDelayException": 428,
	"ExpiredTokenException": 403, "UnrecognizedClientException": 403, "InvalidSignatureException": 403, "NotFoundException": 404,

	"UnauthorizedOperation": 403, "AuthFailure": 401, "RequestLimitExceeded": 503, "InternalError": 500, "Unavailable": 503,
	"DryRunOperation": 412,

	"EntityAlreadyExists": 409, "NoSuchEntity": 404, "DeleteConflict": 409, "LimitExceeded": 409, "AccessDenied": 403,
	"ServiceFailure": 500, "ExpiredToken": 403, "InvalidClientTokenId": 403, "SignatureDoesNotMatch": 403,
	"MissingAuthenticationToken": 403, "EntityTemporarilyUnmodifiable": 409, "InternalFailure": 500,
}

func statusOf(code string) int {
	if s, ok := statuses[code]; ok {
		return s
	}
	return 400
}

func fail(code, format string, args ...any) *failure {
	return &failure{status: statusOf(code), code: code, message: fmt.Sprintf(format, args...)}
}

// about adds fields to an EKS failure.
func (f *failure) about(fields doc) *failure {
	f.fields = fields
	return f
}

// words are what one service says where the others say the same in other words.
type words struct{ throttled, denied, expired, unknownKey, badSignature, unsigned, internal, noAction string }

var saying = map[string]words{
	"ec2":                  {"RequestLimitExceeded", "UnauthorizedOperation", "RequestExpired", "AuthFailure", "AuthFailure", "MissingParameter", "InternalError", "InvalidAction"},
	"iam":                  {"Throttling", "AccessDenied", "ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch", "MissingAuthenticationToken", "ServiceFailure", "InvalidAction"},
	"sts":                  {"Throttling", "AccessDenied", "ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch", "MissingAuthenticationToken", "InternalFailure", "InvalidAction"},
	"elasticloadbalancing": {"Throttling", "AccessDenied", "ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch", "MissingAuthenticationToken", "InternalFailure", "InvalidAction"},
	"eks":                  {"ThrottlingException", "AccessDeniedException", "ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException", "MissingAuthenticationTokenException", "ServerException", "NotFoundException"},
}

// throttleText is what each service says of too many calls.
var throttleText = map[string]string{"ec2": "Request limit exceeded.", "iam": "Rate exceeded", "sts": "Rate exceeded", "elasticloadbalancing": "Rate exceeded", "eks": "Rate exceeded"}

// struck is the failure that a fault is.
func struck(service string, f emulator.Fault) *failure {
	out := fail(f.Code, "%s", f.Message)
	if f.Throttle {
		out = fail(saying[service].throttled, "%s", throttleText[service])
	}
	if f.Status != 0 {
		out.status = f.Status
	}
	out.retryAfter = f.RetryAfter.Duration
	return out
}
