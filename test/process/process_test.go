// Package process tests the program as people run it: it starts the binary, kills it, takes its disk, its network and
// its NATS servers away, and reads what it answers afterwards. It is for nothing that a call in the test's own process
// can show. Begin reading at process and TestMain: the binary is the one that make build makes, or AERIE_BIN names, such
// as one built with -race. Tests may run at once: each server has addresses and directories of its own.
// What a killed test leaves is in the system's directory for temporary files.
package process

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/internal/testbudget"
)

// program is the binary under test.
var program = "../../bin/aerie"

// TestMain finds the binary that make build makes, or AERIE_BIN names.
func TestMain(m *testing.M) {
	if os.Getenv(loopback) != "" {
		fmt.Fprintln(os.Stderr, becomeShell())
		os.Exit(1)
	}
	if bin := os.Getenv("AERIE_BIN"); bin != "" {
		program = bin
	}
	if _, err := os.Stat(program); err != nil {
		fmt.Fprintf(os.Stderr, "these tests run the program: %v: run make build, or set AERIE_BIN\n", err)
		os.Exit(1)
	}
	program = absolute(program)
	if helm := absolute("../../bin/aerie-helm"); os.Getenv("AERIE_HELM") == "" {
		_ = os.Setenv("AERIE_HELM", helm) // make build makes it
	}
	testbudget.WaitTogether()
	os.Exit(m.Run())
}

func absolute(path string) string {
	whole, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return whole
}

// aerie makes a command that runs the program.
func aerie(ctx context.Context, args ...string) *exec.Cmd {
	for _, file := range []string{program, os.Getenv("AERIE_HELM")} {
		_, _ = os.Stat(file) // go test's cache then notices a new one
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = os.Environ()
	return cmd
}

// process is a server started as a person would.
type process struct {
	t       *testing.T
	dir     string
	apiURL  string
	natsURL string
	speed   string
	more    []string // instead of the embedded server's address
	also    []string // further arguments
	env     []string // further environment
	program string   // another program than this build's, if it is one
	cmd     *exec.Cmd
	log     *bytes.Buffer
	ended   chan error
}

// newProcess reserves addresses for a server in a directory; start starts it.
func newProcess(t *testing.T, speed string) *process {
	t.Helper()
	return &process{t: t, dir: filepath.Join(t.TempDir(), "data"), speed: speed, apiURL: "http://" + natstest.Address(t), natsURL: "nats://" + natstest.Address(t)}
}

func (p *process) args() []string {
	args := []string{"server", "--data-dir", p.dir, "--http", strings.TrimPrefix(p.apiURL, "http://"), "--sim-speed", p.speed}
	args = append(args, p.also...)
	if p.more != nil {
		return append(args, p.more...)
	}
	return append(args, "--nats", strings.TrimPrefix(p.natsURL, "nats://"))
}

// http reads a path of the API.
func (p *process) http(path string) (status int, body []byte) {
	p.t.Helper()
	token, err := os.ReadFile(filepath.Join(p.dir, "token"))
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.apiURL+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res.StatusCode, body
}

// start starts the server and returns when it says that it serves.
func (p *process) start() {
	p.t.Helper()
	serves := p.launch()
	select {
	case <-serves:
	case err := <-p.ended:
		p.t.Fatalf("the server ended: %v\n%s", err, p.log)
	case <-time.After(time.Minute):
		p.t.Fatal("the server does not start")
	}
}

// launch starts the server; what it returns says that it serves.
func (p *process) launch() <-chan bool {
	p.t.Helper()
	cmd := aerie(context.Background(), p.args()...)
	if p.program != "" {
		cmd.Path = p.program
	}
	cmd.Env = append(cmd.Env, p.env...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.cmd, p.log, p.ended = cmd, &bytes.Buffer{}, make(chan error, 1)
	serves := make(chan bool, 1)
	go p.follow(stderr, serves)
	p.t.Cleanup(func() { _ = cmd.Process.Kill() })
	return serves
}

// stillborn starts the server and kills it in the middle of its start.
func (p *process) stillborn(after time.Duration) {
	p.t.Helper()
	cmd := aerie(context.Background(), p.args()...)
	cmd.Env = append(cmd.Env, p.env...)
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	time.Sleep(after) // the random moment itself
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// follow copies the log and then waits for the process.
func (p *process) follow(stderr io.Reader, serves chan<- bool) {
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		fmt.Fprintln(p.log, lines.Text())
		if strings.Contains(lines.Text(), "aerie serves") {
			serves <- true
		}
	}
	p.ended <- p.cmd.Wait()
}

// kill ends the server as a power cut of the process would.
func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	<-p.ended
}

// interrupt is Ctrl-C; it returns how long the end took and with which code.
func (p *process) interrupt() (time.Duration, int) {
	p.t.Helper()
	start := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		p.t.Fatal(err)
	}
	code := exitStatus(<-p.ended)
	return time.Since(start), code
}

func exitStatus(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// said is what a command printed and how it ended.
type said struct {
	out, err string
	code     int
}

// cli runs a command against the server.
func (p *process) cli(args ...string) said {
	p.t.Helper()
	return p.cliWithin(5*time.Minute, args...)
}

func (p *process) cliWithin(most time.Duration, args ...string) said {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), most)
	defer cancel()
	args = append(args, "--api-url", p.apiURL, "--data-dir", p.dir)
	if args[0] != "get" && args[0] != "describe" && args[0] != "history" {
		args = append(args, "--nats-url", p.natsURL)
	}
	return finish(aerie(ctx, args...))
}

func finish(cmd *exec.Cmd) said {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	return said{out.String(), errs.String(), exitStatus(err)}
}

// background runs a command meanwhile and returns how to wait for it.
func (p *process) background(args ...string) func() said {
	var result said
	var done sync.WaitGroup
	done.Go(func() { result = p.cli(args...) })
	return func() said { done.Wait(); return result }
}
