package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server"
)

// invitation is the answer of invite and rotate. The token is shown this once.
type invitation struct {
	Command string    `json:"command"`
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// newInviteCommand is "aerie agent invite" or "rotate": unless a hash is given, it makes a secret, tells the server its hash
// alone, and prints the token.
func newInviteCommand(kinds *events.Registry, d events.Descriptor, verb events.Verb) *cobra.Command {
	i := inviting{verbFlags: verbFlags{kinds: kinds}}
	cmd := i.command(d, verb)
	bare := cmd.RunE
	cmd.Short = "Print a command with which somebody joins once as an agent"
	cmd.Long = "Print a command with which somebody joins once as an agent. The token in it is shown this once, and is good for a day\n" +
		"unless --ttl says otherwise. invite makes the agent if it is not there yet; rotate is for one that has joined: its\n" +
		"key is good until another one joins. Who makes secrets himself gives --secret and --until."
	cmd.Example = "  aerie agent invite acme/edge --dataplane acme-eu"
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed("secret") {
			return bare(cmd, args)
		}
		ref, err := onlyID(cmd, d.Kind, words(cmd, args))
		if err != nil {
			return err
		}
		return i.run(cmd, client.Command{Ref: ref, Verb: verb.Name})
	}
	cmd.Flags().StringArrayVar(&i.dataplanes, "dataplane", nil, "a dataplane of mode pull that it works on; repeatable; needed for an agent that is not there yet")
	cmd.Flags().StringVar(&i.url, "url", "", "where the agent finds the control plane, such as wss://aerie.example.com:443; else where this command does")
	cmd.Flags().DurationVar(&i.ttl, "ttl", 24*time.Hour, "how long the token is good, up to 168h")
	return cmd
}

// inviting is what a token is made of.
type inviting struct {
	verbFlags
	dataplanes []string
	url        string
	ttl        time.Duration
}

func (i *inviting) run(cmd *cobra.Command, c client.Command) error {
	if i.ttl <= 0 || i.ttl > 7*24*time.Hour {
		return client.Invalid("--ttl", "%s: want a time above 0, up to 168h", i.ttl)
	}
	cl, err := i.conn.Client(cmd)
	if err != nil {
		return err
	}
	defer cl.Close()
	if i.url != "" {
		if err := client.CheckNATSURL(i.url); err != nil {
			return client.Invalid("--url", "%q is no NATS address: want one such as wss://aerie.example.com:443", i.url)
		}
	}
	made, err := i.invite(cmd, cl, c)
	if err != nil {
		return err
	}
	if i.Output.Format != print.Table {
		raw, err := events.Encode(made)
		if err != nil {
			return err
		}
		return print.Raw(cmd.OutOrStdout(), i.Output.Format, raw)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "run this where the agent is to be, before %s:\n\n%s\n", made.Expires.Format(time.RFC3339), made.Command)
	return nil
}

// invite makes the agent where it is not there, and lets who has the token join as it.
func (i *inviting) invite(cmd *cobra.Command, cl *client.Client, c client.Command) (made invitation, err error) {
	ctx := cmd.Context()
	if c.Verb == "invite" && len(i.dataplanes) > 0 {
		body, err := events.Encode(map[string]any{"spec": events.AgentSpec{Dataplanes: i.dataplanes}})
		if err != nil {
			return made, err
		}
		spec := client.Command{Ref: c.Ref, Verb: events.VerbCreate, Body: body}
		_, err = cl.Send(ctx, spec)
		var refused *events.Refusal
		if errors.As(err, &refused) && refused.Code == events.Conflict { // it is there, with others
			spec.Verb = events.VerbUpdate
			_, err = cl.Send(ctx, spec)
		}
		if err != nil {
			return made, err
		}
	}
	secret := strings.ToLower(rand.Text())
	made.Expires = time.Now().UTC().Add(i.ttl).Truncate(time.Second)
	if c.Body, err = events.Encode(events.Invite{Secret: events.HashOf(secret), Until: made.Expires.Format(time.RFC3339)}); err != nil {
		return made, err
	}
	if _, err := cl.Send(ctx, c); err != nil {
		return made, err
	}
	made.Token = cl.JoinToken(i.url, c.Ref.Owner, c.Ref.ID, secret).String()
	made.Command = "aerie agent run --join " + made.Token
	return made, nil
}

// newAgentRunCommand is the agent itself.
func newAgentRunCommand() *cobra.Command {
	s := server.AgentSettings{Version: server.Semver()}
	logs := logSettings{}
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run an agent: it dials the control plane, and does here what is owed on its dataplanes",
		Long: "Run an agent: it dials the control plane, and does here what is owed on its dataplanes, with the credentials of\n" +
			"this machine, which go nowhere. It joins with the token of aerie agent invite, and keeps a key of its own in the\n" +
			"data directory; from then on it needs no token. It works until Ctrl-C.\n\n" +
			"Accounts of cloud sim are simulated beside it, in the data directory.\n\n" +
			"Each flag is also a variable: AERIE_JOIN is --join.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fromEnvironment(cmd.Flags(), nil); err != nil {
				return err
			}
			if s.DataDir == "" {
				return client.Invalid("--data-dir", "is missing: the agent's key is kept there")
			}
			if err := logs.install(); err != nil {
				return err
			}
			forbidDumps()
			return server.RunAgent(cmd.Context(), s)
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.Join, "join", "", "the token of aerie agent invite; needed once")
	f.StringVar(&s.Proxy, "proxy", "", "the HTTP proxy to go out by, such as http://user:password@proxy:3128; else as HTTPS_PROXY and NO_PROXY say")
	f.StringVar(&s.DataDir, "data-dir", "", "where the agent's key is kept, and its simulated cloud")
	f.StringVar(&s.Policy, "policy", "", "file that says about which changes people here are asked, when nothing is changed, and what is told")
	f.StringVar(&s.SecretStores, "secret-stores", "", "file that names the stores of secrets that specs may refer to, and whom each serves")
	logs.flags(f)
	return cmd
}
