package kube_test

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
)

// rude is a server that reads each request and resets the connection.
func rude(t *testing.T) *kube.Cluster {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		line := c.(*tls.Conn).NetConn().(*net.TCPConn)
		_, _ = line.SetLinger(0), line.Close() // without a word of TLS
	}))
	t.Cleanup(s.Close)
	api, err := kube.Connect(s.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), nil)
	kubetest.Must(t, err)
	return api
}

// Two calls that get no answer fail from two ports, and read the same: the second is no news.
func TestTheSameFailureReadsTheSame(t *testing.T) {
	api := rude(t)
	words, raw := map[string]bool{}, map[string]bool{}
	for range 3 {
		_, err := api.Get(t.Context(), "v1", "Namespace", "", "a")
		kubetest.Is(t, kube.Unavailable, err)
		words[err.Error()], raw[fmt.Sprint(errors.Unwrap(err))] = true, true
	}
	if len(words) != 1 || len(raw) != 3 {
		t.Errorf("%d ways to say it: %v; what differs: %v", len(words), words, raw)
	}
}

func TestNormalizedMessages(t *testing.T) {
	for message, want := range map[string]string{
		`Get "https://h:6443/api": read tcp 127.0.0.1:41234->127.0.0.1:6443: read: connection reset by peer`:                 `Get "https://h:6443/api": read tcp: read: connection reset by peer`,
		`dial tcp [::1]:6443: connect: connection refused`:                                                                   `dial tcp: connect: connection refused`,
		`dial tcp: lookup eks.example on 10.0.0.2:53: read udp 10.0.0.7:5353->10.0.0.2:53: i/o timeout`:                      `dial tcp: lookup eks.example: read udp: i/o timeout`,
		`http2: server sent GOAWAY and closed the connection; LastStreamID=1999, ErrCode=NO_ERROR, debug=""`:                 `http2: server sent GOAWAY and closed the connection; ErrCode=NO_ERROR, debug=""`,
		`stream error: stream ID 43; INTERNAL_ERROR; received from peer`:                                                     `stream error: INTERNAL_ERROR; received from peer`,
		`x509: certificate has expired or is not yet valid: current time 2026-11-25T14:52:02Z is after 2026-11-24T00:00:00Z`: `x509: certificate has expired or is not yet valid: it is after 2026-11-24T00:00:00Z`,
		`the server is currently unable to handle the request`:                                                               `the server is currently unable to handle the request`,
	} {
		err := &kube.Error{Code: kube.Unavailable, Op: "get", Message: message}
		if got := err.Error(); got != "get: unavailable: "+want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	if err := (&kube.Error{Code: kube.Invalid, Op: "get", Message: "tcp 1.2.3.4:5: x"}); err.Error() != "get: invalid: tcp 1.2.3.4:5: x" {
		t.Error("an answer was changed:", err)
	}
}
