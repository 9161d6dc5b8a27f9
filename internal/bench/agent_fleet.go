package bench

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server"
)

// agentFleet is a server in a process of its own, and its agents in others.
type agentFleet struct {
	*bench
	crews   []*crew
	program *exec.Cmd
	address string // of the server's NATS, the same after a restart
	ca      string // the fingerprint of the server's CA
	nc      *nats.Conn
	secrets []string

	mu    sync.Mutex
	heard map[string][]time.Time // the last of each sort of event, by agent
	times map[string][]int       // and how many
	moved time.Time              // when the last came that was waited for
	ended []error                // agents that have ended too early
}

const (
	commanders = 64
	agentSpeed = 60              // of the simulated clouds
	stuckAfter = 2 * time.Minute // if nothing has come
)

func newAgentFleet(b *bench) *agentFleet {
	f := &agentFleet{bench: b, heard: map[string][]time.Time{}, times: map[string][]int{}}
	for _, sort := range []string{isConnected, isActive, isVerified} {
		f.heard[sort], f.times[sort] = make([]time.Time, b.n), make([]int, b.n)
	}
	return f
}

func (f *agentFleet) owner(i int) string { return fmt.Sprintf("a%d", i) }
func (f *agentFleet) account(i int) events.Ref {
	return events.Ref{Kind: events.Account, Owner: f.owner(i), ID: "theirs"}
}
func (f *agentFleet) home(i int) string { return filepath.Join(f.dir, "agents", strconv.Itoa(i)) }

// serve starts the server, at an address if there is one, and connects to it.
func (f *agentFleet) serve(ctx context.Context, address string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	at := "127.0.0.1:0"
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		at = u.Host
	}
	dir := filepath.Join(f.dir, "server")
	f.program = exec.CommandContext(ctx, program, "server", "--data-dir", dir, "--http", "127.0.0.1:0", "--nats", at, "--tls-names", "127.0.0.1",
		"--sim-speed", strconv.Itoa(agentSpeed), "--log-format", "json", "--log-level", "info")
	out, err := f.program.StderrPipe()
	if err != nil {
		return err
	}
	if err := f.program.Start(); err != nil {
		return err
	}
	s, err := awaitServing(out)
	if err != nil {
		return errors.Join(err, f.stop(syscall.SIGKILL))
	}
	f.address = s.NATS
	go func() { _, _ = io.Copy(io.Discard, out) }() // until it ends
	if err := f.connect(dir); err != nil {
		return errors.Join(err, f.stop(syscall.SIGKILL))
	}
	return nil
}

// connect enters as the admin, and hears what happens.
func (f *agentFleet) connect(dir string) error {
	if f.nc != nil {
		f.nc.Close()
	}
	token, err := server.AdminToken(dir)
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(filepath.Join(dir, "tls", "ca.pem"))
	if err != nil {
		return err
	}
	f.ca = client.Fingerprint(ca)
	options := []nats.Option{nats.Token(token), nats.Secure(client.JoinToken{CA: f.ca}.TLS()), nats.Timeout(client.AnswerWithin)}
	if prefix := events.InboxPrefix(token); prefix != "" {
		options = append(options, nats.CustomInboxPrefix(prefix))
	}
	if f.nc, err = client.DialNATS(f.address, options...); err != nil {
		return err
	}
	sub, err := f.nc.Subscribe(events.EventPrefix+">", f.hear)
	if err == nil {
		err = sub.SetPendingLimits(-1, -1)
	}
	return errors.Join(err, f.nc.Flush())
}

// hear notes an event of an agent.
func (f *agentFleet) hear(m *nats.Msg) {
	t := strings.Split(strings.TrimPrefix(m.Subject, events.EventPrefix), ".")
	if len(t) != 4 {
		return
	}
	i, err := strconv.Atoi(strings.TrimPrefix(t[0], "a"))
	sort := t[1] + "." + t[3]
	f.mu.Lock()
	defer f.mu.Unlock()
	if all := f.heard[sort]; err == nil && i < len(all) {
		all[i], f.moved = time.Now(), time.Now()
		f.times[sort][i]++
		f.meter.add(1)
	}
}

// command gives one, and waits for its answer.
func (f *agentFleet) command(ctx context.Context, ref events.Ref, verb, body string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	m, err := f.nc.RequestWithContext(ctx, strings.Join([]string{"aerie.cmd", ref.Owner, string(ref.Kind), ref.ID, verb}, "."), []byte(body))
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, ref, err)
	}
	var answer events.Answer
	if err := json.Unmarshal(m.Data, &answer); err != nil || answer.CommandID == "" {
		return fmt.Errorf("%s %s: %s", verb, ref, events.Truncate(string(m.Data)))
	}
	return nil
}

