package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server"
)

var startBenchmark = benchmark{
	name:  "start",
	short: "A server with many tenants started, after a clean stop and after a kill, until it has accepted a command",
	long: "Write a log of tenants that become Active, and start a server on it in a process of its own: after a clean stop,\n" +
		"then after a kill, each until it has accepted a command. Of that time what nats-server takes to open its store is\n" +
		"the yardstick, and the rest is aerie's. A start before all others, which is not counted, leaves a snapshot.",
	n: 100_000, rounds: 3,
	run: benchStart,
}

// starting is the benchmark of starts under way.
type starting struct {
	*bench
	ours, raw         side
	killed, killedRaw side
	first             time.Duration // the start without a snapshot
	commanded         int
}

func benchStart(ctx context.Context, b *bench) (_ []figure, err error) {
	r := &starting{bench: b}
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	b.meter.begin("starts", 2*b.rounds+1)
	if r.first, err = r.cycle(ctx, &side{}, &side{}, syscall.SIGINT); err != nil {
		return nil, err
	}
	for i := range b.rounds {
		err := b.turn(i, func() error { _, err := r.cycle(ctx, &r.ours, &r.raw, syscall.SIGKILL); return err })
		if err == nil {
			_, err = r.cycle(ctx, &r.killed, &r.killedRaw, syscall.SIGINT)
		}
		if err != nil {
			return nil, err
		}
		b.meter.say("round %d of %d: %s us, nats-server %s us; after a kill %s us, nats-server %s us", i+1, b.rounds,
			rounded(r.ours.us(1)), rounded(r.raw.us(1)), rounded(r.killed.us(1)), rounded(r.killedRaw.us(1)))
	}
	return append(compared(&r.ours, &r.raw, "tenants", "starts after a clean stop", "starts of nats-server"),
		figure{"killed_p50_us", "half of the starts after a kill within", r.killed.us(0.5), " us"},
		figure{"killed_raw_p50_us", "raw: half of the starts of nats-server after a kill within", r.killedRaw.us(0.5), " us"},
		figure{"first_us", "the first start, without a snapshot", float64(r.first.Microseconds()), " us"}), nil
}

func (r *starting) prepare(ctx context.Context) error {
	l, err := r.openBareLog(ctx)
	if err != nil {
		return err
	}
	r.meter.begin("events written", r.n*len(way(0)))
	return errors.Join(l.populate(ctx, r.n, r.meter), l.close())
}

// cycle starts a server, commands it, and ends it.
func (r *starting) cycle(ctx context.Context, ours, raw *side, end syscall.Signal) (total time.Duration, err error) {
	defer r.meter.add(1)
	program, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, program, "server", "--data-dir", r.dir, "--http", "127.0.0.1:0", "--nats", "127.0.0.1:0", "--sim-speed", "0", "--log-format", "json")
	says, err := cmd.StderrPipe()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	s, err := awaitServing(says)
	if err == nil {
		err = r.command(ctx, s)
	}
	total = time.Since(began)
	_ = cmd.Process.Signal(end) // Wait tells
	_, _ = io.Copy(io.Discard, says)
	if ended := cmd.Wait(); err == nil && end != syscall.SIGKILL {
		err = ended
	}
	ours.add(sample{r.n, total - s.Store, []time.Duration{total - s.Store}})
	raw.add(sample{r.n, s.Store, []time.Duration{s.Store}})
	return total, err
}

// served is what a server says once it serves.
type served struct {
	Msg, HTTP, NATS, Err string
	Store                time.Duration `json:"nats-server"` // what nats-server took
}

// awaitServing reads a server's log until it serves.
func awaitServing(says io.Reader) (s served, err error) {
	var last string
	for lines := bufio.NewScanner(says); lines.Scan(); last = lines.Text() {
		if err := json.Unmarshal(lines.Bytes(), &s); err == nil && s.Msg == "aerie serves" {
			return s, nil
		}
	}
	return s, fmt.Errorf("the server ended: %s", last)
}

// command has a command accepted.
func (r *starting) command(ctx context.Context, s served) error {
	token, err := server.AdminToken(r.dir)
	if err != nil {
		return err
	}
	cl, err := client.New(s.HTTP, s.NATS, token)
	if err != nil {
		return err
	}
	defer cl.Close()
	r.commanded++
	id := fmt.Sprintf("first%d", r.commanded)
	ctx, cancel := context.WithTimeout(ctx, client.AnswerWithin)
	defer cancel()
	_, err = cl.Send(ctx, client.Command{Ref: events.Ref{Kind: events.Customer, Owner: id, ID: id}, Verb: events.VerbCreate, Body: []byte(`{"spec":{}}`)})
	return err
}
