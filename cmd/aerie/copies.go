package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
)

// readCopies reads what each server of a cluster has of the log, and compares. There is
// nothing to compare where one server is alone.
func (c *client) readCopies(ctx context.Context) (copies []eventlog.Copy, err error) {
	nc, err := c.connect()
	if err != nil {
		return nil, err
	}
	keepers, err := eventlog.KeepersOf(ctx, nc)
	if err != nil || len(keepers.Current) == 0 {
		return nil, nil // whoever opens the log says what is wrong
	}
	for _, at := range nc.Servers() {
		one, err := c.readCopy(ctx, at, keepers, copies)
		if err != nil {
			return nil, err
		}
		if one != nil {
			copies = append(copies, *one)
		}
	}
	for _, name := range append(keepers.Current, keepers.Behind...) {
		if !slices.ContainsFunc(copies, func(c eventlog.Copy) bool { return c.Server == name }) {
			copies = append(copies, eventlog.Copy{Server: name, Wrong: "it is behind, or does not answer"})
		}
	}
	if err := c.counted(ctx, copies, keepers.Last); err != nil {
		return nil, err
	}
	slices.SortFunc(copies, func(a, b eventlog.Copy) int { return strings.Compare(a.Server, b.Server) })
	if err := eventlog.Compare(copies); err != nil {
		return copies, &failure{code: string(events.Internal), message: "compare the NATS servers: " + err.Error(), details: copyLines(copies), exit: exitTrouble}
	}
	return copies, nil
}

// readCopy reads the copy of the server at an address; none if it is away, behind, has no copy, or was read
// already.
func (c *client) readCopy(ctx context.Context, at string, keepers eventlog.Keepers, read []eventlog.Copy) (*eventlog.Copy, error) {
	nc, err := nats.Connect(c.enterAt(at), append(slices.Clone(c.options), nats.Name("aerie log verify"), nats.NoReconnect(),
		nats.IgnoreDiscoveredServers(), nats.Timeout(attempt), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))...)
	if err != nil {
		return nil, nil // it is named as one that does not answer
	}
	defer nc.Close()
	name := nc.ConnectedServerName()
	if !slices.Contains(keepers.Current, name) || slices.ContainsFunc(read, func(c eventlog.Copy) bool { return c.Server == name }) {
		return nil, nil
	}
	var one eventlog.Copy
	for range looks { // what was appended just now may be on its way there
		if one, err = eventlog.ReadCopy(ctx, nc, keepers.Last); err != nil || one.Last >= keepers.Last {
			break
		}
		sleep(ctx, pause)
	}
	return &one, err
}

// counted holds what was read against what each server's monitoring counts: for one that has lost
// something, and so does not answer, another one does.
func (c *client) counted(ctx context.Context, copies []eventlog.Copy, last uint64) error {
	for _, at := range c.monitors {
		n, err := countAt(ctx, at)
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

// countAt asks a server's monitoring for its copy of the log. One that has none has no events.
func countAt(ctx context.Context, at string) (eventlog.Copy, error) {
	v, err := varz(ctx, strings.TrimSpace(at))
	if err != nil {
		return eventlog.Copy{}, err
	}
	var jsz struct {
		Accounts []struct {
			Streams []struct {
				Name  string `json:"name"`
				State struct {
					Messages uint64 `json:"messages"`
					Last     uint64 `json:"last_seq"`
				} `json:"state"`
			} `json:"stream_detail"`
		} `json:"account_details"`
	}
	if err := askMonitor(ctx, strings.TrimSpace(at), "jsz", "accounts=true&streams=true", &jsz); err != nil {
		return eventlog.Copy{}, err
	}
	for _, a := range jsz.Accounts {
		for _, s := range a.Streams {
			if s.Name == eventlog.Stream {
				return eventlog.Copy{Server: v.Name, Events: s.State.Messages, Last: s.State.Last}, nil
			}
		}
	}
	return eventlog.Copy{Server: v.Name}, nil
}

// countAll asks all of them, and leaves out who does not answer.
func countAll(ctx context.Context, monitors string) (copies []eventlog.Copy) {
	for _, at := range strings.Split(monitors, ",") {
		if one, err := countAt(ctx, at); err == nil {
			copies = append(copies, one)
		}
	}
	return copies
}

// enterAt is the address of a server that was discovered, with the user of the one that was given.
func (c *client) enterAt(at string) string {
	first, _, _ := strings.Cut(c.natsURL, ",")
	given, err := url.Parse(strings.TrimSpace(first))
	u, err2 := url.Parse(at)
	if err != nil || err2 != nil {
		return at
	}
	u.User = given.User
	return u.String()
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
	return &failure{code: string(events.Internal), details: wrong, exit: exitTrouble,
		message: fmt.Sprintf("NATS servers whose log is not the one that most have: %d: stop it, remove its store (its store_dir), and start it: it takes everything from the others; one at a time", len(wrong))}
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
		rows = append(rows, []string{c.Server, fmt.Sprint(c.Events), fmt.Sprint(c.Last), c.Sum, or(c.Wrong, "-")})
	}
	return writeTable(w, []string{"SERVER", "EVENTS", "LAST", "SUM", "DIFFERS"}, rows)
}
