package kube_test

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
)

// repository is one that wants a login and has a certificate of its own. It has web 1.0.0 and, in its index alone, 1.1.0.
func repository(t *testing.T) (url string, login helm.Login) {
	t.Helper()
	var server *httptest.Server
	server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "ann" || password != "hunter22" {
			http.Error(w, "who are you, "+password, http.StatusUnauthorized)
			return
		}
		switch r.URL.Path {
		case "/index.yaml":
			fmt.Fprintf(w, "apiVersion: v1\nentries:\n  web:\n  - {apiVersion: v2, name: web, version: 1.0.0, urls: [%[1]s/web-1.0.0.tgz]}\n  - {apiVersion: v2, name: web, version: 1.1.0, urls: [%[1]s/web-1.1.0.tgz]}\n", server.URL)
		case "/web-1.0.0.tgz":
			_, _ = w.Write(web("1.0.0", nil))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, helm.Login{Username: "ann", Password: "hunter22", CA: certificate(server)}
}

func certificate(of *httptest.Server) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: of.Certificate().Raw}))
}

// The chart comes with the right login, at exactly the version, and with a wrong one the password is in no message.
func TestPrivateRepository(t *testing.T) {
	url, login := repository(t)
	q := helm.Request{Op: helm.Render, Stored: &helm.Stored{Version: "1.36"}, Release: "web", Namespace: "n", Owner: "o", Within: time.Minute,
		Chart: helm.Chart{Name: "web", Version: "1.0.0", Repository: url, Login: login}}
	r, err := releases.Run(t.Context(), "ann", q)
	if err != nil || len(r.Objects) != 1 || r.Objects[0].Kind() != "Deployment" {
		t.Fatal(r, err)
	}
	for _, row := range []struct {
		name   string
		change func(*helm.Request)
	}{
		{"a wrong password", func(q *helm.Request) { q.Chart.Login.Password = "hunter23" }},
		{"no such version", func(q *helm.Request) { q.Chart.Version = "2.0.0" }},
		{"a certificate nobody knows", func(q *helm.Request) { q.Chart.Login.CA = "" }},
		{"no https", func(q *helm.Request) { q.Chart.Repository = "http" + strings.TrimPrefix(url, "https") }},
	} {
		wrong := q
		row.change(&wrong)
		_, err := releases.Run(t.Context(), "ann", wrong)
		if code := kube.CodeOf(err); code != kube.Invalid && code != kube.Unavailable || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}
