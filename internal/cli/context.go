package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

// newContextCommand is `aerie context`.
func newContextCommand() *cobra.Command {
	cmd := groupOf("context", "Name servers, and say which one to use")
	cmd.Long = "Name servers, and say which one to use: where it is, which CA to trust, and which token to show. They are in one file that is\n" +
		"yours alone, AERIE_CONFIG, else contexts.json in your directory of settings. Flags and AERIE_* variables win over it, and what is in\n" +
		"a context is shown to no other server."
	cmd.AddCommand(newContextListCommand(), newContextUseCommand(), newContextSetCommand(), newContextRemoveCommand())
	return cmd
}

// contextShown is a context without its secrets.
type contextShown struct {
	Name    string `json:"name"`
	Current bool   `json:"current"`
	APIURL  string `json:"api_url"`
	NATSURL string `json:"nats_url"`
	Shows   string `json:"shows"` // what is shown to the server: token, login, data-dir, nothing
}

func shownContexts(all *client.Contexts) []contextShown {
	shown := []contextShown{}
	for _, c := range all.Contexts {
		shows := "nothing"
		switch {
		case c.Login != nil:
			shows = "login"
		case c.Token != "":
			shows = "token"
		case c.DataDir != "":
			shows = "data-dir"
		}
		shown = append(shown, contextShown{c.Name, c.Name == all.Current, cmp.Or(c.APIURL, client.DefaultAPI),
			cmp.Or(c.NATSURL, client.DefaultNATS), shows})
	}
	return shown
}

func newContextListCommand() *cobra.Command {
	var o print.Output
	cmd := &cobra.Command{
		Use: "list", Short: "List the contexts; a star marks the one that is used", Args: client.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(); err != nil {
				return err
			}
			all, err := client.ReadContexts()
			if err != nil {
				return err
			}
			shown := shownContexts(all)
			if o.Format != print.Table {
				raw, err := json.Marshal(map[string]any{"items": shown})
				return orRaw(cmd, o.Format, raw, err)
			}
			var rows [][]string
			for _, c := range shown {
				rows = append(rows, []string{map[bool]string{true: "*", false: ""}[c.Current], c.Name, c.APIURL, c.NATSURL, c.Shows})
			}
			return print.Rows(cmd.OutOrStdout(), []string{"", "NAME", "API", "NATS", "SHOWS"}, rows)
		},
	}
	o.Flags(cmd, print.Table, print.JSON, print.YAML)
	return cmd
}

// changeContexts changes the file, and says what was done.
func changeContexts(cmd *cobra.Command, said string, change func(*client.Contexts) error) error {
	all, err := client.ReadContexts()
	if err != nil {
		return err
	}
	if err := change(all); err != nil {
		return err
	}
	if err := all.Write(); err != nil {
		return err
	}
	return print.Write(cmd.OutOrStdout(), fmt.Appendln(nil, said))
}

func oneContext(args []string) error {
	if len(args) != 1 {
		return client.Invalid("arguments", "%d: want the name of one context", len(args))
	}
	if faults := (events.Ref{Kind: events.Token, Owner: events.Platform, ID: args[0]}).Check(); len(faults) > 0 {
		return client.Invalid("NAME", "%q: want %s", events.Truncate(args[0]), events.LabelRule)
	}
	return nil
}

func newContextUseCommand() *cobra.Command {
	return &cobra.Command{
		Use: "use NAME", Short: "Use a context from now on", Example: "  aerie context use prod",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneContext(args); err != nil {
				return err
			}
			return changeContexts(cmd, args[0]+" is used", func(all *client.Contexts) error {
				_, err := all.Find(args[0])
				all.Current = args[0]
				return err
			})
		},
	}
}

func newContextRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Forget a context, and what is shown there", Example: "  aerie context remove prod",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneContext(args); err != nil {
				return err
			}
			return changeContexts(cmd, args[0]+" removed", func(all *client.Contexts) error { return all.Remove(args[0]) })
		},
	}
}

func newContextSetCommand() *cobra.Command {
	var one client.Context
	var ca, tokenFile string
	cmd := &cobra.Command{
		Use:     "set NAME [--api-url URL] [--nats-url URL] [--ca FILE] [--token-file FILE | --data-dir DIR]",
		Aliases: []string{"add"},
		Short:   "Make a context, or change what is given of one",
		Long: "Make a context, or change what is given of one; the first one is used from then on. The file of --ca is copied, so that it is\n" +
			"pinned. A token is read from a file, or with - from the standard input: an argument could be seen by others.",
		Example: "  aerie context set prod --api-url https://aerie.example.com:8080 --nats-url tls://aerie.example.com:4222 --ca ca.pem --token-file token\n" +
			"  aerie context set here --data-dir data",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneContext(args); err != nil {
				return err
			}
			if tokenFile != "" && one.DataDir != "" {
				return client.Invalid("--token-file", "--data-dir says it too: give one of them")
			}
			read, err := readContext(cmd, one, ca, tokenFile)
			if err != nil {
				return err
			}
			read.Name = args[0]
			return changeContexts(cmd, args[0]+" set", func(all *client.Contexts) error {
				all.Put(mergeContext(all, read))
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&one.APIURL, "api-url", "", "the server's HTTP address")
	f.StringVar(&one.NATSURL, "nats-url", "", "the server's NATS address")
	f.StringVar(&ca, "ca", "", "file with the CA of the server's certificate")
	f.StringVar(&tokenFile, "token-file", "", "file with the token; - is the standard input")
	f.StringVar(&one.DataDir, "data-dir", "", "the server's data directory, whose token is shown")
	return cmd
}

// readContext reads the files that a context is made of.
func readContext(cmd *cobra.Command, one client.Context, ca, tokenFile string) (client.Context, error) {
	var err error
	if one.CA, err = readCA("--ca", ca); err != nil {
		return one, err
	}
	switch tokenFile {
	case "":
	case "-":
		data, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), 64<<10))
		if err != nil {
			return one, client.Invalid("--token-file", "it can't be read: %v", err)
		}
		one.Token = strings.TrimSpace(string(data))
	default:
		data, err := client.ReadFile("--token-file", tokenFile)
		if err != nil {
			return one, err
		}
		one.Token = strings.TrimSpace(string(data))
	}
	if one.DataDir != "" {
		dir, err := filepath.Abs(one.DataDir)
		if err != nil {
			return one, client.Invalid("--data-dir", "%v", err)
		}
		one.DataDir = dir
	}
	if _, err := client.New(cmp.Or(one.APIURL, client.DefaultAPI), cmp.Or(one.NATSURL, client.DefaultNATS), one.Token); err != nil {
		return one, err
	}
	return one, nil
}

// mergeContext keeps of the context that is there what is not given now. What is shown to a server is not shown to another one.
func mergeContext(all *client.Contexts, now client.Context) client.Context {
	known, err := all.Find(now.Name)
	if err != nil {
		return now
	}
	moved := now.APIURL != "" && now.APIURL != known.APIURL || now.NATSURL != "" && now.NATSURL != known.NATSURL
	now.APIURL, now.NATSURL = cmp.Or(now.APIURL, known.APIURL), cmp.Or(now.NATSURL, known.NATSURL)
	now.CA = cmp.Or(now.CA, known.CA)
	if now.Token == "" && now.DataDir == "" && !moved {
		now.Token, now.DataDir, now.Login = known.Token, known.DataDir, known.Login
	}
	return now
}
