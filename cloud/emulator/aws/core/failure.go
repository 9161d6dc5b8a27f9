package core

import (
	"fmt"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
)

// Failure is a refusal in the words of AWS.
type Failure struct {
	Status        int
	Code, Message string
	Fields        Doc // more of an EKS error
	RetryAfter    time.Duration
}

// Error implements error.
func (f *Failure) Error() string { return f.Code + ": " + f.Message }

// statuses are those that are not 400, by code.
var statuses = map[string]int{
	"ResourceInUseException": 409, "ResourceNotFoundException": 404, "ThrottlingException": 429, "AccessDeniedException": 403,
	"ServerException": 500, "ServiceUnavailableException": 503, "ResourcePropagationDelayException": 428,
	"ExpiredTokenException": 403, "UnrecognizedClientException": 403, "InvalidSignatureException": 403, "NotFoundException": 404,

	"UnauthorizedOperation": 403, "AuthFailure": 401, "RequestLimitExceeded": 503, "InternalError": 500, "Unavailable": 503,
	"DryRunOperation": 412,

	"EntityAlreadyExists": 409, "NoSuchEntity": 404, "DeleteConflict": 409, "LimitExceeded": 409, "AccessDenied": 403,
	"KMSInternalException": 500, "ServiceFailure": 500, "ExpiredToken": 403, "InvalidClientTokenId": 403, "SignatureDoesNotMatch": 403,
	"MissingAuthenticationToken": 403, "EntityTemporarilyUnmodifiable": 409, "InternalFailure": 500,
}

func statusOf(code string) int {
	if s, ok := statuses[code]; ok {
		return s
	}
	return 400
}

// Fail is the refusal with a code. Its status is that of the code.
func Fail(code, format string, args ...any) *Failure {
	return &Failure{Status: statusOf(code), Code: code, Message: fmt.Sprintf(format, args...)}
}

// About adds fields to an EKS failure.
func (f *Failure) About(fields Doc) *Failure {
	f.Fields = fields
	return f
}

// Words are what one service says where the others say the same in other words.
type Words struct{ Throttled, Denied, Expired, UnknownKey, BadSignature, Unsigned, Internal, NoAction string }

// Wording has the words of each service.
var Wording = map[string]Words{
	"ec2":                  {"RequestLimitExceeded", "UnauthorizedOperation", "RequestExpired", "AuthFailure", "AuthFailure", "MissingParameter", "InternalError", "InvalidAction"},
	"iam":                  {"Throttling", "AccessDenied", "ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch", "MissingAuthenticationToken", "ServiceFailure", "InvalidAction"},
	"sts":                  {"Throttling", "AccessDenied", "ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch", "MissingAuthenticationToken", "InternalFailure", "InvalidAction"},
	"elasticloadbalancing": {"Throttling", "AccessDenied", "ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch", "MissingAuthenticationToken", "InternalFailure", "InvalidAction"},
	"kms":                  {"ThrottlingException", "AccessDeniedException", "ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException", "MissingAuthenticationTokenException", "KMSInternalException", "UnknownOperationException"},
	"eks":                  {"ThrottlingException", "AccessDeniedException", "ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException", "MissingAuthenticationTokenException", "ServerException", "NotFoundException"},
}

// throttleText is what each service says of too many calls.
var throttleText = map[string]string{"ec2": "Request limit exceeded.", "iam": "Rate exceeded", "sts": "Rate exceeded", "elasticloadbalancing": "Rate exceeded", "eks": "Rate exceeded", "kms": "Rate exceeded"}

// FromFault is the failure that a fault is.
func FromFault(service string, f emulator.Fault) *Failure {
	out := Fail(f.Code, "%s", f.Message)
	if f.Throttle {
		out = Fail(Wording[service].Throttled, "%s", throttleText[service])
	}
	if f.Status != 0 {
		out.Status = f.Status
	}
	out.RetryAfter = f.RetryAfter.Duration
	return out
}