// found makes a customer, an account, a dataplane and an invitation for each agent.
func (f *agentFleet) found(ctx context.Context) error {
	f.meter.begin("invitations", f.n)
	f.secrets = make([]string, f.n)
	_, err := abreastOf(ctx, commanders, f.n, func(ctx context.Context, _, i int) error {
		owner := f.owner(i)
		f.secrets[i] = strings.ToLower(rand.Text())
		agent := events.Ref{Kind: events.Agent, Owner: owner, ID: "edge"}
		until := time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
		for _, c := range []struct {
			ref        events.Ref
			verb, body string
		}{
			{events.Ref{Kind: events.Customer, Owner: owner, ID: owner}, events.VerbCreate, `{"spec":{"hosting":"customer"}}`},
			{f.account(i), events.VerbCreate, `{"spec":{"cloud":"sim","number":"lab","hosting":"customer","access":"agent"}}`},
			{events.Ref{Kind: events.Dataplane, Owner: owner, ID: "edge"}, events.VerbCreate,
				fmt.Sprintf(`{"spec":{"account":"%s/theirs","region":"eu-central","type":"dedicated","mode":"pull"}}`, owner)},
			{agent, events.VerbCreate, `{"spec":{"dataplanes":["edge"]}}`},
			{agent, "invite", fmt.Sprintf(`{"secret":%q,"until":%q}`, events.HashOf(f.secrets[i]), until)},
		} {
			if err := f.command(ctx, c.ref, c.verb, c.body); err != nil {
				return err
			}
		}
		f.meter.add(1)
		return nil
	})
	return err
}

// join starts all agents, which work until the fleet is dismissed.
func (f *agentFleet) join(ctx context.Context) error {
	f.meter.begin("agents", f.n)
	for i := range f.n {
		if i%crewSize == 0 {
			c, err := startCrew(ctx, f.hasEnded)
			if err != nil {
				return err
			}
			f.crews = append(f.crews, c)
		}
		token := client.JoinToken{URL: f.address, Owner: f.owner(i), Agent: "edge", Secret: f.secrets[i], CA: f.ca}
		if err := f.crews[i/crewSize].add(member{Join: token.String(), Dir: f.home(i)}); err != nil {
			return errors.Join(err, f.failed())
		}
		for client.Sleep(ctx, startEach); ctx.Err() == nil && f.missing(isConnected, 1) > f.n-i-1+joinersAtOnce; client.Sleep(ctx, startEach) {
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// dismiss ends all agents.
func (f *agentFleet) dismiss() {
	for _, c := range f.crews {
		c.end()
	}
}

// hasEnded notes why agents have ended too early.
func (f *agentFleet) hasEnded(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = append(f.ended, err)
}

func (f *agentFleet) failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.ended...)
}

// missing is how many agents have not had so many events of a sort.
func (f *agentFleet) missing(sort string, times int) (missing int) {
	for _, n := range f.counts(sort) {
		if n < times {
			missing++
		}
	}
	return missing
}

// await waits until each agent has had so many events of a sort.
func (f *agentFleet) await(ctx context.Context, sort string, times int) error {
	f.mu.Lock()
	f.moved = time.Now()
	f.mu.Unlock()
	for ctx.Err() == nil {
		missing := f.missing(sort, times)
		f.mu.Lock()
		still := time.Since(f.moved)
		f.mu.Unlock()
		ended := f.failed()
		switch {
		case ended != nil:
			return ended
		case missing == 0:
			return nil
		case still > stuckAfter:
			return fmt.Errorf("%d of %d agents have no %s yet, and none has come for %s", missing, f.n, sort, stuckAfter)
		}
		client.Sleep(ctx, 20*time.Millisecond)
	}
	return ctx.Err()
}

// counted is how many events of a sort each agent has had, which is the same for all.
func (f *agentFleet) counted(sort string) int { return slices.Max(f.counts(sort)) }

func (f *agentFleet) counts(sort string) []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.times[sort])
}

// last is when each agent had its last event of a sort.
func (f *agentFleet) last(sort string) []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.heard[sort])
}

// said is a line of an agent's local log.
type said struct {
	At           time.Time
	What, Effect string
}

// journal reads what an agent has done and sent, as it says itself.
func (f *agentFleet) journal(i int) (all []said, err error) {
	files, err := filepath.Glob(filepath.Join(f.home(i), "log", "*.jsonl"))
	for _, name := range files {
		file, wrong := os.Open(name)
		if err = errors.Join(err, wrong); err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 1<<20) // more than a message has
		for lines.Scan() {
			var l said
			if json.Unmarshal(lines.Bytes(), &l) == nil {
				all = append(all, l)
			}
		}
		if err := errors.Join(lines.Err(), file.Close()); err != nil {
			return nil, fmt.Errorf("read what agent %d has done: %w", i, err)
		}
	}
	return all, err
}

// memory is what the server has in memory, in KB; 0 if the system does not say.
func (f *agentFleet) memory() int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", f.program.Process.Pid))
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	kb, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	n, _ := strconv.Atoi(kb)
	return n
}

// processor is how much time of a processor the server has had; 0 if the system does not say.
func (f *agentFleet) processor() time.Duration {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", f.program.Process.Pid))
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * (time.Second / 100)
}

// stop ends the server.
func (f *agentFleet) stop(signal syscall.Signal) error {
	if err := f.program.Process.Signal(signal); err != nil {
		return err
	}
	if err := f.program.Wait(); err != nil && signal != syscall.SIGKILL {
		return fmt.Errorf("the server ended: %w", err)
	}
	return nil
}

func (f *agentFleet) close() error {
	f.nc.Close()
	return f.stop(syscall.SIGINT)
}
