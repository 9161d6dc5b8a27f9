package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

func newSimcloudLedgerCommand() *cobra.Command {
	var dir string
	var o print.Output
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Say what is left in an emulated cloud, what was made twice, and who touched which account",
		Long: "Read the ledger of an emulated cloud, whether it runs or not, and say what is left in it, what was made a\n" +
			"second time while the first was there (the same kind, owner tag and name tag), and which caller touched which\n" +
			"account.",
		Args: client.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(); err != nil {
				return err
			}
			if dir == "" {
				return client.Invalid("--dir", "is missing: give the directory of the emulated cloud")
			}
			l, err := emulator.ReadLedger(dir)
			if errors.Is(err, fs.ErrNotExist) {
				return client.Invalid("--dir", "%s is the directory of no emulated cloud", events.Truncate(dir))
			}
			if err != nil {
				return err
			}
			return printLedger(cmd.OutOrStdout(), o.Format, accountOf(l, time.Now()))
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the directory of the emulated cloud")
	o.Flags(cmd, print.Table, print.JSON, print.YAML)
	return cmd
}

// ledgerAccount is what a ledger comes to.
type ledgerAccount struct {
	Calls   int            `json:"calls"`
	Left    []ledgerThing  `json:"left"`
	Twice   []ledgerTwin   `json:"twice"`
	Touched []ledgerTouch  `json:"touched"`
	Refused map[string]int `json:"refused"` // by code
}

type ledgerThing struct {
	Kind    string            `json:"kind"`
	Account string            `json:"account"`
	Region  string            `json:"region,omitempty"`
	Parent  string            `json:"parent,omitempty"`
	Name    string            `json:"name"`
	State   string            `json:"state,omitempty"`
	Owner   string            `json:"owner,omitempty"`
	Tags    map[string]string `json:"tags,omitempty"`
	Made    time.Time         `json:"made"`
	By      string            `json:"by"`
	Request string            `json:"request"`
}

type ledgerTwin struct {
	First  ledgerThing `json:"first"`
	Second ledgerThing `json:"second"`
}

type ledgerTouch struct {
	Caller  string `json:"caller"`
	Home    string `json:"home,omitempty"`
	Account string `json:"account"`
	Calls   int    `json:"calls"`
	Refused int    `json:"refused"`
}

func accountOf(l emulator.Ledger, now time.Time) ledgerAccount {
	a := ledgerAccount{Calls: len(l.Calls), Left: []ledgerThing{}, Twice: []ledgerTwin{}, Touched: []ledgerTouch{}, Refused: map[string]int{}}
	for _, e := range l.Live(now) {
		a.Left = append(a.Left, thingOf(e))
	}
	for _, t := range l.Twice() {
		a.Twice = append(a.Twice, ledgerTwin{thingOf(t.First), thingOf(t.Second)})
	}
	for _, t := range l.Touched() {
		a.Touched = append(a.Touched, ledgerTouch(t))
	}
	for _, c := range l.Calls {
		if c.Code != "" {
			a.Refused[c.Code]++
		}
	}
	return a
}

func thingOf(e emulator.Entry) ledgerThing {
	t := ledgerThing{Kind: e.Kind, Account: e.Account, Region: e.Region, Parent: e.Parent,
		Name: e.Name, Owner: e.Owner(), Tags: e.Tags, Made: e.Made, By: e.By.Caller, Request: e.By.ID}
	for _, field := range []string{"status", "state"} {
		t.State = cmp.Or(t.State, e.Text(field))
	}
	return t
}

func printLedger(w io.Writer, format string, a ledgerAccount) error {
	if format != print.Table {
		raw, err := json.Marshal(a)
		if err != nil {
			return fmt.Errorf("write the ledger: %w", err)
		}
		return print.Raw(w, format, raw)
	}
	head := []string{"KIND", "ACCOUNT", "REGION", "NAME", "STATE", "OWNER", "MADE", "BY"}
	if err := section(w, fmt.Sprintf("left: %d", len(a.Left)), head, rowsOf(a.Left)); err != nil {
		return err
	}
	var twins []ledgerThing
	for _, t := range a.Twice {
		twins = append(twins, t.First, t.Second)
	}
	if err := section(w, fmt.Sprintf("\nmade twice: %d", len(a.Twice)), head, rowsOf(twins)); err != nil {
		return err
	}
	var touches [][]string
	for _, t := range a.Touched {
		touches = append(touches, []string{t.Caller, t.Account, t.Home, fmt.Sprint(t.Calls), fmt.Sprint(t.Refused)})
	}
	return section(w, fmt.Sprintf("\ncalls: %d", a.Calls), []string{"CALLER", "ACCOUNT", "FROM", "CALLS", "REFUSED"}, touches)
}

func rowsOf(things []ledgerThing) (rows [][]string) {
	for _, t := range things {
		name := t.Name
		if t.Parent != "" {
			name = t.Parent + "/" + name
		}
		rows = append(rows, []string{t.Kind, t.Account, t.Region, name, t.State, t.Owner, t.Made.Format(time.RFC3339), t.By})
	}
	return rows
}

func section(w io.Writer, title string, head []string, rows [][]string) error {
	if _, err := fmt.Fprintln(w, title); err != nil || len(rows) == 0 {
		return err
	}
	return print.Rows(w, head, rows)
}
