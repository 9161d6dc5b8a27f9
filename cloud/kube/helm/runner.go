package helm

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
)

// ErrBusy says that there is no room for one more operation now: ask again.
var ErrBusy = errors.New("too many releases are worked on at once")

// Runner starts a process for each operation. Its methods may be called from any goroutine. What it bounds, it bounds in this
// process: that two replicas do not work on one release is the work queue's doing, which gives each piece of work to one of them.
type Runner struct {
	program string
	dir     string
	proxy   string // by which charts are fetched; empty: as the environment says
	slots   *slots
}

// NewRunner runs operations by the program aerie-helm that is at a path. Each process gets a directory of its own in a
// directory that is there; one whose starter was killed leaves it.
func NewRunner(program, dir string) *Runner {
	return &Runner{program: program, dir: dir, slots: newSlots()}
}

// GoBy has charts be fetched by an HTTP proxy, such as http://user:password@proxy.example.com:3128, but for hosts that NO_PROXY
// names. It is called before Run; an empty one leaves it to the environment.
func (r *Runner) GoBy(proxy string) { r.proxy = proxy }

// Program is where aerie-helm is: where AERIE_HELM says, else beside the program that is running.
func Program() string {
	if path := os.Getenv("AERIE_HELM"); path != "" {
		return path
	}
	self, err := os.Executable()
	if err != nil {
		return "aerie-helm"
	}
	return filepath.Join(filepath.Dir(self), "aerie-helm")
}

// Run does one operation for a customer, or says ErrBusy at once: who asks again at least once a minute keeps its place in
// the line. Any other error is a *kube.Error. When ctx ends, so does the process: the next one finds what it left, and is let
// in when that process is gone.
func (r *Runner) Run(ctx context.Context, customer string, q Request) (Result, error) {
	leave, ok := r.slots.enter(customer, q.Namespace+"/"+q.Release)
	if !ok {
		return Result{}, ErrBusy
	}
	defer leave()
	q.Rendered = cmp.Or(q.Rendered, RenderWithin)
	ctx, cancel := context.WithTimeout(ctx, q.Rendered+time.Minute+2*q.Within)
	defer cancel()
	return r.run(ctx, q)
}

// HasSlot says whether it is worth while to do what comes before Run for a release: where it is not, Run would say ErrBusy,
// and the release waits in the line as if it had. It takes no slot: Run may still say ErrBusy.
func (r *Runner) HasSlot(customer, namespace, release string) bool {
	return r.slots.open(customer, namespace+"/"+release)
}

// run talks to one child. Its standard input stays open while it works: when we die, it sees the end and dies too.
func (r *Runner) run(ctx context.Context, q Request) (Result, error) {
	dir, err := os.MkdirTemp(r.dir, "release-") // what one customer's chart leaves behind, no other's sees
	if err == nil {
		dir, err = filepath.Abs(dir) // the process is told of it, and starts in it
	}
	if err != nil {
		return Result{}, broken(q, kube.Unavailable, err.Error())
	}
	defer func() { _ = os.RemoveAll(dir) }()
	cmd := exec.CommandContext(ctx, r.program)
	cmd.Dir, cmd.Env = dir, r.environment(dir)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &limited{w: &out, left: MaxOutput}, &limited{w: &stderr, left: 64 << 10}
	in, err := cmd.StdinPipe()
	if err != nil {
		return Result{}, broken(q, kube.Unavailable, err.Error())
	}
	told, tells, err := os.Pipe()
	if err != nil {
		return Result{}, broken(q, kube.Unavailable, err.Error())
	}
	defer func() { _ = told.Close() }()
	q.Tells, cmd.ExtraFiles = true, []*os.File{tells}
	err = cmd.Start()
	_ = tells.Close()
	if err != nil {
		return Result{}, broken(q, kube.Unavailable, fmt.Sprintf("aerie-helm does not start: %v; it belongs beside aerie", err))
	}
	go r.listen(told, q.Namespace+"/"+q.Release)
	asked := json.NewEncoder(in).Encode(q)
	err = cmd.Wait()
	_ = in.Close()
	if ctx.Err() != nil {
		return Result{}, broken(q, kube.Unavailable, "it was not done in time")
	}
	return answer(q, out.Bytes(), stderr.String(), errors.Join(asked, err))
}

// listen takes down what a process tells, until it ends.
func (r *Runner) listen(told io.Reader, release string) {
	word := []byte{0}
	for {
		if _, err := told.Read(word); err != nil {
			return
		}
		r.slots.waits(release, word[0] == Waits)
	}
}

func answer(q Request, out []byte, stderr string, err error) (Result, error) {
	var result Result
	if bad := json.Unmarshal(out, &result); bad != nil || err != nil && result.Failure == nil {
		return Result{}, broken(q, kube.Invalid, q.hide("its process ended badly: "+ended(stderr, err)))
	}
	if f := result.Failure; f != nil {
		return result, broken(q, f.Code, q.hide(f.Message))
	}
	return result, nil
}

// ended says why a process ended, as far as one line can.
func ended(stderr string, err error) string {
	line, _, _ := strings.Cut(stderr, "\n")
	if strings.Contains(stderr, "out of memory") || strings.Contains(stderr, "cannot allocate memory") {
		return fmt.Sprintf("it needs more than %d MiB of memory", MaxMemory>>20)
	}
	if line == "" && err != nil {
		return err.Error()
	}
	return line
}

// hide takes what is secret out of a message.
func (q Request) hide(message string) string {
	secrets := append(slices.Clone(q.Secrets), q.Chart.Login.Password)
	if q.Cluster != nil {
		secrets = append(secrets, q.Cluster.Token)
	}
	for _, s := range secrets {
		if s != "" {
			message = strings.ReplaceAll(message, s, "[secret]")
			message = strings.ReplaceAll(message, base64.StdEncoding.EncodeToString([]byte(s)), "[secret]")
		}
	}
	return message
}

func broken(q Request, code kube.Code, message string) error {
	const most = 1000
	if len(message) > most {
		message = message[:most] + " …"
	}
	return &kube.Error{Code: code, Op: "helm " + string(q.Op), Object: q.Namespace + "/" + q.Release, Message: message}
}

// environment is all that a child sees of ours: how to come out of here. Of two values the later one holds.
func (r *Runner) environment(dir string) []string {
	env := []string{"HOME=" + dir, "TMPDIR=" + dir, "HELM_CACHE_HOME=" + dir, "HELM_CONFIG_HOME=" + dir, "HELM_DATA_HOME=" + dir, "HELM_NO_PLUGINS=1"}
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	if r.proxy != "" {
		env = append(env, "HTTPS_PROXY="+r.proxy, "HTTP_PROXY="+r.proxy)
	}
	return env
}

// limited drops what is too much; the child goes on, and its answer cannot be read.
type limited struct {
	w    io.Writer
	left int
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	if _, err := l.w.Write(p[:n]); err != nil {
		return 0, err
	}
	return len(p), nil
}
