package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/projections/api"
)

func newLoginCommand() *cobra.Command {
	var conn client.Connection
	var issuer, ca string
	var device bool
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Log in at an issuer of the server's, and show its token from now on",
		Long: "Log in at an issuer of the server's, and keep its token in the context that is used; where there is none, one called default is\n" +
			"made. The token is got anew when its time is over, for as long as the issuer does that.\n\n" +
			"It prints an address to open in a browser on this machine. With --device it prints one to open anywhere, and a code.",
		Example: "  aerie auth login\n  aerie auth login --issuer corp --device --context prod",
		Args:    client.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn.Anonymous()
			cl, err := conn.Client(cmd)
			if err != nil {
				return err
			}
			defer cl.Close()
			offer, err := chooseLogin(cmd, cl, issuer)
			if err != nil {
				return err
			}
			pem, err := readCA("--issuer-ca", ca)
			if err != nil {
				return err
			}
			used, err := conn.LoginContext(cmd)
			if err != nil {
				return err
			}
			l := client.Login{Issuer: offer.Issuer, ClientID: offer.ClientID, CA: pem}
			tell := func(what string) { fmt.Fprintln(cmd.ErrOrStderr(), client.Plain(what)) }
			if err := used.LogIn(cmd.Context(), l, offer.Scopes, device, tell); err != nil {
				return err
			}
			return keepLogin(cmd, used)
		},
	}
	conn.Flags(cmd)
	f := cmd.Flags()
	f.StringVar(&issuer, "issuer", "", "the issuer's name; needed where the server has several")
	f.StringVar(&ca, "issuer-ca", "", "file with the CA of the issuer's certificate, beside what the system trusts")
	f.BoolVar(&device, "device", false, "log in in a browser anywhere, with a code")
	return cmd
}

func readCA(flag, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	data, err := client.ReadFile(flag, file)
	return string(data), err
}

// chooseLogin asks the server where people log in.
func chooseLogin(cmd *cobra.Command, cl *client.Client, name string) (api.LoginOffer, error) {
	raw, err := cl.Get(cmd.Context(), "/v1/login", url.Values{})
	if err != nil {
		return api.LoginOffer{}, err
	}
	var offers api.LoginOffers
	if err := json.Unmarshal(raw, &offers); err != nil {
		return api.LoginOffer{}, events.Refuse(events.Internal, "read where to log in: %v", err)
	}
	var names []string
	for _, o := range offers.Items {
		if o.Name == name || name == "" && len(offers.Items) == 1 {
			return o, nil
		}
		names = append(names, o.Name)
	}
	switch {
	case len(names) == 0:
		return api.LoginOffer{}, events.Refuse(events.Refused, "nobody logs in at this server: it was started without --oidc")
	case name == "":
		return api.LoginOffer{}, client.Invalid("--issuer", "is missing: want one of %s", strings.Join(names, ", "))
	}
	return api.LoginOffer{}, client.Invalid("--issuer", "%q is none of the server's%s", events.Truncate(name), events.Suggest(name, names))
}

// keepLogin sees that the server takes the token, and keeps it.
func keepLogin(cmd *cobra.Command, used *client.Context) error {
	cl, err := client.New(cmp.Or(used.APIURL, client.DefaultAPI), cmp.Or(used.NATSURL, client.DefaultNATS), used.Token)
	if err != nil {
		return err
	}
	defer cl.Close()
	if err := cl.Trust(used.CA); err != nil {
		return err
	}
	raw, err := cl.Get(cmd.Context(), "/v1/whoami", nil)
	if err != nil {
		return err
	}
	var me api.Whoami
	if err := json.Unmarshal(raw, &me); err != nil {
		return events.Refuse(events.Internal, "read who you are: %v", err)
	}
	said := fmt.Sprintf("logged in as %s: %s of %s, in context %s", me.Actor, me.Role, me.Owner, used.Name)
	return changeContexts(cmd, client.Plain(said), func(all *client.Contexts) error {
		all.Put(*used)
		return nil
	})
}

func newLogoutCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use: "logout", Short: "Forget the token of a context; the context stays", Args: client.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return changeContexts(cmd, "logged out", func(all *client.Contexts) error {
				used, err := all.Find(cmp.Or(name, all.Current))
				if err != nil {
					return err
				}
				used.Token, used.Login = "", nil
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&name, "context", os.Getenv("AERIE_CONTEXT"), "the context, or AERIE_CONTEXT; else the one that is used")
	return cmd
}

// newPeopleCommand is `aerie auth people`.
func newPeopleCommand() *cobra.Command {
	cmd := groupOf("people", "List who has logged in, or erase what is known of one")
	cmd.AddCommand(newPeopleListCommand(), newPeopleEraseCommand())
	return cmd
}

func newPeopleListCommand() *cobra.Command {
	var conn client.Connection
	var o print.Output
	cmd := &cobra.Command{
		Use: "list", Short: "List who has come in by an issuer, with the names that the log does not have", Args: client.NoArgs,
		RunE: shows(&conn, &o, "/v1/people", "who has logged in", func(all api.PersonList) (head []string, rows [][]string) {
			for _, p := range all.Items {
				rows = append(rows, []string{p.Owner, p.Principal, p.Name, p.Email, p.Issuer, p.Seen.UTC().Format(time.RFC3339)})
			}
			return []string{"OWNER", "PRINCIPAL", "NAME", "EMAIL", "ISSUER", "SEEN"}, rows
		}),
	}
	conn.Flags(cmd)
	o.Flags(cmd, print.Table, print.JSON, print.YAML)
	return cmd
}

func newPeopleEraseCommand() *cobra.Command {
	var conn client.Connection
	cmd := &cobra.Command{
		Use:   "erase PRINCIPAL",
		Short: "Erase what is known of a person, and end his principal",
		Long: "Erase what is known of a person, and end his principal and what he has open. The log keeps the principal's id, which tells\n" +
			"nothing of him. Who logs in again afterwards is somebody new.",
		Example: "  aerie auth people erase u01k0000000000000000000000\n  aerie auth people erase acme/u01k0000000000000000000000",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return client.Invalid("arguments", "%d: want one principal, as aerie auth people list shows it", len(args))
			}
			ref, faults := kindsOf(cmd).ParseRef(events.Principal, args[0])
			if err := events.RefuseFaults("arguments", faults); err != nil {
				return err
			}
			cl, err := conn.Client(cmd)
			if err != nil {
				return err
			}
			defer cl.Close()
			if _, err := cl.Request(cmd.Context(), "DELETE", "/v1/people/"+ref.Owner+"/"+ref.ID, nil); err != nil {
				return err
			}
			return print.Write(cmd.OutOrStdout(), fmt.Appendf(nil, "%s erased\n", client.Plain(ref.String())))
		},
	}
	conn.Flags(cmd)
	return cmd
}
