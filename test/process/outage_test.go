package process

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/oklog/ulid/v2"

	"github.com/aeriehq/aerie/internal/natstest"
)

// outage is how long something stays broken after the first command that was not taken.
var outage = flag.Duration("outage", 2*time.Second, "how long outages last")

// break through an outage: what is answered before and after it is in the log, and
// nothing has to be done to the server.
func (c *caller) through(p *process, breaks, mends func()) {
	c.t.Helper()
	c.must(20)
	breaks()
	m := c.untilNotTaken()
	c.t.Log("not taken:", m.Subject)
	time.Sleep(*outage) // the outage itself
	mends()
	c.untilTaken(m)
	c.must(20)
	c.check()
	if status, body := p.http("/readyz"); status != http.StatusOK {
		c.t.Errorf("/readyz: %d %s", status, body)
	}
}

// TestFullDisk fills the disk under the store, and then makes room again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "0")
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if !mountDisk(t, p.dir, "64m") {
		fullServer(t)
		return
	}
	p.start()
	filler := filepath.Join(p.dir, "filler")
	c := p.call(p.natsURL)
	c.through(p, func() { fill(t, filler) }, func() {
		p.untilNotReady()
		remove(t, filler)
	})
	p.interrupt()
}

// mountDisk mounts a disk of some size, and tells whether that is permitted here.
func mountDisk(t *testing.T, dir, size string) bool {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size+",mode=700"); err != nil {
		t.Log("no disk can be mounted here:", err)
		return false
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return true
}

// TestStartOnFullDisk starts a server on a disk that is full, twice: room is made, and the
// disk is enlarged. It says that it takes no commands and why, and takes them again
// without being started again.
func TestStartOnFullDisk(t *testing.T) {
	t.Parallel()
	for name, mends := range map[string]func(t *testing.T, dir string){
		"room is made": func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "filler")) },
		"it is enlarged": func(t *testing.T, dir string) {
			if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=128m,mode=700"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProcess(t, "0")
			if !mountDisk(t, p.dir, "32m") {
				t.Skip("there is no disk to fill")
			}
			p.start()
			c := p.call(p.natsURL)
			c.must(20)
			p.interrupt()
			fill(t, filepath.Join(p.dir, "filler"))
			p.start()
			p.untilReady(http.StatusServiceUnavailable, "make room in")
			m := c.untilNotTaken()
			if err := c.ask(m); err == nil || !strings.Contains(err.Error(), "the disk is full") {
				t.Errorf("it is not said why: %v", err)
			}
			mends(t, p.dir)
			began := time.Now()
			c.untilTaken(m)
			took := time.Since(began)
			t.Logf("commands were taken %s after there was room", took.Round(100*time.Millisecond))
			if took > 10*time.Second {
				t.Error("that is too long")
			}
			c.must(500) // more than the disk had room for before
			c.check()
			p.untilReady(http.StatusOK, "")
			p.interrupt()
		})
	}
}

// TestStoreRemoved removes the log's files under a running server, in several ways: no command is
// answered from then on.
func TestStoreRemoved(t *testing.T) {
	t.Parallel()
	for name, hurt := range map[string]func(t *testing.T, p *process) error{
		"directory removed": func(t *testing.T, p *process) (err error) {
			for range 10 { // the server goes on making files
				if err = os.RemoveAll(filepath.Join(p.dir, "nats")); err == nil {
					break
				}
			}
			return err
		},
		"directory moved": func(t *testing.T, p *process) error {
			return os.Rename(filepath.Join(p.dir, "nats"), filepath.Join(p.dir, "elsewhere"))
		},
		"block removed": func(t *testing.T, p *process) error { return os.Remove(block(t, p.dir)) },
		"block replaced": func(t *testing.T, p *process) error {
			file := block(t, p.dir)
			data := read(t, file)
			overwrite(t, file+".new", string(data))
			return os.Rename(file+".new", file)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProcess(t, "0")
			p.start()
			c := p.call(p.natsURL)
			c.must(20)
			if err := hurt(t, p); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if err := c.ask(c.next()); err == nil || !strings.Contains(err.Error(), "gone") {
					t.Fatalf("a command was answered: %v", err)
				}
			}
			p.untilReady(http.StatusServiceUnavailable, "gone")
			if !strings.Contains(p.log.String(), "level=ERROR msg=\"the log's files are gone") {
				t.Errorf("the log does not say it:\n%s", p.log)
			}
			p.kill()
		})
	}
}

