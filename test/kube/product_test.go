package kube_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/kube"
	"github.com/aeriehq/aerie/kube/helm"
)

const offer = `kind: account
name: main
spec: {cloud: sim, number: "1"}
---
kind: plan
name: small
spec: {deployment: resource-shared, apps: [{type: web, size: small}], quota: {pods: 5}}
---
kind: dataplane
name: eu
spec: {account: main, region: eu-central}
---
kind: tenantinfra
name: eu_web
spec: {app: web, size: small, pools: [{name: main, machine: s4}]}
---
kind: customer
name: zoo
spec: {displayName: Zoo}
---
kind: tenant
name: prod
owner: zoo
spec: {plan: small, app: web}
---
kind: application
name: prod_exporter
owner: zoo
spec: {chart: {name: exporter, version: 0.1.0}, values: {target: db}}
`

// The whole way: aerie with a real cluster behind its dataplane, from nothing to a chart that runs, and back to nothing.
func TestTheWholeWay(t *testing.T) {
	aerie := filepath.Join(filepath.Dir(helm.Program()), "aerie")
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	server := exec.CommandContext(ctx, aerie, "server", "--data-dir", dir, "--http", "127.0.0.1:0", "--nats", "127.0.0.1:0",
		"--sim-speed", "60", "--sim-kubeconfig", rig.Kubeconfig)
	env := append(os.Environ(), addresses(t, server)...)
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(ctx, aerie, append(args, "--data-dir", dir)...)
		cmd.Env, cmd.Stdin = env, strings.NewReader(offer)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("aerie %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run("apply", "-f", "-", "--wait", "--timeout", "2m")
	d, err := admin.Get(ctx, "apps/v1", "Deployment", "zoo--prod", "exporter")
	if err != nil || d.Labels()[kube.LabelApplication] != "exporter" {
		t.Fatal(d, err)
	}
	uid := d.Labels()[kube.LabelOwner]
	run("application", "update", "zoo/prod_exporter", "--spec", `{chart: {name: exporter, version: 0.1.0}, values: {target: other}}`, "--wait", "--timeout", "1m")
	run("application", "rollback", "zoo/prod_exporter", "--wait", "--timeout", "1m")
	if got := run("history", "application", "zoo/prod_exporter"); !strings.Contains(got, "rollback_requested") {
		t.Error(got)
	}
	run("delete", "customer", "zoo", "--cascade", "--wait", "--timeout", "2m")
	if _, err := admin.Get(ctx, "v1", "Namespace", "", "zoo--prod"); kube.CodeOf(err) != kube.NotFound {
		t.Error("the namespace is left:", err)
	}
	for _, kind := range []string{"Deployment", "StatefulSet"} {
		left, err := admin.List(ctx, kube.Selector{APIVersion: "apps/v1", Kind: kind, Labels: map[string]string{kube.LabelOwner: uid}})
		if err != nil || len(left) > 0 {
			t.Errorf("%s left: %v %v", kind, left, err)
		}
	}
}

// addresses starts a server and says, as the CLI's environment, where it serves.
func addresses(t *testing.T, server *exec.Cmd) []string {
	t.Helper()
	out, err := server.StderrPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	serves := regexp.MustCompile(`aerie serves.* http=(\S+) nats=(\S+)`)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if m := serves.FindStringSubmatch(lines.Text()); m != nil {
			go func() {
				for lines.Scan() { // the server must not wait for a reader
				}
			}()
			return []string{"AERIE_API_URL=" + m[1], "AERIE_NATS_URL=" + m[2]}
		}
	}
	t.Fatal("the server ended before it served")
	return nil
}
