// Package bench measures a control plane, each time in turns with a yardstick that does the same with bare NATS: the
// rate of commands, appends, folds, lives, queries, a long history, starts, and listeners. It is no test: it asserts
// nothing, and it must not be run on a data directory that is in use. Begin reading at NewCommand and bench.measure;
// each benchmark has a file of its own. One benchmark runs at a time, with as many clients as it is told. All is kept in
// a directory of the run, which is removed at the end; a run that was killed leaves that directory behind.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

// benchmark measures one part of aerie beside what JetStream alone does with the
// same bytes, on the same server, in turns. To add one, add it to benchmarks.
type benchmark struct {
	name, short, long  string
	n, clients, rounds int                          // the defaults; without clients there is no such flag
	flags              func(*bench, *pflag.FlagSet) // its own; nil: none
	run                func(context.Context, *bench) ([]figure, error)
}

// benchmarks are in the order of the help.
var benchmarks = []benchmark{commandsBenchmark, appendBenchmark, foldBenchmark, lifecycleBenchmark, queryBenchmark,
	historyBenchmark, startBenchmark, tailsBenchmark, placementBenchmark, agentsBenchmark}

// The most that a flag may ask for: as many commands as the intake takes at once.
const (
	mostClients = 1024
	mostRounds  = 100
)

// NewCommand is `aerie bench`, with a command for each benchmark.
func NewCommand(kinds *events.Registry) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this machine beside what JetStream alone does: " + benchmarkNames(),
		Long: "Measure how fast aerie is here, beside a yardstick: what JetStream alone does with the same bytes in a stream of\n" +
			"the same configuration on the same server. Both run in turns, so that what else the machine does hits both;\n" +
			"trust the ratio before the figures. Each runs in a directory of its own and removes it.",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return client.Invalid("command", "is missing; known: %s", benchmarkNames())
			}
			return client.UnknownCommand(cmd, args[0])
		},
	}
	for _, m := range benchmarks {
		cmd.AddCommand(newBenchmarkCommand(kinds, m))
	}
	cmd.AddCommand(crewCommand())
	return cmd
}

func benchmarkNames() string {
	var names []string
	for _, m := range benchmarks {
		names = append(names, m.name)
	}
	return strings.Join(names, ", ")
}

func newBenchmarkCommand(kinds *events.Registry, m benchmark) *cobra.Command {
	b := bench{benchmark: m, kinds: kinds}
	cmd := &cobra.Command{
		Use:   m.name,
		Short: m.short,
		Long:  m.long,
		Args:  client.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := b.check(); err != nil {
				return err
			}
			return b.measure(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.IntVar(&b.n, "n", m.n, "how many in all")
	f.IntVar(&b.rounds, "rounds", m.rounds, "how many turns each side has; rates and the ratio are medians of these")
	if m.clients > 0 {
		f.IntVar(&b.clients, "clients", m.clients, "how many ask at once, each waiting for its answer before it asks again")
	}
	if m.flags != nil {
		m.flags(&b, f)
	}
	f.StringVar(&b.parent, "dir", "", "where to make the directory it runs in (default $TMPDIR); mind that a RAM disk syncs for nothing")
	f.BoolVar(&b.json, "json", false, "print the figures as one line of JSON")
	f.StringVar(&b.profile, "cpuprofile", "", "write a CPU profile of aerie's turn in the last round to this file")
	return cmd
}

// bench is one run of a benchmark.
type bench struct {
	benchmark
	kinds                       *events.Registry
	n, clients, rounds, servers int // servers is of placement
	tails                       tailsOptions
	idle                        time.Duration // of agents
	parent, profile             string
	json                        bool

	dir   string // made for this run
	meter *meter
}

// check refuses flags that ask for too little or too much.
func (b *bench) check() error {
	var faults []events.FieldError
	refuse := func(flag string, have, least, most int) {
		if have < least || have > most {
			faults = append(faults, events.FieldError{Field: flag, Message: fmt.Sprintf("%d: want %d to %d", have, least, most)})
		}
	}
	refuse("--rounds", b.rounds, 1, mostRounds)
	least := max(b.rounds, 1)
	if b.benchmark.clients > 0 {
		refuse("--clients", b.clients, 1, mostClients)
		least *= max(b.clients, 1) // each client has something to do in each round
	}
	switch b.name {
	case tailsName:
		b.tails.check(refuse)
		least *= 2 // a round has two parts
	case agentsName:
		refuse("--idle, in seconds", int(b.idle.Seconds()), 1, 86_400)
	}
	if faults == nil {
		refuse("--n", b.n, least, 10_000_000)
	}
	return events.RefuseFaults("arguments", faults)
}

// measure runs the benchmark in a new directory, which is gone afterwards, and
// prints what it found.
func (b *bench) measure(ctx context.Context, out, errs io.Writer) (err error) {
	slog.SetDefault(slog.New(slog.NewTextHandler(errs, &slog.HandlerOptions{Level: slog.LevelError})))
	if b.dir, err = os.MkdirTemp(b.parent, "aerie-bench-"); err != nil {
		return client.Invalid("--dir", "%v", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	b.meter = newMeter(errs)
	figures, err := b.run(ctx, b)
	b.meter.end()
	if ctx.Err() != nil {
		return ctx.Err() // whatever broke when it was stopped
	}
	if err != nil {
		return fmt.Errorf("bench %s: %w", b.name, err)
	}
	if b.json {
		return print.Write(out, b.line(figures))
	}
	return b.table(out, figures)
}

// perRound is how much of n a round does.
func (b *bench) perRound() int { return b.n / b.rounds }

// turn runs aerie's side of a round; the last round's is the one to be profiled.
func (b *bench) turn(round int, do func() error) error {
	if b.profile == "" || round < b.rounds-1 {
		return do()
	}
	file, err := os.Create(b.profile)
	if err != nil {
		return client.Invalid("--cpuprofile", "%v", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return errors.Join(fmt.Errorf("profile: %w", err), file.Close())
	}
	err = do()
	pprof.StopCPUProfile()
	return errors.Join(err, file.Close())
}
