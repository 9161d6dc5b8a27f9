// Package awserr says what the errors of AWS mean, in the classes of the seam.
//
// It makes no calls and retries nothing: it sorts errors, and whoever gets the class acts on it. Begin
// with Of, which makes a cloud.Error of an error of the SDK; table.go has the codes of each service
// and their classes. The table is never changed and the functions keep nothing, so all may run at
// once, and nothing is left after a crash.
package awserr

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/aeriehq/aerie/cloud"
)

// Of makes an *cloud.Error of an error of the SDK, under the name of our own call. Nil stays nil, and what is one already
// keeps everything but the name.
func Of(op string, err error) error {
	var ours *cloud.Error
	var api smithy.APIError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ours):
		named := *ours
		named.Op = op
		return &named
	case errors.As(err, &api):
		return &cloud.Error{
			Class: classOf(err, api), Op: op, Code: api.ErrorCode(),
			Message: api.ErrorMessage(), RequestID: requestID(err), RetryAfter: retryAfter(err), Refused: refused(err), Err: err,
		}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &cloud.Error{Class: cloud.Retryable, Op: op, Code: "Cancelled", Message: err.Error(), Err: err}
	case noCredentials(err):
		return &cloud.Error{Class: cloud.Denied, Op: op, Code: "NoCredentials", Message: "no credentials for AWS were found: " + err.Error(), Err: err}
	}
	return &cloud.Error{Class: cloud.Retryable, Op: op, Code: "Unreachable", Message: unanswered(err), RequestID: requestID(err), Err: err}
}

// Gone tells whether an error says that something is not there.
func Gone(err error) bool { return cloud.ClassOf(Of("", err)) == cloud.NotFound }

// UnlessGone makes nothing of the error that something is not there.
func UnlessGone(err error) error {
	if Gone(err) {
		return nil
	}
	return err
}

// Is tells an error of the SDK by its code, in which * stands for anything.
func Is(err error, codes ...string) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	for _, c := range codes {
		if matches(c, api.ErrorCode()) {
			return true
		}
	}
	return false
}

// classOf is the class of a refusal. One that the table does not know is passing trouble if AWS takes the blame.
func classOf(err error, api smithy.APIError) cloud.Class {
	class := Class(service(err), api.ErrorCode(), api.ErrorMessage())
	var response *awshttp.ResponseError
	if class == cloud.Unknown && errors.As(err, &response) && response.HTTPStatusCode() >= http.StatusInternalServerError {
		return cloud.Retryable
	}
	return class
}

// refused tells whether AWS answered that it did not do what was asked. An error of its own, other than that it is
// unavailable, leaves open what became of the call.
func refused(err error) bool {
	var response *awshttp.ResponseError
	if !errors.As(err, &response) {
		return false
	}
	status := response.HTTPStatusCode()
	return status < http.StatusInternalServerError || status == http.StatusServiceUnavailable
}

// Class looks a refusal up in the table.
func Class(service, code, message string) cloud.Class {
	for _, r := range Table {
		if r.Is(service, code) && (r.Text == "" || matches("*"+strings.ToLower(r.Text)+"*", strings.ToLower(message))) {
			return r.Class
		}
	}
	return cloud.Unknown
}

// Is tells whether the row is about a code of a service, whatever its text.
func (r Row) Is(service, code string) bool {
	return (r.Service == "" || r.Service == service) && matches(r.Code, code)
}

// matches is path.Match of a pattern of our own over a text that may have slashes.
func matches(pattern, text string) bool {
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", "|"), strings.ReplaceAll(text, "/", "|"))
	return ok && err == nil
}

// service is the id of the service that refused: of credentials that could not be had it is that of STS.
func service(err error) (id string) {
	for {
		var op *smithy.OperationError
		if !errors.As(err, &op) {
			return id
		}
		id, err = op.ServiceID, op.Err
	}
}

// requestID is by which AWS finds a request.
func requestID(err error) string {
	var response *awshttp.ResponseError
	if !errors.As(err, &response) {
		return ""
	}
	return response.ServiceRequestID()
}

// unanswered says what became of a call that has no answer, or none that can be read, without ports and request ids:
// those differ each time.
func unanswered(err error) string {
	var call *smithy.OperationError
	if !errors.As(err, &call) {
		return err.Error()
	}
	return call.ServiceID + " " + call.OperationName + ": " + cause(call.Err)
}

func cause(err error) string {
	var name *net.DNSError
	var line *net.OpError
	var request *url.Error
	var response *awshttp.ResponseError
	switch {
	case errors.As(err, &name):
		return "the address of " + name.Name + " could not be found"
	case errors.As(err, &line):
		return line.Op + ": " + line.Err.Error()
	case errors.As(err, &request):
		return request.Err.Error()
	case errors.As(err, &response):
		return fmt.Sprintf("status %d: %v", response.HTTPStatusCode(), response.Err)
	}
	return err.Error()
}

func retryAfter(err error) time.Duration {
	var response *awshttp.ResponseError
	if !errors.As(err, &response) || response.Response == nil || response.Response.Response == nil {
		return 0
	}
	seconds, err := strconv.Atoi(http.Header.Get(response.Response.Header, "Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// noCredentials tells that the SDK's chain of credentials ended empty. The SDK has no error of its own for that.
func noCredentials(err error) bool {
	return strings.Contains(err.Error(), "get credentials") && (strings.Contains(err.Error(), "no EC2 IMDS role found") ||
		strings.Contains(err.Error(), "access disabled to EC2 IMDS") || strings.Contains(err.Error(), "static credentials are empty") ||
		strings.Contains(err.Error(), "failed to refresh cached credentials"))
}
