package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

// newLocalTokenCommand is `aerie auth local-token`.
func newLocalTokenCommand() *cobra.Command {
	cmd := groupOf("local-token", "Rotate, disable or enable the token in the server's data directory")
	cmd.AddCommand(
		newLocalVerbCommand("rotate", "Have every server draw a new local token; the old one is out within two seconds",
			"Have every server draw a new local token and write it into <data-dir>/token. It is told nowhere else. What is open with the\n"+
				"old one is cut within two seconds, this command's connection too."),
		newLocalVerbCommand("disable", "Let nobody in by the local token, from within two seconds on",
			"Let nobody in by the local token. Be sure to be let in by something else: it is enabled again on the server's host alone."),
		newLocalEnableCommand())
	return cmd
}

func newLocalVerbCommand(verb, short, long string) *cobra.Command {
	var conn client.Connection
	cmd := &cobra.Command{
		Use: verb, Short: short, Long: long, Args: client.NoArgs,
		RunE: withClient(&conn, func(cmd *cobra.Command, cl *client.Client, _ []string) error {
			before := conn.LocalToken()
			if err := askLocal(cmd.Context(), cl, verb); err != nil {
				return err
			}
			if verb == "rotate" && before != "" {
				awaitRotated(cmd.Context(), &conn, before)
			}
			return print.Write(cmd.OutOrStdout(), fmt.Appendf(nil, "%s %sd\n", events.LocalPrincipal, verb))
		}),
	}
	conn.Flags(cmd)
	return cmd
}

// askLocal asks something of the local admin, who becomes an entity with that.
func askLocal(ctx context.Context, cl *client.Client, verb string) error {
	body, err := json.Marshal(map[string]any{"spec": events.PrincipalSpec{Role: events.RoleAdmin, Issuer: events.IssuerLocal}})
	if err != nil {
		return fmt.Errorf("write the local admin: %w", err)
	}
	var refused *events.Refusal
	_, err = cl.Send(ctx, client.Command{Ref: events.LocalPrincipal, Verb: events.VerbCreate, Body: body})
	if err != nil && !(errors.As(err, &refused) && refused.Code == events.Conflict) { // with labels it is there all the same
		return err
	}
	_, err = cl.Send(ctx, client.Command{Ref: events.LocalPrincipal, Verb: verb})
	return err
}

// awaitRotated returns when the data directory of this machine has another token: then the next command has it. It may be the
// directory of another server, or of none: it is not waited for long.
func awaitRotated(ctx context.Context, conn *client.Connection, before string) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for ctx.Err() == nil && conn.LocalToken() == before {
		client.Sleep(ctx, 20*time.Millisecond)
	}
}

func newLocalEnableCommand() *cobra.Command {
	var conn client.Connection
	cmd := &cobra.Command{
		Use:   "enable",
		Short: "Let in by the local token again; on the server's host only",
		Long: "Let in by the local token again. It asks for no token: that you may write into the server's data directory, which\n" +
			"--data-dir names, is the proof that you are on its host.",
		Args: client.NoArgs,
		RunE: withClient(&conn, func(cmd *cobra.Command, cl *client.Client, _ []string) error {
			proof := rand.Text()
			path := filepath.Join(conn.DataDir(), "token.enable")
			if err := os.WriteFile(path, []byte(proof+"\n"), 0o600); err != nil {
				return client.Invalid("--data-dir", "the proof can't be written: %v", err)
			}
			defer os.Remove(path) // if the server has not
			body, err := json.Marshal(map[string]string{"proof": proof})
			if err != nil {
				return fmt.Errorf("write the proof: %w", err)
			}
			if _, err := cl.Post(cmd.Context(), "/v1/local-token/enable", body); err != nil {
				return err
			}
			return print.Write(cmd.OutOrStdout(), fmt.Appendf(nil, "%s enabled\n", events.LocalPrincipal))
		}),
	}
	conn.Flags(cmd)
	return cmd
}
