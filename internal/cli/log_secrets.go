package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

// loggedSecret is a secret that stands in the log, without the secret.
type loggedSecret struct {
	Seq    uint64 `json:"seq"`
	Time   string `json:"time"`
	Entity string `json:"entity"`
	Field  string `json:"field"`
	Is     string `json:"is"`
}

func newLogSecretsCommand() *cobra.Command {
	var conn client.Connection
	var o print.Output
	cmd := &cobra.Command{
		Use:   "secrets",
		Short: "List the secrets that stand in the log, to be rotated",
		Long: "Read all events of specs and list those in which a secret stands: the data of a Secret, private keys, known forms of\n" +
			"tokens, URLs with a password, literals under keys such as password. Older releases accepted these; this one refuses them.\n" +
			"The log is kept for ever, so what is listed has to be changed where it is used. The secrets themselves are not shown.",
		Args: client.NoArgs,
		RunE: connected(&conn, &o, func(cmd *cobra.Command, cl *client.Client) error {
			found, err := loggedSecrets(cmd, cl)
			if err != nil {
				return err
			}
			if o.Format == print.JSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"items": found})
			}
			return printSecrets(cmd.OutOrStdout(), found)
		}),
	}
	conn.Flags(cmd)
	o.Flags(cmd, asText, print.JSON)
	return cmd
}

// loggedSecrets reads the whole log over HTTP: of each event that says a spec, the spec.
func loggedSecrets(cmd *cobra.Command, cl *client.Client) ([]loggedSecret, error) {
	found := []loggedSecret{}
	for after := "0"; ; {
		raw, err := cl.Get(cmd.Context(), "/v1/events", url.Values{"after": {after}, "limit": {strconv.Itoa(client.PageSize)}})
		if err != nil {
			return nil, err
		}
		var page struct {
			Items []struct {
				Seq                 uint64
				Time, Owner, Entity string
				Kind                events.Kind
				Data                struct{ Spec json.RawMessage }
			}
			Next string
		}
		if err := json.Unmarshal(raw, &page); err != nil {
			return nil, fmt.Errorf("read the log: %w", err)
		}
		for _, e := range page.Items {
			for _, l := range events.LiteralSecretsIn(e.Data.Spec) {
				ref := events.Ref{Kind: e.Kind, Owner: e.Owner, ID: e.Entity}
				found = append(found, loggedSecret{e.Seq, e.Time, ref.String(), l.Field, l.Is})
			}
		}
		if after = page.Next; after == "" {
			return found, nil
		}
	}
}

func printSecrets(w io.Writer, found []loggedSecret) error {
	for _, s := range found {
		if _, err := fmt.Fprintf(w, "%d  %s  %s: %s %s\n", s.Seq, s.Time, s.Entity, s.Field, s.Is); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		_, err := fmt.Fprintln(w, "no secret that is known by its form stands in the log")
		return err
	}
	_, err := fmt.Fprintf(w, "%d in all: change each where it is used; it stays in the log\n", len(found))
	return err
}
