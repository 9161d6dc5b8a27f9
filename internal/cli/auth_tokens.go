package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

func newTokensCommand() *cobra.Command {
	cmd := groupOf("tokens", "Make, list and revoke API tokens")
	cmd.AddCommand(newTokensCreateCommand(), newTokensListCommand(), newTokensRevokeCommand())
	return cmd
}

// made is what tokens create answers. The token is told this once: the server has its hash alone.
type made struct {
	Name    string `json:"name"`
	Token   string `json:"token"`
	Expires string `json:"expires"`
}

// secretBytes is how many random bytes a token's secret has.
const secretBytes = 32

func newTokensCreateCommand() *cobra.Command {
	var conn client.Connection
	var o print.Output
	var name, owner string
	var role string
	var ttl time.Duration
	cmd := &cobra.Command{
		Use:   "create --name NAME --role ROLE [--owner OWNER] [--ttl 720h]",
		Short: "Make a token, and show it this once",
		Long: "Make an API token. Its secret is made here; the server is sent the hash alone, so that nobody can look the token up later.\n" +
			"Nobody makes a token above his own role, of another owner, or with a later end than his own.",
		Example: "  aerie auth tokens create --name ci --role operator --ttl 24h\n  aerie auth tokens create --name shop --role customer-viewer --owner acme -o json",
		Args:    client.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(); err != nil {
				return err
			}
			ref := events.Ref{Kind: events.Token, Owner: cmp.Or(owner, events.Platform), ID: name}
			switch {
			case name == "":
				return client.Invalid("--name", "is missing: want %s", events.LabelRule)
			case role == "":
				return client.Invalid("--role", "is missing%s", events.Suggest("", roleNames()))
			case ttl <= 0:
				return client.Invalid("--ttl", "%s: want how long it is good for, such as 24h", ttl)
			}
			if faults := ref.Check(); len(faults) > 0 {
				return events.RefuseFaults("arguments", faults)
			}
			cl, err := conn.Client(cmd)
			if err != nil {
				return err
			}
			defer cl.Close()
			m, err := makeToken(cmd.Context(), cl, ref, events.Role(role), time.Now().Add(ttl))
			if err != nil {
				return err
			}
			if o.Format == print.Table {
				return print.Write(cmd.OutOrStdout(), fmt.Appendln(nil, m.Token))
			}
			raw, err := json.Marshal(m)
			return orRaw(cmd, o.Format, raw, err)
		},
	}
	conn.Flags(cmd)
	o.Flags(cmd, print.Table, print.JSON, print.YAML)
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "what it is called; the name is free again once it is revoked")
	f.StringVar(&role, "role", "", "what its bearer may do: "+strings.Join(roleNames(), ", "))
	f.StringVar(&owner, "owner", "", "the customer that it is for; left out: the platform")
	f.DurationVar(&ttl, "ttl", 30*24*time.Hour, "how long it is good for")
	return cmd
}

func roleNames() (names []string) {
	for _, r := range events.Roles {
		names = append(names, string(r))
	}
	return names
}

// makeToken makes a secret and has its hash written down. Only the server knows the token's id, which it answers.
func makeToken(ctx context.Context, cl *client.Client, ref events.Ref, role events.Role, end time.Time) (made, error) {
	var random [secretBytes]byte
	_, _ = rand.Read(random[:]) // it never fails
	secret := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(random[:]))
	spec := events.TokenSpec{Role: role, Hash: events.HashOf(secret), Expires: end.UTC().Format(time.RFC3339)}
	body, err := json.Marshal(map[string]any{"spec": spec})
	if err != nil {
		return made{}, fmt.Errorf("write a token's body: %w", err)
	}
	a, err := cl.Send(ctx, client.Command{Ref: ref, Verb: events.VerbCreate, Body: body})
	if err != nil {
		return made{}, err
	}
	return made{ref.ID, events.WriteToken(a.Entity.UID, secret), spec.Expires}, nil
}

