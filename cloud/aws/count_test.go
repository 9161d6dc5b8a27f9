package aws_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws"
)

// refusing answers each request as AWS does that refuses it.
type refusing struct{}

func (refusing) RoundTrip(q *http.Request) (*http.Response, error) {
	body := `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`
	return &http.Response{StatusCode: http.StatusForbidden, Request: q, Header: http.Header{"Content-Type": {"text/xml"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// Each request to AWS is counted by its service and operation, with the class of its error.
func TestRequestsAreCounted(t *testing.T) {
	var counted []string
	p := aws.New(aws.Options{
		Config: awssdk.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""), HTTPClient: &http.Client{Transport: refusing{}}},
		Count: func(op, class string, took time.Duration) {
			if took <= 0 {
				t.Errorf("%s took %s", op, took)
			}
			counted = append(counted, op+" "+class)
		},
	})
	if err := p.Check(t.Context(), cloud.Account{ID: "111122223333"}); err == nil {
		t.Error("it was refused, and there is no error")
	}
	if !slices.Equal(counted, []string{"STS.GetCallerIdentity denied"}) {
		t.Errorf("counted %q", counted)
	}
}
