package client

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/aeriehq/aerie/events"
)

var update = flag.Bool("update", false, "rewrite testdata")

// A terminal is written over in place; elsewhere each phase is a line. Both are shown the same life.
func TestWaitingAsItLooks(t *testing.T) {
	var plain bytes.Buffer
	wait(&plain)
	golden(t, "waiting_plain.txt", plain.String())
	screen, terminal := openTerminal(t)
	wait(terminal)
	if err := terminal.Close(); err != nil {
		t.Fatal(err)
	}
	shown, _ := io.ReadAll(screen) // ends with an error, since nobody has it open any more
	text := strings.ReplaceAll(string(shown), "\r\x1b[K", "<\n")
	golden(t, "waiting_terminal.txt", strings.ReplaceAll(text, "\r\n", "\n"))
}

// wait shows a life to whoever watches.
func wait(out io.Writer) {
	began := time.Unix(0, 0)
	p := newProgress(out, 2, 1, began)
	making := because(events.InProgress, "the cluster is being made", true)
	waits := because(events.Dependency, "waits for dataplane -/eu, which is ClusterCreating", true)
	for _, look := range []struct {
		after             time.Duration
		dataplane, tenant Entity
	}{
		{0, at("dataplane eu", "Networking", because(events.InProgress, "the network is being made", true)), at("tenant acme/prod", "Waiting", waits)},
		{time.Minute, at("dataplane eu", "ClusterCreating", making), at("tenant acme/prod", "Waiting", waits)},
		{5 * time.Minute, at("dataplane eu", "ClusterCreating", making), at("tenant acme/prod", "Waiting", waits)},
		{20 * time.Minute, at("dataplane eu", "ClusterCreating", making), at("tenant acme/prod", "Waiting", waits)},
		{21 * time.Minute, at("dataplane eu", "Active", nil), at("tenant acme/prod", "Provisioning", because(events.InProgress, "the namespace is being made", true))},
		{21*time.Minute + time.Second, at("dataplane eu", "Active", nil), at("tenant acme/prod", "Active", nil)},
	} {
		now := began.Add(look.after)
		var left []Target
		for _, e := range []Entity{look.tenant, look.dataplane} {
			p.saw(e, now)
			if target := (Target{Ref: e.Ref(), last: e}); !target.done() {
				left = append(left, target)
			}
		}
		p.left(left, now)
	}
	p.end(true, began.Add(21*time.Minute+time.Second))
}

// openTerminal opens a pseudo-terminal of a usual width.
func openTerminal(t *testing.T) (screen, terminal *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	var unlock, n int32
	size := [4]uint16{24, 100}
	for request, arg := range map[uintptr]unsafe.Pointer{syscall.TIOCSPTLCK: unsafe.Pointer(&unlock), syscall.TIOCGPTN: unsafe.Pointer(&n), syscall.TIOCSWINSZ: unsafe.Pointer(&size)} {
		if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, screen.Fd(), request, uintptr(arg)); e != 0 {
			t.Fatal(e)
		}
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return screen, terminal
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got {
		t.Errorf("%s: %v\n%s", path, err, got)
	}
}
