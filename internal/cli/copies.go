package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server"
)

// readCopies reads what each server of a cluster has of the log, and compares. A server that
// was started just now takes from the others what it lacks, so what is wrong counts only if it
// is still so seconds later. There is nothing to compare where one server is alone.
func readCopies(ctx context.Context, c *client.Client, monitors []string) (copies []eventlog.Copy, err error) {
	for range 4 * looks {
		if copies, err = readCopiesNow(ctx, c, monitors); err == nil && differing(copies) == nil {
			break
		}
		client.Sleep(ctx, 2*client.RetryPause)
	}
	return copies, err
}

func readCopiesNow(ctx context.Context, c *client.Client, monitors []string) (copies []eventlog.Copy, err error) {
	nc, err := c.Connect()
	if err != nil {
		return nil, err
	}
	keepers, err := eventlog.KeepersOf(ctx, nc)
	if err != nil || len(keepers.Current) == 0 {
		return nil, nil // whoever opens the log says what is wrong
	}
	if copies, err = eventlog.ReadCopies(ctx, nc, keepers.Current, 0, keepers.Last); err != nil {
		return nil, err
	}
	for _, name := range append(keepers.Current, keepers.Behind...) {
		if !slices.ContainsFunc(copies, func(c eventlog.Copy) bool { return c.Server == name }) {
			copies = append(copies, eventlog.Copy{Server: name, Wrong: "it is behind, or does not answer"})
		}
	}
	if err := counted(ctx, monitors, copies, keepers.Last); err != nil {
		return nil, err
	}
	slices.SortFunc(copies, func(a, b eventlog.Copy) int { return strings.Compare(a.Server, b.Server) })
	if err := eventlog.Compare(copies); err != nil {
		return copies, &client.Failure{Code: string(events.Internal), Message: "compare the NATS servers: " + err.Error(), Details: copyLines(copies), Exit: client.ExitFailure}
	}
	return copies, nil
}

// counted holds what was read against what each server's monitoring counts: one that knows of its own damage may not bring what it has.
func counted(ctx context.Context, monitors []string, copies []eventlog.Copy, last uint64) error {
	for _, at := range monitors {
		n, err := server.CountAt(ctx, at)
		if err != nil {
			return err
		}
		for i := range copies {
			if one := &copies[i]; one.Server == n.Server && n.Events < last {
				one.Events, one.Last, one.Sum = n.Events, n.Last, "-"
				one.Wrong = fmt.Sprintf("it has %d events of %d", n.Events, last)
			}
		}
	}
	return nil
}

// differing is the error of servers that do not have what the others have; nil if all do.
func differing(copies []eventlog.Copy) error {
	var wrong []string
	for _, c := range copies {
		if c.Wrong != "" {
			wrong = append(wrong, c.Server+": "+c.Wrong)
		}
	}
	if wrong == nil {
		return nil
	}
	return &client.Failure{Code: string(events.Internal), Details: wrong, Exit: client.ExitFailure,
		Message: fmt.Sprintf("NATS servers whose log is not the one that most have: %d: stop it, remove its store (its store_dir), and start it: it takes everything from the others; one at a time", len(wrong))}
}

func copyLines(copies []eventlog.Copy) (lines []string) {
	for _, c := range copies {
		lines = append(lines, fmt.Sprintf("%s: %d events, the last %d, sum %s %s", c.Server, c.Events, c.Last, c.Sum, c.Wrong))
	}
	return lines
}

// writeCopies prints what each server has.
func writeCopies(w io.Writer, copies []eventlog.Copy) error {
	var rows [][]string
	for _, c := range copies {
		rows = append(rows, []string{c.Server, fmt.Sprint(c.Events), fmt.Sprint(c.Last), c.Sum, cmp.Or(c.Wrong, "-")})
	}
	return print.Rows(w, []string{"SERVER", "EVENTS", "LAST", "SUM", "DIFFERS"}, rows)
}
