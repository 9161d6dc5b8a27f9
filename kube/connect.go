package kube

import (
	"context"
	"net/http"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// TokenSource makes a bearer token and says until when it is good.
type TokenSource func(context.Context) (token string, until time.Time, err error)

// Connect is the API at an endpoint whose authority is known. Tokens are made when they are needed and kept while they
// are good; without a source none is sent.
func Connect(endpoint string, ca []byte, tokens TokenSource) (*Cluster, error) {
	config := &rest.Config{Host: endpoint, TLSClientConfig: rest.TLSClientConfig{CAData: ca}}
	if tokens != nil {
		config.WrapTransport = func(next http.RoundTripper) http.RoundTripper {
			return &bearer{next: next, tokens: tokens}
		}
	}
	return NewCluster(config)
}

// early is how long before its end a token is made anew.
const early = time.Minute

// bearer sends a token with each request.
type bearer struct {
	next   http.RoundTripper
	tokens TokenSource
	mu     sync.Mutex
	token  string
	until  time.Time
}

// RoundTrip implements http.RoundTripper. A token that the API does not take is made anew for the next request.
func (b *bearer) RoundTrip(q *http.Request) (*http.Response, error) {
	token, err := b.current(q.Context())
	if err != nil {
		return nil, err
	}
	q = q.Clone(q.Context())
	q.Header.Set("Authorization", "Bearer "+token)
	answer, err := b.next.RoundTrip(q)
	if err == nil && answer.StatusCode == http.StatusUnauthorized {
		b.drop(token)
	}
	return answer, err
}

func (b *bearer) current(ctx context.Context) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.token != "" && time.Now().Add(early).Before(b.until) {
		return b.token, nil
	}
	var err error
	b.token, b.until, err = b.tokens(ctx)
	return b.token, err
}

func (b *bearer) drop(token string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.token == token {
		b.token = ""
	}
}
