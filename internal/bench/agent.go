package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

var agentsBenchmark = benchmark{
	name:  agentsName,
	short: "Many agents of one server: what each costs, how soon a change reaches all, and how soon all are back after a restart",
	long: "Start a server in a process of its own, and in others as many whole agents as --n, each of a customer of its own with an\n" +
		"account and a dataplane of mode pull in a simulated cloud beside it, over TLS. When all dataplanes are Active, nothing is\n" +
		"changed for --idle, and what each agent sends is counted. Then each round has all accounts verified again, and times each\n" +
		"from its command's answer. At last the server is killed and started again, and all accounts are verified once more.\n" +
		"It has no yardstick, and runs on Linux; --cpuprofile is of neither the server nor the agents.",
	n: 500, rounds: 3,
	flags: agentFlags,
	run:   benchAgents,
}

func agentFlags(b *bench, f *pflag.FlagSet) {
	f.DurationVar(&b.idle, "idle", 3*time.Minute, "how long nothing is changed, while what agents send is counted")
}

const agentsName = "agents"

// The parts of the run.
const (
	startEach     = 10 * time.Millisecond // between two agents: they do not all make their clouds at once
	joinersAtOnce = 128                   // that are not connected yet: nobody invites thousands in a minute
	restFor       = 5 * time.Second       // after what was waited for, until what is told of it is done too
)

// What is waited for.
const (
	isConnected = "agent.connected"
	isActive    = "dataplane.activated"
	isVerified  = "account.verified"
)

func benchAgents(ctx context.Context, b *bench) (_ []figure, err error) {
	f := newAgentFleet(b)
	if err := f.serve(ctx, ""); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	if err := f.found(ctx); err != nil {
		return nil, err
	}
	before := f.memory()
	defer f.dismiss() // before the server is
	began := time.Now()
	if err := f.join(ctx); err != nil {
		return nil, err
	}
	if err := f.await(ctx, isConnected, 1); err != nil {
		return nil, err
	}
	joined := time.Since(began)
	if err := f.await(ctx, isActive, 1); err != nil {
		return nil, err
	}
	built := time.Since(began)
	b.meter.say("%d agents joined within %.0f s, and their dataplanes are Active after %.0f s", b.n, joined.Seconds(), built.Seconds())
	sent, idle, err := f.silence(ctx)
	if err != nil {
		return nil, err
	}
	b.meter.say("nothing changes: %.2f messages a minute each, at most %.2f; the server takes %.1f %% of a processor", mean(sent), slices.Max(sent), 100*idle)
	var one side
	var whole []float64
	for i := range b.rounds {
		if err := b.turn(i, func() error { return f.round(ctx, &one, &whole) }); err != nil {
			return nil, err
		}
		b.meter.say("round %d of %d: a change reached all within %.2f s", i+1, b.rounds, whole[i])
	}
	held := f.memory()
	back, err := f.restart(ctx)
	if err != nil {
		return nil, err
	}
	return append([]figure{
		{"joined_s", "all had joined after", joined.Seconds(), " s"},
		{"built_s", "all dataplanes were Active after", built.Seconds(), " s"},
		{"idle_per_min", "an idle agent's messages a minute, on average", mean(sent), ""},
		{"idle_max_per_min", "those of the one that sent most", slices.Max(sent), ""},
		{"idle_cpu", "the server's processor while all are idle", 100 * idle, " %"},
		{"p50_us", "half of the changes done within", one.us(0.5), " us"},
		{"p99_us", "99 % of the changes done within", one.us(0.99), " us"},
		{"all_s", "slowest round: from the first command until the last change was done", slices.Max(whole), " s"},
		{"rss_kb_each", "the server's memory for each agent", float64(held-before) / float64(b.n), " KB"},
		{"rss_all_kb_each", "all of the server's memory, by agents", float64(held) / float64(b.n), " KB"},
	}, back...), nil
}

func mean(all []float64) (sum float64) {
	for _, v := range all {
		sum += v
	}
	return sum / float64(max(1, len(all)))
}

