package process

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// TestReadme does what README.md says, word for word: its commands are run in their order by one shell, from a directory
// with a space in its name, with the addresses that they have by themselves, in a network of their own. What make does is
// tested elsewhere; of the nats CLI's lines only those that can be run here are.
func TestReadme(t *testing.T) {
	for name, xdg := range map[string]bool{"XDG set": true, "XDG unset": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := checkout(t)
			env := []string{"HOME=" + filepath.Join(dir, "home"), "PATH=" + os.Getenv("PATH"), "AERIE_HELM=" + os.Getenv("AERIE_HELM")}
			if xdg {
				env = append(env, "XDG_STATE_HOME="+filepath.Join(dir, "state of things"), "XDG_CONFIG_HOME="+filepath.Join(dir, "config"))
			}
			server, others := readmeCommands(t)
			began := time.Now()
			out := inOwnNetwork(t, dir, env, "set -eEu -o pipefail\ntrap 'echo \"line $LINENO failed\"' ERR\n"+
				server+" >server.log 2>&1 &\nserver=$!\ntrap 'kill -INT $server; wait $server || cat server.log' EXIT\n"+
				"until grep -q 'aerie serves' server.log; do kill -0 $server; sleep 0.1; done\nset -v\n"+others)
			for _, want := range []string{"tenant acorn/prod: Active", "report on the tenant's namespace", "at rest: Active", `"phase":"Active"`, "update"} {
				if !strings.Contains(out, want) {
					t.Errorf("%q is missing", want)
				}
			}
			if took := time.Since(began); took > 2*time.Minute || t.Failed() {
				t.Errorf("it took %s:\n%s", took, out)
			}
		})
	}
}

// checkout makes a directory as a newcomer has it after the build.
func checkout(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "my projects")
	for _, d := range []string{"home", "bin", "deploy"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(dir, "deploy", "offers"), os.DirFS("../../deploy/offers")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(dir, "bin", "aerie")); err != nil {
		t.Fatal(err)
	}
	overwrite(t, filepath.Join(dir, "home", ".curlrc"), "fail\nsilent\nshow-error\n") // a refusal is then an error
	return dir
}

// readmeCommands are the lines of README.md that are commands: the one that starts a server, and the others.
func readmeCommands(t *testing.T) (server, others string) {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, nats := exec.LookPath("nats")
	var all strings.Builder
	fenced := false // pictures, and parts of programs
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", "\\\f")) {
		command, is := strings.CutPrefix(strings.ReplaceAll(line, "\f", "\n"), "    ")
		fenced = fenced != strings.HasPrefix(line, "```")
		switch {
		case !is, fenced, strings.HasPrefix(command, "make "), strings.HasPrefix(command, "nats ") && nats != nil:
		case strings.HasPrefix(command, "bin/aerie server"):
			server = strings.TrimSuffix(command, "\n")
		case strings.HasPrefix(command, "nats ") && strings.Contains(command, " sub "), strings.Contains(command, " -N "): // goes on until Ctrl-C
			all.WriteString("timeout -s INT 2 " + strings.TrimSuffix(command, "\n") + " || test $? -eq 124\n")
		default:
			all.WriteString(command)
		}
	}
	if server == "" || !strings.Contains(all.String(), "bin/aerie why tenant ") {
		t.Fatalf("README.md has no such commands any more: %s\n%s", server, all.String())
	}
	return server, all.String()
}

// loopback, in the environment, has this program turn on the network that it is alone in, and become a shell that runs readme.sh.
const loopback = "AERIE_TEST_LOOPBACK"

// inOwnNetwork runs a script where every port is free.
func inOwnNetwork(t *testing.T, dir string, env []string, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Dir, cmd.Env = dir, append(env, loopback+"=up")
	overwrite(t, filepath.Join(dir, "readme.sh"), script)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 10 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}}
	if err := cmd.Start(); err != nil {
		t.Skipf("no network of one's own here: %v", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v:\n%s", err, out.String())
	}
	return out.String()
}

// becomeShell turns on the loopback of a network that has nothing else, and becomes a shell that runs it.
func becomeShell() error {
	request := struct {
		name  [16]byte
		flags uint16
		_     [22]byte
	}{name: [16]byte{'l', 'o'}, flags: uint16(net.FlagUp)}
	s, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(s), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); e != 0 {
		return e
	}
	if err := syscall.Close(s); err != nil {
		return err
	}
	shell, err := exec.LookPath("bash")
	if err != nil {
		return err
	}
	return syscall.Exec(shell, []string{"bash", "readme.sh"}, os.Environ())
}
