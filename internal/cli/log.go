package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/projections/state"
)

func newLogCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "log",
		Short: "Examine the log: verify, secrets",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return client.Invalid("command", "is missing%s", events.Suggest("", []string{"verify", "secrets"}))
			}
			return client.UnknownCommand(cmd, args[0])
		},
	}
	cmd.AddCommand(newVerifyCommand(), newLogSecretsCommand())
	return cmd
}

func newVerifyCommand() *cobra.Command {
	var conn client.Connection
	var o print.Output
	var monitor string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Fold the whole log here and compare with the server's views",
		Long: "Read the whole log over NATS, fold it in this process, and compare every entity with what the server says of\n" +
			"it over HTTP. On a cluster of NATS servers it also reads what each of them has, and names the one that differs.\n" +
			"It ends with exit code 1 if anything differs, or if the log is damaged or torn.",
		Args: client.NoArgs,
		RunE: connected(&conn, &o, func(cmd *cobra.Command, cl *client.Client) error {
			var monitors []string
			if monitor != "" {
				monitors = strings.Split(monitor, ",")
			}
			found, err := verify(cmd.Context(), cl, monitors, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return found.print(cmd.OutOrStdout(), o.Format)
		}),
	}
	conn.Flags(cmd)
	o.Flags(cmd, asText, print.JSON)
	cmd.Flags().StringVar(&monitor, "nats-monitor", "", "HTTP monitoring addresses of the NATS servers, such as http://a:8222,http://b:8222: also what they count is compared")
	return cmd
}

// verify compares a fold of the log with the views, and tells notes how far it is.
func verify(ctx context.Context, cl *client.Client, monitors []string, notes io.Writer) (verdict, error) {
	copies, err := readCopies(ctx, cl, monitors)
	if err != nil {
		return verdict{}, err
	}
	log, err := openLog(ctx, cl)
	if err != nil {
		return verdict{}, errors.Join(differing(copies), err)
	}
	v := &verification{cl: cl, log: log, world: state.New(), notes: notes, seen: map[events.Ref]bool{}}
	if err := v.run(ctx); err != nil {
		return verdict{}, errors.Join(differing(copies), err)
	}
	slices.SortStableFunc(v.found, func(a, b disagreement) int { return strings.Compare(a.ref().String(), b.ref().String()) })
	return verdict{Events: v.world.Seq, Entities: len(v.seen), Differences: v.found, Servers: copies}, nil
}

// openLog opens the log for reading. Nothing is known here of what it has to
// hold, so nothing guards it; what is not there is not made.
func openLog(ctx context.Context, c *client.Client) (*eventlog.Log, error) {
	nc, err := c.Connect()
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	if _, err := js.Stream(ctx, eventlog.Stream); err != nil {
		if err := untailed(ctx, c, err); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("open the log: %w", ctx.Err())
	}
	return openLive(ctx, nc)
}

// looks is how often the log is looked at before what is wrong with it counts.
const looks = 3

// openLive opens a log that is being written: its end may be in the middle of
// a decision at one moment, and not at the next.
func openLive(ctx context.Context, nc *nats.Conn) (log *eventlog.Log, err error) {
	for range looks {
		if log, err = eventlog.Open(ctx, nc, fsm.Vocabulary(), &filestore.Guard{}); err == nil {
			return log, nil
		}
		client.Sleep(ctx, client.RetryPause)
	}
	return nil, err
}

// verdict is what came of a verification.
type verdict struct {
	Events      uint64          `json:"events"`
	Entities    int             `json:"entities"`
	Differences []disagreement  `json:"differences"`
	Servers     []eventlog.Copy `json:"servers,omitempty"` // what each server of a cluster has
}

// disagreement is one field of an entity about which log and view do not agree.
type disagreement struct {
	Kind  events.Kind `json:"kind"`
	Owner string      `json:"owner"`
	ID    string      `json:"id"`
	Field string      `json:"field"`
	Log   string      `json:"log"`
	View  string      `json:"view"`
}

func (d disagreement) ref() events.Ref { return events.Ref{Kind: d.Kind, Owner: d.Owner, ID: d.ID} }

func (v verdict) print(w io.Writer, format string) error {
	var err error
	switch {
	case format == print.JSON:
		err = v.json(w)
	case len(v.Differences) == 0:
		err = print.Write(w, fmt.Appendf(nil, "%d events, %d entities: the views equal the log\n", v.Events, v.Entities))
	default:
		err = v.table(w)
	}
	if format != print.JSON && len(v.Servers) > 0 {
		err = errors.Join(err, writeCopies(w, v.Servers))
	}
	return errors.Join(err, v.failure(), differing(v.Servers))
}

func (v verdict) json(w io.Writer) error {
	v.Differences = append([]disagreement{}, v.Differences...) // never null
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write a verdict: %w", err)
	}
	return print.Raw(w, print.JSON, raw)
}

func (v verdict) table(w io.Writer) error {
	var rows [][]string
	for _, d := range v.Differences {
		rows = append(rows, []string{d.ref().String(), d.Field, d.Log, d.View})
	}
	return print.Rows(w, []string{"ENTITY", "FIELD", "LOG SAYS", "VIEW SAYS"}, rows)
}

// failure is the error of views that are not the fold of their log; nil if they are.
func (v verdict) failure() error {
	if len(v.Differences) == 0 {
		return nil
	}
	return &client.Failure{Code: string(events.Internal), Message: fmt.Sprintf("%d events, %d entities: the views differ from the log, differences: %d", v.Events, v.Entities, len(v.Differences)), Exit: client.ExitFailure}
}
