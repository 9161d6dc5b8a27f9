package kube_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/policy"
	"github.com/aeriehq/aerie/internal/natstest"
)

// packed is the chart of a directory below deploy, packed.
func packed(t *testing.T, name, dir string) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	chart := os.DirFS("../../deploy/" + dir)
	err := fs.WalkDir(chart, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(chart, file)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: name + "/" + file, Mode: 0o644, Size: int64(len(body))}); err != nil {
			return err
		}
		_, err = w.Write(body)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// installed is the chart of the control plane in a namespace of its own: rendered, and taken by the API server.
func installed(t *testing.T, namespace string, values map[string]any) []kube.Object {
	t.Helper()
	values["image"] = map[string]any{"repository": "registry.example.com/aerie", "tag": "1"}
	values["token"] = map[string]any{"secretName": "aerie-token"}
	q := helm.Request{Op: helm.Render, Release: "aerie", Namespace: namespace, Terms: policy.AsAddon, Values: values,
		Stored: &helm.Stored{Version: "1.36"}, Chart: helm.Chart{Name: "aerie", Version: "0.1.0", Archive: packed(t, "aerie", "aerie")}}
	return taken(t, q)
}

// taken is what a chart renders to, in a namespace of its own and taken by the API server.
func taken(t *testing.T, q helm.Request) []kube.Object {
	t.Helper()
	namespace := q.Namespace
	r, err := helm.NewRunner(helm.Program(), t.TempDir()).Run(t.Context(), namespace, q)
	if err != nil {
		t.Fatal(err)
	}
	space := kube.Object{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": namespace}}
	for _, o := range append([]kube.Object{space}, r.Objects...) {
		if o.Kind() == "ServiceMonitor" { // of an operator that is not here
			continue
		}
		if o.Kind() != "Namespace" {
			o["metadata"].(map[string]any)["namespace"] = namespace // Helm's client does so
		}
		if _, err := admin.Apply(t.Context(), o); err != nil {
			t.Fatalf("%s: %v", o.Kind(), err)
		}
	}
	return r.Objects
}

// TestOwnChartIsTaken has an API server take each form of the chart, and looks for rights in it: it gives none.
func TestOwnChartIsTaken(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		values map[string]any
		kinds  string
	}{
		"chart-clear": {map[string]any{"tls": map[string]any{"insecure": true}}, "NetworkPolicy ServiceAccount Service StatefulSet"},
		"chart-many": {map[string]any{
			"replicas":       3,
			"tls":            map[string]any{"secretName": "aerie-tls"},
			"nats":           map[string]any{"url": "tls://nats:4222", "secretName": "nats", "keys": []any{"creds", "ca.pem"}},
			"serviceMonitor": map[string]any{"enabled": true, "tokenSecretName": "reads"},
			"networkPolicy":  map[string]any{"from": []any{map[string]any{"namespaceSelector": map[string]any{}}}},
			"storage":        map[string]any{"size": "50Gi", "className": "fast"},
			"tolerations":    []any{map[string]any{"operator": "Exists"}},
		}, "NetworkPolicy PodDisruptionBudget ServiceAccount Service StatefulSet ServiceMonitor"},
	} {
		t.Run(name, func(t *testing.T) {
			var kinds []string
			for _, o := range installed(t, name, row.values) {
				kinds = append(kinds, o.Kind())
			}
			if got := strings.Join(kinds, " "); got != row.kinds {
				t.Errorf("it makes %s, want %s", got, row.kinds)
			}
		})
	}
}

// TestOwnChartRuns starts the program as the pod of the chart has it, in a directory with nothing but what the image and
// the volumes bring along, which it may write in no other place; the pod's probes find it ready, and it ends in time.
func TestOwnChartRuns(t *testing.T) {
	t.Parallel()
	const namespace = "chart-runs"
	installed(t, namespace, map[string]any{"tls": map[string]any{"secretName": "aerie-tls"}})
	var pod struct {
		Spec struct {
			TerminationGracePeriodSeconds int64
			SecurityContext               struct{ RunAsUser, RunAsGroup int }
			Containers                    []struct {
				Args           []string
				Env            []struct{ Name, Value string }
				ReadinessProbe struct{ HTTPGet struct{ Path, Scheme string } }
			}
		}
	}
	kubetest.Eventually(t, "the StatefulSet has made its pod", func() bool {
		o, err := admin.Get(t.Context(), "v1", "Pod", namespace, "aerie-0")
		if err != nil {
			return false
		}
		data, err := json.Marshal(o)
		if err == nil {
			err = json.Unmarshal(data, &pod)
		}
		return err == nil
	})
	c := pod.Spec.Containers[0]
	root, trusts := imageRoot(t)
	address := natstest.Address(t)
	cmd := exec.Command("/usr/local/bin/aerie", c.Args...)
	cmd.Env = []string{"PATH=/usr/local/bin", "HOME=/var/lib/aerie", "AERIE_NATS=127.0.0.1:0", "AERIE_HTTP=" + address}
	for _, e := range c.Env {
		if e.Name != "AERIE_HTTP" && e.Name != "AERIE_NATS" { // others of this machine may have the pod's ports
			cmd.Env = append(cmd.Env, e.Name+"="+e.Value)
		}
	}
	user, group := pod.Spec.SecurityContext.RunAsUser, pod.Spec.SecurityContext.RunAsGroup
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Cloneflags: syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: user, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: group, HostID: os.Getgid(), Size: 1}}}
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	probe := c.ReadinessProbe.HTTPGet
	client := http.Client{Transport: &http.Transport{TLSClientConfig: trusts}}
	kubetest.Eventually(t, "the pod is ready", func() bool {
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v\n%s", err, &log)
		default:
		}
		res, err := client.Get(strings.ToLower(probe.Scheme) + "://" + address + probe.Path)
		if err != nil {
			return false
		}
		return res.Body.Close() == nil && res.StatusCode == http.StatusOK
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended with %v\n%s", err, &log)
		}
	case <-time.After(time.Duration(pod.Spec.TerminationGracePeriodSeconds) * time.Second):
		t.Errorf("it did not end in %d s\n%s", pod.Spec.TerminationGracePeriodSeconds, &log)
	}
}

// imageRoot makes a directory of what deploy/container and the chart's volumes bring along: two programs, a token, a
// certificate, and two places to write in. It returns who trusts the certificate.
func imageRoot(t *testing.T) (root string, trusts *tls.Config) {
	t.Helper()
	root = t.TempDir()
	put := func(name string, data []byte, mode os.FileMode) {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"aerie", "aerie-helm"} {
		data, err := os.ReadFile(filepath.Join(filepath.Dir(helm.Program()), name))
		if err != nil {
			t.Fatal(err)
		}
		put("usr/local/bin/"+name, data, 0o755)
	}
	shown := httptest.NewUnstartedServer(nil)
	shown.StartTLS()
	defer shown.Close()
	pair := shown.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	put("etc/aerie/tls/tls.crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), 0o440)
	put("etc/aerie/tls/tls.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o440)
	put("var/lib/aerie/token", []byte(strings.Repeat("t", 26)), 0o440)
	put("tmp/.keep", nil, 0o600)
	for _, dir := range []string{"", "usr", "usr/local", "usr/local/bin", "etc", "etc/aerie", "etc/aerie/tls", "var", "var/lib"} {
		if err := os.Chmod(filepath.Join(root, dir), 0o555); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { // else t.TempDir can't remove it, but for root
		_ = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				return os.Chmod(p, 0o755)
			}
			return err
		})
	})
	return root, shown.Client().Transport.(*http.Transport).TLSClientConfig
}
