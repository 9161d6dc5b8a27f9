package process

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestNoCoreDump crashes a server and an agent where cores may be as large as they like, and the kernel writes none: they have secrets in
// their memory.
func TestNoCoreDump(t *testing.T) {
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &was); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{Cur: was.Max, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Setrlimit(syscall.RLIMIT_CORE, &was) })
	if !dumps(t, exec.Command("sleep", "60"), func() {}) {
		t.Skip("this machine writes no core of any program")
	}

	p := newProcess(t, "0")
	server := aerie(t.Context(), p.args()...)
	said, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	serving := make(chan bool)
	go func() { // to its end: what a crash prints has to go somewhere
		for lines := bufio.NewScanner(said); lines.Scan(); {
			if strings.Contains(lines.Text(), "aerie serves") {
				close(serving)
			}
		}
	}()
	if dumps(t, server, func() { natstest.Receive(t, serving) }) {
		t.Error("a server that crashes is written down")
	}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	join := client.JoinToken{URL: "nats://" + l.Addr().String(), Owner: "acme", Agent: "edge", Secret: "planted"}
	agent := aerie(t.Context(), "agent", "run", "--data-dir", filepath.Join(t.TempDir(), "agent"), "--join", join.String())
	dials := func() {
		c, err := l.Accept() // and never answers
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	if dumps(t, agent, dials) {
		t.Error("an agent that crashes is written down")
	}
}

// dumps starts a program, crashes it once it runs, and tells whether the kernel has written its memory down.
func dumps(t *testing.T, cmd *exec.Cmd, runs func()) bool {
	t.Helper()
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "GOTRACEBACK=crash") // a Go program ends by itself otherwise
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	runs()
	if err := cmd.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGABRT {
		t.Fatalf("%s has not crashed: %v", cmd.Path, cmd.ProcessState)
	}
	cores, err := filepath.Glob(filepath.Join(cmd.Dir, "core*"))
	if err != nil {
		t.Fatal(err)
	}
	return status.CoreDump() || len(cores) > 0
}