// silence counts what each agent sends a minute while nothing is changed, and which share of a processor the server takes.
func (f *agentFleet) silence(ctx context.Context) (each []float64, cpu float64, err error) {
	client.Sleep(ctx, min(f.idle, time.Minute)) // what has just become Active is looked at, and told
	from, spent := time.Now(), f.processor()
	client.Sleep(ctx, f.idle)
	to := time.Now()
	cpu = (f.processor() - spent).Seconds() / to.Sub(from).Seconds()
	for i := range f.n {
		said, err := f.journal(i)
		if err != nil {
			return nil, 0, err
		}
		sent := 0
		for _, l := range said {
			if l.What == "sent" && l.At.After(from) && !l.At.After(to) {
				sent++
			}
		}
		each = append(each, float64(sent)/to.Sub(from).Minutes())
	}
	return each, cpu, ctx.Err()
}

// round has all accounts verified, and adds how long that took each, and how long it took in all.
func (f *agentFleet) round(ctx context.Context, each *side, whole *[]float64) error {
	began, before := time.Now(), f.counted(isVerified)
	asked, err := f.verifyAll(ctx)
	if err == nil {
		err = f.await(ctx, isVerified, before+1)
	}
	if err != nil {
		return err
	}
	one := sample{n: f.n, took: time.Since(began)}
	for i, at := range f.last(isVerified) {
		one.each = append(one.each, max(0, at.Sub(asked[i])))
	}
	each.add(one)
	*whole = append(*whole, one.took.Seconds())
	client.Sleep(ctx, restFor)
	return ctx.Err()
}

// verifyAll asks for each account to be verified again, and returns when each was answered.
func (f *agentFleet) verifyAll(ctx context.Context) ([]time.Time, error) {
	asked := make([]time.Time, f.n)
	_, err := abreastOf(ctx, commanders, f.n, func(ctx context.Context, _, i int) error {
		err := f.command(ctx, f.account(i), events.VerbRetry, "{}")
		asked[i] = time.Now()
		return err
	})
	return asked, err
}

// restart kills the server, starts it again and has all accounts verified: who has done that is back.
func (f *agentFleet) restart(ctx context.Context) ([]figure, error) {
	verified := f.counted(isVerified)
	if err := f.stop(syscall.SIGKILL); err != nil {
		return nil, err
	}
	killed := time.Now()
	if err := f.serve(ctx, f.address); err != nil {
		return nil, err
	}
	serves := time.Since(killed)
	_, err := f.verifyAll(ctx)
	if err == nil {
		err = f.await(ctx, isVerified, verified+1)
	}
	if err != nil {
		return nil, err
	}
	var back side
	one := sample{n: f.n, took: time.Since(killed)}
	for _, at := range f.last(isVerified) {
		one.each = append(one.each, at.Sub(killed))
	}
	back.add(one)
	client.Sleep(ctx, restFor)
	lost, twice, again, err := f.done(verified + 1)
	if err != nil {
		return nil, err
	}
	f.meter.say("the server serves %.1f s after a kill, and all agents are back after %.1f s", serves.Seconds(), one.took.Seconds())
	return []figure{
		{"serves_s", "killed: it serves again after", serves.Seconds(), " s"},
		{"back_p50_s", "half of the agents have done something again after", back.us(0.5) / 1e6, " s"},
		{"back_s", "all of them after", one.took.Seconds(), " s"},
		{"lost", "changes that were not done", float64(lost), ""},
		{"twice", "changes that are in the log twice", float64(twice), ""},
		{"looked_again", "accounts that an agent looked at once more, since the answer to its report was lost", float64(again), ""},
	}, ctx.Err()
}

// done compares what was asked for with what was done: how often something is missing in the log, or there twice, and how often
// agents did it once more.
func (f *agentFleet) done(times int) (lost, twice, again int, err error) {
	for i, n := range f.counts(isVerified) {
		lost, twice = lost+max(0, times-n), twice+max(0, n-times)
		said, err := f.journal(i)
		if err != nil {
			return 0, 0, 0, err
		}
		looked := 0
		for _, l := range said {
			if l.What == "done" && l.Effect == (events.VerifyAccount{}).Effect() {
				looked++
			}
		}
		again += max(0, looked-times)
	}
	for i, n := range f.counts(isActive) {
		if n != 1 {
			return 0, 0, 0, fmt.Errorf("the dataplane of agent %d became Active %d times", i, n)
		}
	}
	return lost, twice, again, nil
}