// readTokens lists the tokens that are good for something, of an owner or of all whose tokens the caller sees.
func readTokens(ctx context.Context, cl *client.Client, owner string) (client.List, error) {
	q := url.Values{}
	if owner != "" {
		q.Set("owner", owner)
	}
	return cl.List(ctx, "/v1/tokens", q, 0)
}

func newTokensListCommand() *cobra.Command {
	var conn client.Connection
	var o print.Output
	var owner string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the tokens that are not revoked",
		Args:  client.NoArgs,
		RunE: connected(&conn, &o, func(cmd *cobra.Command, cl *client.Client) error {
			l, err := readTokens(cmd.Context(), cl, owner)
			if err != nil {
				return err
			}
			if o.Format != print.Table {
				return print.RawList(cmd.OutOrStdout(), o.Format, l)
			}
			all, err := l.Entities()
			if err != nil {
				return err
			}
			return printTokens(cmd, all)
		}),
	}
	conn.Flags(cmd)
	o.Flags(cmd, print.Table, print.JSON, print.YAML)
	cmd.Flags().StringVar(&owner, "owner", "", "only those of this customer; - is the platform")
	return cmd
}

func printTokens(cmd *cobra.Command, all []client.Entity) error {
	var rows [][]string
	now := time.Now()
	for _, e := range all {
		var spec events.TokenSpec
		if err := json.Unmarshal(e.Spec, &spec); err != nil {
			return events.Refuse(events.Internal, "read a token: %v", err)
		}
		expires := spec.Expires
		if !now.Before(spec.Ends()) {
			expires += " (over)"
		}
		rows = append(rows, []string{e.Owner, e.ID, string(spec.Role), expires, events.TokenActor(e.UID), print.Since(e.Created, now)})
	}
	return print.Rows(cmd.OutOrStdout(), []string{"OWNER", "NAME", "ROLE", "EXPIRES", "ACTOR", "AGE"}, rows)
}

func newTokensRevokeCommand() *cobra.Command {
	var conn client.Connection
	var owner string
	cmd := &cobra.Command{
		Use:     "revoke NAME",
		Short:   "End a token now; what it has open is cut within two seconds",
		Example: "  aerie auth tokens revoke ci\n  aerie auth tokens revoke shop --owner acme",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return client.Invalid("arguments", "%d: want the name of one token, as aerie auth tokens list shows it", len(args))
			}
			cl, err := conn.Client(cmd)
			if err != nil {
				return err
			}
			defer cl.Close()
			found, err := findToken(cmd.Context(), cl, owner, args[0])
			if err != nil {
				return err
			}
			if _, err := cl.Send(cmd.Context(), client.Command{Ref: found.Ref(), Verb: events.VerbRevoke, UID: found.UID}); err != nil {
				return err
			}
			return print.Write(cmd.OutOrStdout(), fmt.Appendf(nil, "%s revoked\n", client.Plain(found.Ref().String())))
		},
	}
	conn.Flags(cmd)
	cmd.Flags().StringVar(&owner, "owner", "", "whose it is; needed where several have one of that name")
	return cmd
}

// findToken finds the one token of a name, or with an id.
func findToken(ctx context.Context, cl *client.Client, owner, name string) (found client.Entity, err error) {
	l, err := readTokens(ctx, cl, owner)
	if err != nil {
		return found, err
	}
	all, err := l.Entities()
	if err != nil {
		return found, err
	}
	var owners, known []string
	for _, e := range all {
		known = append(known, e.ID)
		if e.ID == name || e.UID == name || events.TokenActor(e.UID) == name {
			found, owners = e, append(owners, e.Owner)
		}
	}
	switch len(owners) {
	case 0:
		return found, events.Refuse(events.NotFound, "there is no token %s%s", events.Truncate(name), events.Suggest(name, known))
	case 1:
		return found, nil
	}
	return found, client.Invalid("--owner", "is missing: %s have a token %s", strings.Join(owners, ", "), events.Truncate(name))
}
