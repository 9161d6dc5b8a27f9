package kube_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
)

// control is the program aerie as a server of its own, with a real cluster behind its one dataplane.
type control struct {
	*testing.T
	dir, kubeconfig string
	speed           int // of the simulated cloud around the cluster
	server          *exec.Cmd
	url             string
	env             []string
	failures        atomic.Int64 // attempts that failed, as its log has them
}

func startControl(t *testing.T, kubeconfig string, speed int) *control {
	t.Helper()
	c := &control{T: t, dir: t.TempDir(), kubeconfig: kubeconfig, speed: speed}
	c.start()
	t.Cleanup(c.kill)
	return c
}

func program() string { return filepath.Join(filepath.Dir(helm.Program()), "aerie") }

var serves = regexp.MustCompile(`aerie serves.* http=(\S+) nats=(\S+)`)

// start starts the server, on all that it has from before, and returns when it serves.
func (c *control) start() {
	c.Helper()
	c.server = exec.Command(program(), "server", "--data-dir", c.dir, "--http", "127.0.0.1:0", "--nats", "127.0.0.1:0",
		"--sim-speed", fmt.Sprint(c.speed), "--sim-kubeconfig", c.kubeconfig)
	out, err := c.server.StderrPipe()
	if err == nil {
		err = c.server.Start()
	}
	if err != nil {
		c.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if m := serves.FindStringSubmatch(lines.Text()); m != nil {
			c.url = m[1]
			c.env = append(os.Environ(), "AERIE_API_URL="+m[1], "AERIE_NATS_URL="+m[2])
			go c.follow(lines)
			return
		}
	}
	c.Fatal("the server ended before it served")
}

// follow reads the log to its end: the server must not wait for a reader.
func (c *control) follow(lines *bufio.Scanner) {
	for lines.Scan() {
		if strings.Contains(lines.Text(), `msg="attempt failed"`) {
			c.failures.Add(1)
		}
	}
}

// kill is a SIGKILL.
func (c *control) kill() {
	_ = c.server.Process.Kill()
	_ = c.server.Wait()
}

// run runs one command of the CLI.
func (c *control) run(in string, args ...string) string {
	c.Helper()
	cmd := exec.CommandContext(c.Context(), program(), append(args, "--data-dir", c.dir)...)
	cmd.Env, cmd.Stdin = c.env, strings.NewReader(in)
	out, err := cmd.CombinedOutput()
	if err != nil {
		c.Fatalf("aerie %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// refused runs a command that is to be refused, and returns what it says.
func (c *control) refused(args ...string) string {
	c.Helper()
	cmd := exec.CommandContext(c.Context(), program(), append(args, "--data-dir", c.dir)...)
	cmd.Env = c.env
	out, err := cmd.CombinedOutput()
	if err == nil {
		c.Fatalf("aerie %v was not refused", args)
	}
	return string(out)
}

// knows gives the server a login of an owner's.
func (c *control) knows(owner, name string, login helm.Login) {
	c.Helper()
	data, err := json.Marshal(login)
	dir := filepath.Join(c.dir, "logins", owner)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".json"), data, 0o600)
	}
	if err != nil {
		c.Fatal(err)
	}
}

// phase is an entity's phase, and its reason's code.
func (c *control) phase(kind, id string) (phase, reason string) {
	c.Helper()
	var e struct {
		Phase  string
		Status struct{ Reason struct{ Code string } }
	}
	owner, name, found := strings.Cut(id, "/")
	if !found {
		owner, name = "-", id
	}
	c.get("/v1/"+kind+"s/"+owner+"/"+name, &e)
	return e.Phase, e.Status.Reason.Code
}

// get reads what the server has at a path.
func (c *control) get(path string, into any) {
	c.Helper()
	token, err := os.ReadFile(filepath.Join(c.dir, "token"))
	if err != nil {
		c.Fatal(err)
	}
	request, err := http.NewRequestWithContext(c.Context(), http.MethodGet, c.url+path, nil)
	if err != nil {
		c.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		c.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil || answer.StatusCode != http.StatusOK {
		c.Fatalf("%s: %s %v", path, answer.Status, err)
	}
}

// explains waits for a reason.
func (c *control) explains(kind, id, want string) {
	c.Helper()
	kubetest.Eventually(c, kind+" "+id+" says "+want, func() bool {
		_, reason := c.phase(kind, id)
		return reason == want
	})
}

// reaches waits for a phase.
func (c *control) reaches(kind, id, want string) {
	c.Helper()
	c.reachesWhile(kind, id, want, func() {})
}

// reachesWhile waits for a phase, and does something before each look.
func (c *control) reachesWhile(kind, id, want string, do func()) {
	c.Helper()
	kubetest.Eventually(c, kind+" "+id+" is "+want, func() bool {
		do()
		phase, reason := c.phase(kind, id)
		if phase == "Failed" && want != "Failed" {
			c.Fatalf("%s %s has failed: %s\n%s", kind, id, reason, c.run("", "history", kind, id))
		}
		return phase == want
	})
}
