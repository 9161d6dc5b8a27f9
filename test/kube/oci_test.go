package kube_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
)

// registry is an OCI registry to pull from, over TLS and with basic authentication. It has chart web 1.0.0 for each user,
// and every user's is another: whoever gets another's sees it.
func registry(t *testing.T, passwords map[string]string) *httptest.Server {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if password == "" || passwords[user] != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="charts"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
			return
		}
		serveChart(w, r, web("1.0.0", map[string]string{"templates/mine.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: of-" + user + "}\n"}))
	}))
	t.Cleanup(server.Close)
	return server
}

// serveChart answers what a client asks of the repository charts/web to pull a chart.
func serveChart(w http.ResponseWriter, r *http.Request, chart []byte) {
	config := []byte(`{"name":"web","version":"1.0.0","apiVersion":"v2"}`)
	manifest, _ := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": descriptor("application/vnd.cncf.helm.config.v1+json", config),
		"layers": []any{descriptor("application/vnd.cncf.helm.chart.content.v1.tar+gzip", chart)}})
	blobs := map[string][]byte{digest(config): config, digest(chart): chart}
	name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	var body []byte
	switch {
	case r.URL.Path == "/v2/":
	case r.URL.Path == "/v2/charts/web/manifests/1.0.0", r.URL.Path == "/v2/charts/web/manifests/"+digest(manifest):
		w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		w.Header().Set("Docker-Content-Digest", digest(manifest))
		body = manifest
	case r.URL.Path == "/v2/charts/web/tags/list":
		body = []byte(`{"name":"charts/web","tags":["1.0.0"]}`)
	case strings.HasPrefix(r.URL.Path, "/v2/charts/web/blobs/") && blobs[name] != nil:
		w.Header().Set("Docker-Content-Digest", name)
		body = blobs[name]
	default:
		http.Error(w, `{"errors":[{"code":"MANIFEST_UNKNOWN"}]}`, http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

func descriptor(mediaType string, body []byte) map[string]any {
	return map[string]any{"mediaType": mediaType, "digest": digest(body), "size": len(body)}
}

func digest(body []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(body)) }

// A chart comes out of a registry at exactly its version, with the customer's own login; what one customer got is never
// given to another, though registry, name and version are the same.
func TestRegistry(t *testing.T) {
	server := registry(t, map[string]string{"ann": "hunter22", "bob": "swordfish"})
	as := func(customer, user, password, version string) ([]string, error) {
		q := helm.Request{Op: helm.Render, Stored: &helm.Stored{Version: "1.36"}, Release: "web", Namespace: "n", Owner: "o", Within: time.Minute,
			Chart: helm.Chart{Name: "web", Version: version, Repository: "oci" + strings.TrimPrefix(server.URL, "https") + "/charts",
				Login: helm.Login{Username: user, Password: password, CA: certificate(server)}}}
		r, err := releases.Run(t.Context(), customer, q)
		var names []string
		for _, o := range r.Objects {
			if o.Kind() == "ConfigMap" {
				names = append(names, o.Name())
			}
		}
		return names, err
	}
	for _, row := range []struct{ customer, user, password, version, want string }{
		{"acme", "ann", "hunter22", "1.0.0", "of-ann"},
		{"bolt", "bob", "swordfish", "1.0.0", "of-bob"},
		{"acme", "ann", "hunter22", "1.0.0", "of-ann"},
		{"bolt", "ann", "swordfish", "1.0.0", ""}, // another's name is no login
		{"bolt", "", "", "1.0.0", ""},             // though acme has the chart
		{"acme", "ann", "hunter22", "1.0.1", ""},
		{"acme", "ann", "hunter22", "1.0", ""},
	} {
		names, err := as(row.customer, row.user, row.password, row.version)
		if row.want != "" && (err != nil || len(names) != 1 || names[0] != row.want) {
			t.Errorf("%s as %s: %v, %v", row.customer, row.user, names, err)
		}
		if row.want == "" && (kube.CodeOf(err) != kube.Invalid && kube.CodeOf(err) != kube.Unavailable || strings.Contains(err.Error(), row.password) && row.password != "") {
			t.Errorf("%s as %s, version %s: %v, %v", row.customer, row.user, row.version, names, err)
		}
		if err != nil {
			t.Logf("%s as %q, version %s: %v", row.customer, row.user, row.version, err)
		}
	}
}
