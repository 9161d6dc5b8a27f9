package process

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aeriehq/aerie/events/keyring"
)

// secretChart puts the values that it is given into a Secret, and into a ConfigMap if it is told to.
var secretChart = map[string]string{
	"Chart.yaml":  "apiVersion: v2\nname: shop\nversion: v1.0.0\n",
	"values.yaml": "leak: false\n",
	"templates/all.yaml": `apiVersion: v1
kind: {{ if .Values.leak }}ConfigMap{{ else }}Secret{{ end }}
metadata: {name: {{ .Release.Name }}}
{{ if .Values.leak }}data{{ else }}stringData{{ end }}: {password: {{ .Values.password | quote }}}
`,
}

// TestSecretsOfAProcess plants secrets wherever one can be referred to, has some of it fail, and kills the program while a process of
// Helm's has them, before and after that has got its chart: they are in no file of the program's but the clusters themselves, in no
// temporary one, open or not, in no line that it says, and no process is told of them by its arguments or its environment.
func TestSecretsOfAProcess(t *testing.T) {
	t.Parallel()
	planted := map[string]string{}
	plant := func(name string) string {
		planted[name] = fmt.Sprintf("planted-%s-%x", name, len(name)*7919+104729)
		return planted[name]
	}
	p, stores := newProcess(t, "600"), t.TempDir()
	for _, name := range []string{"values", "manifest", "addon", "leak", "rotated"} {
		dir := filepath.Join(stores, "shop", name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		overwrite(t, filepath.Join(dir, "key"), plant(name))
	}
	config := filepath.Join(t.TempDir(), "stores.yaml")
	overwrite(t, config, fmt.Sprintf(`stores:
- {name: files, file: {dir: %q}, serves: [{owner: acme, names: ["shop/*"]}, {owner: "-", names: [shop/addon]}]}
- {name: env, env: {prefix: PLANTED_}, serves: [{owner: acme, names: [charts]}]}
`, stores))
	p.also = []string{"--secret-stores", config, "--log-level", "debug"}
	temporary := t.TempDir()
	p.env = []string{"TMPDIR=" + temporary, "PLANTED_CHARTS__PASSWORD=" + plant("repository"), keyring.Variable + "=" + base64.StdEncoding.EncodeToString([]byte("planted-seal-0123456789-abcdefgh"))}
	planted["seal"] = "planted-seal-0123456789-abcdefgh"
	literal := filepath.Join(t.TempDir(), "literal.yaml")
	overwrite(t, literal, fmt.Sprintf("{kind: application, name: prod_literal, owner: acme, spec: {chart: {name: shop, version: 1.0.0}, values: {password: %q}}}", plant("literal")))

	served := watchedRepository(t, p.dir, planted)
	base := filepath.Join(t.TempDir(), "base.yaml")
	overwrite(t, base, chartsBase+fmt.Sprintf(`
---
kind: addon
name: eu_tool
spec: {manifests: [{apiVersion: v1, kind: Secret, metadata: {name: tool}, stringData: {key: "${secret:files/shop/addon#key}"}}]}
---
kind: repository
name: charts
owner: acme
spec: {url: %q, caBundle: %q, username: robot, password: {secretRef: {store: env, name: charts, key: password}}}
---
kind: application
name: prod_db
owner: acme
spec: {manifests: [{apiVersion: v1, kind: Secret, metadata: {name: db}, stringData: {key: "https://db/${secret:files/shop/manifest#key}"}}]}
---
kind: application
name: prod_web
owner: acme
spec: %s
`, served.url, served.ca, served.spec("shop/values", false)))

	p.start()
	applied := p.background("apply", "-f", base, "--wait", "--timeout", "3m")
	said := ""
	for _, m := range []*moment{&served.index, &served.archive, &served.installs} { // a process has the secrets in each
		<-m.reached
		p.kill()
		served.lookAtProcesses() // what is left of it
		holdNone(t, planted, p.dir, temporary)
		close(m.goOn)
		said += p.log.String()
		p.start()
	}
	all := applied()
	if all.code != 0 {
		t.Fatalf("apply: %+v\n%s", all, p.log)
	}
	told := all.out + all.err
	run := func(code int, args ...string) {
		t.Helper()
		s := p.cli(args...)
		if s.code != code {
			t.Errorf("%v: %+v, want exit %d", args, s, code)
		}
		told += s.out + s.err
	}
	run(1, "application", "create", "acme/prod_leak", "--spec", served.spec("shop/leak", true), "--wait", "--timeout", "1m")
	run(1, "application", "create", "acme/prod_others", "--spec", served.spec("birch/values", false), "--wait", "--timeout", "1m")
	run(0, "application", "update", "acme/prod_web", "--spec", served.spec("shop/rotated", false), "--wait", "--timeout", "1m")
	run(2, "apply", "-f", literal)
	run(0, "delete", "application", "acme/prod_db", "--wait", "--timeout", "1m")
	for _, kind := range []string{"applications", "addons", "repositories", "tenants", "operations"} {
		run(0, "get", kind, "-o", "json")
	}
	for _, name := range []string{"acme/prod_web", "acme/prod_leak", "acme/prod_others"} {
		run(0, "history", "application", name, "-o", "json")
		run(0, "why", "application", name)
	}
	for _, path := range []string{"/v1/events?limit=1000", "/metrics"} {
		_, body := p.http(path)
		told += string(body)
	}
	run(0, "log", "verify")
	if !strings.Contains(told, "${secret:files/shop/values#key}") || !strings.Contains(told, "ConfigMap") {
		t.Error("what is read tells no reference, or not which object was to hold a secret")
	}
	if _, code := p.interrupt(); code != 0 {
		t.Errorf("the server ended with %d", code)
	}
	said += p.log.String()
	if !strings.Contains(said, "attempt failed") {
		t.Error("the log tells of no failure")
	}
	for where, text := range map[string]string{"what is told": told, "the log": said} {
		if name := holds(planted, []byte(text)); name != "" {
			t.Errorf("%s has the secret %s", where, name)
		}
	}
	holdNone(t, planted, p.dir, temporary)
	p.clustersHold(planted)
	if served.processes() == 0 {
		t.Error("no process of Helm's was looked at")
	}
}

// holds is the name of a planted secret that a text has, plainly or in base64; empty: it has none.
func holds(planted map[string]string, text []byte) string {
	for name, secret := range planted {
		if bytes.Contains(text, []byte(secret)) || bytes.Contains(text, []byte(base64.StdEncoding.EncodeToString([]byte(secret)))) {
			return name
		}
	}
	return ""
}

// holdNone looks through directories, but for the simulated clusters.
func holdNone(t *testing.T, planted map[string]string, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && d.Name() == "cloud" {
				return fs.SkipDir
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil // a process of Helm's may still tidy up
			}
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			if name := holds(planted, data); name != "" {
				t.Errorf("%s holds the secret %s", path, name)
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// clustersHold looks through all that was put into simulated clusters: what was referred to is in Secrets, and nothing else is
// anywhere.
func (p *process) clustersHold(planted map[string]string) {
	p.t.Helper()
	found := map[string]bool{}
	for line := range strings.Lines(string(read(p.t, filepath.Join(p.dir, "cloud", "ledger.jsonl")))) {
		name := holds(planted, []byte(line))
		if name == "" {
			continue
		}
		var l struct{ Call struct{ Name string } }
		if err := json.Unmarshal([]byte(line), &l); err != nil || !strings.HasPrefix(l.Call.Name, "Secret ") {
			p.t.Errorf("%s holds the secret %s: %v", l.Call.Name, name, err)
		}
		found[name] = true
	}
	for _, name := range []string{"values", "manifest", "addon", "rotated"} {
		if !found[name] {
			p.t.Errorf("the secret %s is in no cluster", name)
		}
	}
	if found["repository"] || found["seal"] || found["literal"] || found["leak"] {
		p.t.Error("a cluster has what it has no use for:", found)
	}
}

// moment is one at which the test does something, the first time that it comes.
type moment struct {
	reached, goOn chan struct{} // each is closed once
	once          sync.Once
}

func newMoment() moment { return moment{reached: make(chan struct{}), goOn: make(chan struct{})} }

// come says that it has come.
func (m *moment) come() { m.once.Do(func() { close(m.reached) }) }

// watched is a repository of charts. While it is asked it looks at who is running.
type watched struct {
	t       *testing.T
	url, ca string
	dir     string // of the server whose processes these are
	planted map[string]string
	index   moment // the index is asked for, and not answered
	archive moment // the chart is
	// installs comes when somebody has the chart; nobody waits for it to go on.
	installs moment
	mu       sync.Mutex
	seen     int
}

func watchedRepository(t *testing.T, dir string, planted map[string]string) *watched {
	t.Helper()
	w := &watched{t: t, dir: dir, planted: planted, index: newMoment(), archive: newMoment(), installs: newMoment()}
	password := planted["repository"]
	answer := chartRepository(t, "shop", "v1.0.0", secretChart)
	s := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if user, shown, _ := r.BasicAuth(); user != "robot" || shown != password {
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.lookAtProcesses()
		if !strings.HasSuffix(r.URL.Path, ".tgz") {
			w.index.come()
			<-w.index.goOn
			answer(rw, r)
			return
		}
		w.archive.come()
		<-w.archive.goOn
		answer(rw, r)
		if r.Context().Err() == nil { // who has asked is there still
			w.installs.come()
		}
	}))
	t.Cleanup(s.Close)
	w.url = s.URL
	w.ca = base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	return w
}

// spec is an application of the chart with a secret.
func (w *watched) spec(secret string, leak bool) string {
	return fmt.Sprintf(`{chart: {name: shop, version: 1.0.0, repository: %q, credentials: charts}, values: {leak: %v, password: "${secret:files/%s#key}"}}`, w.url, leak, secret)
}

// lookAtProcesses looks at the arguments of all processes, and at the environment and the open files of those that the server has started.
func (w *watched) lookAtProcesses() {
	w.mu.Lock()
	defer w.mu.Unlock()
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range all {
		arguments, _ := os.ReadFile(filepath.Join(process, "cmdline")) // what has gone meanwhile has none
		if name := holds(w.planted, arguments); name != "" {
			w.t.Errorf("the arguments of a process have the secret %s: %q", name, arguments)
		}
		environment, _ := os.ReadFile(filepath.Join(process, "environ"))
		if !bytes.Contains(environment, []byte("HOME="+w.dir)) {
			continue
		}
		w.seen++
		if name := holds(w.planted, environment); name != "" {
			w.t.Errorf("a process was told the secret %s by its environment", name)
		}
		open, _ := filepath.Glob(filepath.Join(process, "fd", "*"))
		for _, file := range open { // one that was deleted has no name, and is there
			if to, err := os.Stat(file); err != nil || !to.Mode().IsRegular() {
				continue
			}
			data, _ := os.ReadFile(file)
			if name := holds(w.planted, data); name != "" {
				w.t.Errorf("a process has a file open that has the secret %s", name)
			}
		}
	}
}

// processes is how many of the server's were looked at.
func (w *watched) processes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen
}
