package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server"
)

// crewSize is how many agents a process has: each holds three files, so a limit of 8,192 open files is enough.
const crewSize = 2_500

// member is an agent, as its crew is told of it: a line of its input, since a secret is no argument.
type member struct{ Join, Dir string }

// crewCommand is a process of agents. It is hidden: the benchmark starts it.
func crewCommand() *cobra.Command {
	return &cobra.Command{
		Use: "crew", Hidden: true, Args: client.NoArgs, Short: "Be the agents that the input names, until it ends",
		RunE: func(cmd *cobra.Command, _ []string) error { return beCrew(cmd.Context(), cmd.InOrStdin()) },
	}
}

// beCrew runs agents until its input ends, or one of them does.
func beCrew(ctx context.Context, in io.Reader) error {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // thousands have much to say when their server is killed
	ctx, end := context.WithCancel(ctx)
	var members sync.WaitGroup
	defer members.Wait()
	defer end()
	told, ended := make(chan member), make(chan error, 1)
	go func() {
		defer close(told)
		lines := json.NewDecoder(in)
		for m := (member{}); lines.Decode(&m) == nil; m = (member{}) {
			told <- m
		}
	}()
	for {
		select {
		case m, more := <-told:
			if !more {
				return nil
			}
			members.Go(func() {
				err := server.RunAgent(ctx, server.AgentSettings{Join: m.Join, DataDir: m.Dir, Version: server.Semver()})
				select {
				case ended <- fmt.Errorf("the agent in %s: %w", m.Dir, err):
				default: // another one has ended first
				}
			})
		case err := <-ended:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

// crew is a process of agents, as the benchmark sees it.
type crew struct {
	process *exec.Cmd
	in      io.WriteCloser
	out     strings.Builder
	ended   chan struct{}
}

// startCrew starts a process that has no agents yet. If it fails, ended is called with the reason.
func startCrew(ctx context.Context, ended func(error)) (*crew, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &crew{process: exec.CommandContext(ctx, program, "bench", "crew"), ended: make(chan struct{})}
	c.process.Stderr = &c.out
	if c.in, err = c.process.StdinPipe(); err != nil {
		return nil, err
	}
	if err := c.process.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(c.ended)
		if err := c.process.Wait(); err != nil {
			ended(fmt.Errorf("agents ended: %w: %s", err, c.out.String()))
		}
	}()
	return c, nil
}

// add gives it an agent more.
func (c *crew) add(m member) error { return json.NewEncoder(c.in).Encode(m) }

// end ends its agents, and waits for them.
func (c *crew) end() {
	_ = c.in.Close() // who has ended already reads nothing
	<-c.ended
}
