package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"

	provider "github.com/aeriehq/aerie/cloud/aws"
	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server"
)

// simcloud is `aerie simcloud`: an emulated cloud in a process of its own.
type simcloud struct {
	dir, listen, kubeconfig string
	speed                   float64
	out                     io.Writer
}

func newSimcloudCommand() *cobra.Command {
	s := simcloud{}
	logs := logSettings{}
	cmd := &cobra.Command{
		Use:   "simcloud",
		Short: "Run an emulated cloud on its own wire: AWS with EKS, EC2, IAM and STS; or read its ledger: ledger",
		Long: "Run an emulated AWS that aerie and the AWS SDKs can work in over TLS. It prints what to put into their\n" +
			"environment. What it has, and a ledger of every call, are in the directory, and back after a\n" +
			"restart, as is its certificate authority. It serves until Ctrl-C.\n\n" +
			"The accounts, with their keys, roles, rights and quotas, are in accounts.json there. A faults.json makes calls\n" +
			"fail, a by-hand.json changes or deletes things or advances the clock; all are read while it runs.",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return client.UnknownCommand(cmd, args[0])
			}
			if err := s.check(); err != nil {
				return err
			}
			if err := logs.install(); err != nil {
				return err
			}
			s.out = cmd.OutOrStdout()
			return s.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.dir, "dir", "", "where everything is kept")
	f.StringVar(&s.listen, "listen", "127.0.0.1:0", "address to serve on; port 0 is any free one")
	f.Float64Var(&s.speed, "speed", 1, "1 is lifelike, 60 a minute a second, 0 at once")
	f.StringVar(&s.kubeconfig, "kubeconfig", "", "a kubeconfig: the one real cluster behind every emulated one (default: clusters that only store)")
	logs.flags(f)
	cmd.AddCommand(newSimcloudLedgerCommand())
	return cmd
}

func (s *simcloud) check() error {
	var faults []events.FieldError
	if s.dir == "" {
		faults = append(faults, events.FieldError{Field: "--dir", Message: "is missing: give a directory of its own"})
	}
	if s.speed < 0 || s.speed > maxSpeed || math.IsNaN(s.speed) {
		faults = append(faults, events.FieldError{Field: "--speed", Message: fmt.Sprintf("%v: want 0 (at once) to %v", s.speed, maxSpeed)})
	}
	if _, _, err := net.SplitHostPort(s.listen); err != nil {
		faults = append(faults, events.FieldError{Field: "--listen", Message: err.Error()})
	}
	return events.RefuseFaults("arguments", faults)
}

// run serves until ctx ends, which Ctrl-C does.
func (s *simcloud) run(ctx context.Context) (err error) {
	dir, err := filepath.Abs(s.dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return server.NotStarted(err)
	}
	lock := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
	if kept, err := lock.TryLock(); err != nil {
		return server.NotStarted(err)
	} else if !kept {
		return server.NotStarted(fmt.Errorf("another emulated cloud uses %s: stop that one, or choose another directory with --dir", dir))
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if err := ensureAccounts(dir); err != nil {
		return server.NotStarted(err)
	}
	cloud, err := aws.Open(aws.Options{Dir: dir, Listen: s.listen, Speed: s.speed, Kubeconfig: s.kubeconfig})
	if err != nil {
		return server.NotStarted(err)
	}
	defer func() { err = errors.Join(err, cloud.Close()) }()
	accounts, err := core.ReadAccounts(dir)
	if err != nil {
		return server.NotStarted(err)
	}
	if err := s.show(dir, cloud.URL(), accounts); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// ensureAccounts writes the default accounts where there are none. The customer's role is the one of the template that
// `account bootstrap` prints, with its rights and no others; whoever has the platform's key may do everything there. Both
// have the policy that bounds the roles that are made in them.
func ensureAccounts(dir string) error {
	if _, err := core.ReadAccounts(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	all := core.DefaultAccounts()
	role := all[1].Roles[0]
	template, err := json.Marshal(provider.Template(role.Name, role.Trusts[0], role.ExternalID))
	if err != nil {
		return err
	}
	for i := range all {
		if err := all[i].Deploy(template); err != nil {
			return err
		}
	}
	all[0].Roles = nil // it is entered with its key
	return core.WriteAccounts(dir, all)
}

// show prints where the cloud is and what to paste to work in it.
func (s *simcloud) show(dir, url string, accounts []core.Account) error {
	ca := filepath.Join(dir, emulator.CAFile)
	text := fmt.Sprintf("endpoint: %s\nca: %s\ndirectory: %s\n", url, ca, dir)
	for _, a := range accounts {
		for _, r := range a.Roles {
			text += fmt.Sprintf("account %s: role arn:aws:iam::%s:role/%s, external id %q\n", a.ID, a.ID, r.Name, r.ExternalID)
		}
	}
	text += fmt.Sprintf("\nexport AWS_ENDPOINT_URL=%s\nexport AWS_CA_BUNDLE=%s\nexport AWS_EC2_METADATA_DISABLED=true\nexport AWS_REGION=eu-west-1\n", url, print.ShellWord(ca))
	for _, a := range accounts {
		if len(a.Users) > 0 {
			text += fmt.Sprintf("export AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\n", print.ShellWord(a.Users[0].AccessKeyID), print.ShellWord(a.Users[0].SecretAccessKey))
			break
		}
	}
	return print.Write(s.out, []byte(text))
}
