package process

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCtrlC stops a server that is in the middle of its work.
func TestCtrlC(t *testing.T) {
	p := newProcess(t, "1")
	p.start()
	if s := p.cli("apply", "-f", sharedOffer); s.code != 0 {
		t.Fatalf("%+v", s)
	}
	stream := follow(t, p)
	took, code := p.interrupt()
	if code != 0 || took > 5*time.Second {
		t.Errorf("exit %d after %s\n%s", code, took, p.log)
	}
	stream()
	p.start()
	if s := p.cli("get", "tenants", "-o", "name"); s.code != 0 || strings.Count(s.out, "\n") < 5 {
		t.Errorf("after the restart: %+v", s)
	}
}

// follow opens a live stream of events, so that the shutdown has one to end.
func follow(t *testing.T, p *process) (end func()) {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(p.dir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequest(http.MethodGet, p.apiURL+"/v1/events", nil)
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	req.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", res, err)
	}
	return func() { res.Body.Close() }
}

// TestStartRefuses starts the program where it can't: a sentence that says what
// to do, and exit 1.
func TestStartRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	used := newProcess(t, "0")
	used.start()
	for _, tt := range []struct {
		name string
		args func(p *process) []string
		says []string
	}{
		{"HTTP port taken", func(p *process) []string { return append(p.args(), "--http", taken.Addr().String()) }, []string{taken.Addr().String(), "--http"}},
		{"NATS port taken", func(p *process) []string { return append(p.args(), "--nats", taken.Addr().String()) }, []string{taken.Addr().String(), "--nats"}},
		{"directory in use", func(p *process) []string { return append(p.args(), "--data-dir", used.dir) }, []string{used.dir, "another aerie"}},
		{"directory is a file", func(p *process) []string {
			file := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return append(p.args(), "--data-dir", file)
		}, []string{"--data-dir"}},
		{"token of 20 characters", func(p *process) []string {
			overwrite(t, filepath.Join(p.dir, "token"), strings.Repeat("x", 20))
			return p.args()
		}, []string{"20 characters", "26 or more", "remove the file"}},
		{"directory that others write", func(p *process) []string {
			dir := t.TempDir()
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			return append(p.args(), "--data-dir", dir)
		}, []string{"others may write it", "chmod o-w", "--data-dir"}},
		{"token unusable", func(p *process) []string {
			overwrite(t, filepath.Join(p.dir, "token"), "short")
			return p.args()
		}, []string{"token", "remove the file"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProcess(t, "0")
			refused(t, finish(aerie(t.Context(), tt.args(p)...)), tt.says...)
		})
	}
}

// TestStartNoticesDamage hurts the store of a server that had events, in every
// way that nats-server itself lets pass.
func TestStartNoticesDamage(t *testing.T) {
	for name, hurt := range map[string]func(t *testing.T, store string){
		"block file missing": func(t *testing.T, store string) { remove(t, block(t, store)) },
		"block file halved": func(t *testing.T, store string) {
			file := block(t, store)
			size := len(read(t, file))
			if err := os.Truncate(file, int64(size/2)); err != nil {
				t.Fatal(err)
			}
		},
		"a flipped byte": func(t *testing.T, store string) {
			file := block(t, store)
			data := read(t, file)
			data[len(data)/2] ^= 0x40
			overwrite(t, file, string(data))
		},
		"the mark emptied and the log gone": func(t *testing.T, store string) {
			overwrite(t, filepath.Join(store, "mark"), "")
			if err := os.RemoveAll(filepath.Join(store, "nats")); err != nil {
				t.Fatal(err)
			}
		},
		"meta.inf garbage": func(t *testing.T, store string) {
			files, err := filepath.Glob(filepath.Join(store, "nats/jetstream/*/streams/AERIE_EVENTS/meta.inf"))
			if err != nil || len(files) != 1 {
				t.Fatalf("%v %v", files, err)
			}
			overwrite(t, files[0], "garbage")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProcess(t, "0")
			p.start()
			if s := p.cli("apply", "-f", sharedOffer, "--wait"); s.code != 0 {
				t.Fatalf("%+v", s)
			}
			if _, code := p.interrupt(); code != 0 {
				t.Fatalf("exit %d", code)
			}
			hurt(t, p.dir)
			refused(t, finish(aerie(t.Context(), p.args()...)), "damaged", "backup")
		})
	}
}

func refused(t *testing.T, s said, says ...string) {
	t.Helper()
	if s.code != 1 {
		t.Fatalf("exit %d\n%s", s.code, s.err)
	}
	last := s.err[strings.LastIndex(strings.TrimSpace(s.err), "\n")+1:]
	for _, want := range says {
		if !strings.Contains(last, want) {
			t.Errorf("%q does not say %q", last, want)
		}
	}
}

func block(t *testing.T, store string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(store, "nats/jetstream/*/streams/AERIE_EVENTS/msgs/*.blk"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v %v", files, err)
	}
	return files[0]
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func overwrite(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

// TestWhatHelmLeftGoes: a process of Helm whose server was killed leaves its directory.
func TestWhatHelmLeftGoes(t *testing.T) {
	p := newProcess(t, "0")
	left := filepath.Join(p.dir, "helm", "release-1")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	p.start()
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Error("it is still there:", err)
	}
}

// TestStartWithTheClientsEnvironment starts a server where the CLI was told where to find it.
func TestStartWithTheClientsEnvironment(t *testing.T) {
	p := newProcess(t, "0")
	p.env = []string{"AERIE_NATS_URL=" + p.natsURL}
	p.start()
	p.interrupt()
	p.more, p.env = []string{}, append(p.env, "AERIE_NATS="+strings.TrimPrefix(p.natsURL, "nats://"))
	p.start()
	if s := p.cli("get", "customers"); s.code != 0 {
		t.Errorf("%+v", s)
	}
	if s := p.cli("apply", "-f", sharedOffer); s.code != 0 {
		t.Errorf("%+v", s)
	}
}
