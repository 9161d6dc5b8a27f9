package kube

import (
	"context"
	"net/http"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"

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

// ReadConfig reads how to reach a cluster from a kubeconfig file.
func ReadConfig(path string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, &Error{Code: Invalid, Op: "read kubeconfig", Object: path, Message: err.Error(), Err: err}
	}
	return config, nil
}

// Access is how to reach a cluster as one service account of one namespace.
type Access struct {
	Endpoint string `json:"endpoint"`
	CA       []byte `json:"ca"` // PEM
	Token    string `json:"token"`
}

// tokenFor is how long a token is good: longer than any operation on a release.
const tokenFor = time.Hour

// Access makes a token for a service account. Whoever gets it can do what the account may, and no more. A server that has
// just started knows rights late, and refuses until then: it is asked first whether it is ready.
func (c *Cluster) Access(ctx context.Context, namespace, account string) (Access, error) {
	k := Key{APIVersion: "v1", Kind: "ServiceAccount", Namespace: namespace, Name: account}
	if err := c.kinds.ready(ctx); err != nil {
		return Access{}, failed("token for", k, err)
	}
	at, err := c.resource(ctx, "token for", k)
	if err != nil {
		return Access{}, err
	}
	request := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": map[string]any{"name": account},
		"spec": map[string]any{"expirationSeconds": int64(tokenFor.Seconds())},
	}}
	made, err := at.Create(ctx, request, metav1.CreateOptions{}, "token")
	if err != nil {
		return Access{}, c.failed(ctx, "token for", k, err)
	}
	token, _, _ := unstructured.NestedString(made.Object, "status", "token")
	return Access{Endpoint: c.config.Host, CA: c.config.CAData, Token: token}, nil
}
