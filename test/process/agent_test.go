package process

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/internal/client"
)

// insideTheirs is a customer's own account, into which an agent alone goes, and a tenant in it.
const insideTheirs = `
{kind: customer, name: acme, spec: {hosting: customer}}
---
{kind: account, name: theirs, owner: acme, spec: {cloud: sim, number: lab, hosting: customer, access: agent}}
---
{kind: dataplane, name: edge, owner: acme, spec: {account: acme/theirs, region: eu-central, type: dedicated, mode: pull, systemPool: {machine: s2}}}
---
{kind: tenantinfra, name: edge_web, owner: acme, spec: {app: web, size: small, pools: [{name: main, machine: s4, min: 1, max: 3}]}}
---
{kind: plan, name: inside, spec: {hosting: customer, deployment: dedicated, apps: [{type: web, size: small}]}}
---
{kind: tenant, name: prod, owner: acme, spec: {plan: inside}}
---
{kind: application, name: prod_site, owner: acme, spec: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: page}, data: {a: b}}]}}
`

// agentOf is an agent that runs; it ends with the test.
type agentOf struct {
	t       *testing.T
	dir     string
	env     []string // further environment
	program string   // another program than this build's, if it is one
	cmd     *exec.Cmd
	log     string // a file
	done    chan error
}

func (a *agentOf) start(args ...string) {
	a.t.Helper()
	a.cmd = aerie(a.t.Context(), append([]string{"agent", "run", "--data-dir", a.dir}, args...)...)
	if a.cmd.Env = append(a.cmd.Env, a.env...); a.program != "" {
		a.cmd.Path = a.program
	}
	log, err := os.OpenFile(a.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		a.t.Fatal(err)
	}
	defer log.Close()
	a.cmd.Stdout, a.cmd.Stderr = log, log
	if err := a.cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	done := make(chan error, 1)
	a.done = done
	go func() { done <- a.cmd.Wait() }()
}

// says is what it has written so far.
func (a *agentOf) says() string {
	a.t.Helper()
	said, err := os.ReadFile(a.log)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(said)
}

func (a *agentOf) kill() {
	_ = a.cmd.Process.Kill() // it may have ended
	<-a.done
}

// TestAnAgentWorksInside has an agent make a dataplane in an account that nobody else enters, put a tenant on it, be killed
// on the way and come back with its key alone, and find its way back to a control plane that was killed. A second one of the
// same token is refused, and a revoked one is no longer let in.
func TestAnAgentWorksInside(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "600")
	p.start()
	file := filepath.Join(t.TempDir(), "inside.yaml")
	overwrite(t, file, insideTheirs)
	applied := p.background("apply", "-f", file, "--wait", "--timeout", "3m")
	var invited struct{ Token, Command string }
	until(t, "an invitation", func() bool { // its dataplane is there a moment after apply began
		s := p.cli("agent", "invite", "acme/edge", "--dataplane", "edge", "-o", "json")
		return s.code == 0 && json.Unmarshal([]byte(s.out), &invited) == nil
	})
	a := &agentOf{t: t, dir: filepath.Join(t.TempDir(), "agent"), log: filepath.Join(t.TempDir(), "log")}
	a.start("--join", invited.Token)
	for _, phase := range []string{"Networking", "ClusterCreating", "Bootstrapping"} {
		until(t, "the dataplane is "+phase, func() bool {
			return strings.Contains(p.cli("history", "dataplane", "acme/edge").out, phase) ||
				strings.Contains(p.cli("get", "dataplane", "acme/edge").out, "Active")
		})
		if phase == "ClusterCreating" { // the agent goes on, and comes back when it is let in again
			p.kill()
			p.start()
			continue
		}
		a.kill()
		a.start() // by its key
	}
	if s := applied(); s.code != 0 {
		t.Fatalf("apply: %+v\nthe agent: %s\nthe server: %s", s, a.says(), p.log)
	}
	thief := finish(aerie(t.Context(), "agent", "run", "--data-dir", filepath.Join(t.TempDir(), "thief"), "--join", invited.Token))
	if thief.code == 0 || !strings.Contains(thief.err, "denied") {
		t.Errorf("a used token with another key: %+v", thief)
	}
	if s := p.cli("history", "agent", "acme/edge"); !strings.Contains(s.out, "join_refused") {
		t.Errorf("the refused key is not told: %s", s.out)
	}
	files, err := filepath.Glob(filepath.Join(p.dir, "cloud", "*"))
	if err != nil || len(files) == 0 {
		t.Errorf("the server's own cloud: %v %v", files, err)
	}
	for _, f := range files {
		if kept, err := os.ReadFile(f); err == nil && bytes.Contains(kept, []byte("edge")) {
			t.Errorf("the control plane has been in the customer's account itself: %s", f)
		}
	}
	if s := p.cli("tenant", "delete", "acme/prod", "--cascade", "--wait", "--timeout", "1m"); s.code != 0 {
		t.Errorf("delete the tenant: %+v", s)
	}
	if s := p.cli("agent", "revoke", "acme/edge"); s.code != 0 {
		t.Fatalf("revoke: %+v", s)
	}
	until(t, "the agent says that it is cut off", func() bool { return strings.Contains(a.says(), "the agent is not let in") })
	a.kill()
	if again := finish(aerie(t.Context(), "agent", "run", "--data-dir", a.dir)); again.code == 0 || !strings.Contains(again.err, "was revoked") {
		t.Errorf("a revoked key: %+v", again)
	}
	if s := p.cli("log", "verify"); s.code != 0 {
		t.Errorf("log verify: %+v", s)
	}
	if _, code := p.interrupt(); code != client.ExitOK {
		t.Errorf("exit %d", code)
	}
}
