package aws

import (
	"bytes"
	"io"
	"net/http"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
)

// whole hands each request's body over as a copy. The SDK lets go of its own as soon as there is an answer; where that
// comes from next door Go's client may not be through with looking for the body's end, and then closes the connection
// under the answer: once in two thousand calls on one machine.
type whole struct{ client awssdk.HTTPClient }

// Do implements awssdk.HTTPClient.
func (w whole) Do(q *http.Request) (*http.Response, error) {
	if q.Body == nil || q.Body == http.NoBody {
		return w.client.Do(q)
	}
	data, err := io.ReadAll(q.Body)
	if err != nil {
		return nil, err
	}
	q = q.Clone(q.Context())
	q.Body = io.NopCloser(bytes.NewReader(data))
	return w.client.Do(q)
}