// untilNotReady waits until /readyz says that the disk is full or takes no writes.
func (p *process) untilNotReady() {
	p.t.Helper()
	p.untilReady(http.StatusServiceUnavailable, "make room in")
}

// fill writes a file until there is no more room.
func fill(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 1 << 10, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
}

// TestStoreReadOnly makes every file and directory of the store read-only, also for
// who has them open, and then as they were.
func TestStoreReadOnly(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "0")
	p.start()
	store := filepath.Join(p.dir, "nats")
	freeze := func(flag string) error {
		out, err := exec.Command("chattr", "-R", flag, store).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("chattr %s: %w: %s", flag, err, out)
		}
		return err
	}
	t.Cleanup(func() { _ = freeze("-i") })
	if err := freeze("+i"); err != nil {
		t.Skip("this system or user has no files that cannot be written:", err)
	}
	must := func(flag string) func() {
		return func() {
			if err := freeze(flag); err != nil {
				t.Fatal(err)
			}
		}
	}
	must("-i")()
	c := p.call(p.natsURL)
	c.through(p, must("+i"), func() {
		p.untilNotReady()
		must("-i")()
	})
	p.interrupt()
}

// fullServer fills what NATS servers may store, and then gives them more.
func fullServer(t *testing.T) {
	limit := int64(200 << 10)
	x := natstest.StartExternal(t, 1, func(o *server.Options) { o.JetStreamMaxStore = limit })
	p := newReplica(t, x.URL(), filepath.Join(t.TempDir(), "cloud"), "0")
	p.start()
	c := p.call(x.URL())
	c.through(p, func() {}, func() {
		x.Kill(0)
		x.Change(0, func(o *server.Options) { o.JetStreamMaxStore = 1 << 30 })
		x.Start(0)
	})
}

// TestFullServer reaches the limit of the NATS servers that a replica uses.
func TestFullServer(t *testing.T) {
	t.Parallel()
	fullServer(t)
}

// TestConnectionCut cuts the connection to NATS in both ways: closed, and silent.
func TestConnectionCut(t *testing.T) {
	t.Parallel()
	for _, silent := range []bool{false, true} {
		t.Run(fmt.Sprintf("silent %t", silent), func(t *testing.T) {
			t.Parallel()
			x := natstest.StartExternal(t, 1, nil)
			line := newWire(t, strings.TrimPrefix(x.URL(), "nats://"))
			p := newReplica(t, "nats://"+line.addr(), filepath.Join(t.TempDir(), "cloud"), "0")
			p.start()
			overHTTP(t, p, http.StatusOK)
			c := p.call(x.URL())
			c.through(p, func() {
				line.cut(silent)
				overHTTP(t, p, http.StatusServiceUnavailable)
				for { // it notices in its own time
					if status, _ := p.http("/readyz"); status == http.StatusServiceUnavailable {
						break
					}
				}
			}, line.mend)
			overHTTP(t, p, http.StatusOK)
		})
	}
}

// overHTTP gives a command over HTTP, again and again until the answer has a status.
func overHTTP(t *testing.T, p *process, want int) {
	t.Helper()
	token := strings.TrimSpace(string(read(t, filepath.Join(p.dir, "token"))))
	name := "h" + strings.ToLower(ulid.Make().String())
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.apiURL+"/v1/commands/"+name+"/customer/"+name+"/create", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		switch {
		case err != nil:
			t.Fatal(err)
		case res.StatusCode == want:
			return
		case res.StatusCode != http.StatusOK && res.StatusCode != http.StatusServiceUnavailable:
			t.Fatalf("%d %s", res.StatusCode, body)
		}
	}
	t.Fatalf("the answer is never %d", want)
}
