package process

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/internal/client"
)

// emulatedAWS is an emulated AWS.
type emulatedAWS struct {
	t        *testing.T
	dir      string
	env      []string     // what to put into a server's environment
	customer core.Account // that of a customer, who lets the platform in
	url      string       // of one in this process
	kept     string       // the volume that stays, once it is made
}

// startAWS starts `aerie simcloud` as a person would and reads what it says about itself.
func startAWS(t *testing.T, speed string) *emulatedAWS {
	t.Helper()
	a := &emulatedAWS{t: t, dir: t.TempDir()}
	cmd := aerie(context.Background(), "simcloud", "--dir", a.dir, "--speed", speed)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		setting, is := strings.CutPrefix(lines.Text(), "export ")
		if is {
			a.env = append(a.env, setting)
		}
		if strings.HasPrefix(setting, "AWS_SECRET_ACCESS_KEY=") {
			a.bootstrap()
			return a
		}
	}
	t.Fatal("the emulated cloud does not start")
	return nil
}

// bootstrap gives aerie, at home and at the customer's, the rights of the template that `account bootstrap` prints, and no
// others but to be the customer's role.
func (a *emulatedAWS) bootstrap() {
	a.t.Helper()
	accounts, err := core.ReadAccounts(a.dir)
	if err != nil {
		a.t.Fatal(err)
	}
	home, customer := &accounts[0], &accounts[1]
	role := customer.Roles[0]
	template, err := aerie(context.Background(), "account", "bootstrap", "main", "--principal", role.Trusts[0], "--external-id", role.ExternalID).Output()
	if err == nil {
		template, err = yaml.YAMLToJSON(template)
	}
	if err == nil {
		err = errors.Join(customer.Deploy(template), home.Deploy(template))
	}
	if err != nil {
		a.t.Fatal(err)
	}
	customer.Users = append(customer.Users, core.User{Name: "them", AccessKeyID: "AKIATHEM", SecretAccessKey: "theirs"})
	home.Users[0].Policies = append(home.Roles[0].Policies, []byte(`{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}}`))
	if err := core.WriteAccounts(a.dir, accounts); err != nil {
		a.t.Fatal(err)
	}
	a.customer = *customer
}

// offer is a copy of an offer whose account is in that cloud.
func (a *emulatedAWS) offer(name string) string {
	a.t.Helper()
	dir := filepath.Join(a.t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS("../../deploy/offers/"+name)); err != nil {
		a.t.Fatal(err)
	}
	file := filepath.Join(dir, "00-account.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		a.t.Fatal(err)
	}
	text := regexp.MustCompile(`number: .*`).ReplaceAllString(strings.Replace(string(data), "cloud: sim", "cloud: aws", 1), `number: "111122223333"`)
	overwrite(a.t, file, text)
	return dir
}

// ledger is what happened in it.
func (a *emulatedAWS) ledger() emulator.Ledger {
	a.t.Helper()
	l, err := emulator.ReadLedger(a.dir)
	if err != nil {
		a.t.Fatal(err)
	}
	return l
}

// server is one that works in that cloud alone.
func (a *emulatedAWS) server(speed string) *process {
	p := newProcess(a.t, speed)
	p.env, p.also = a.env, []string{"--no-sim"}
	return p
}

// awsWith starts an emulated AWS, and a server that has made there what a manifest asks for.
func awsWith(t *testing.T, manifest string) (*emulatedAWS, *process) {
	t.Helper()
	a := startAWS(t, "600")
	p := a.server("600")
	p.start()
	file := filepath.Join(t.TempDir(), "manifest.yaml")
	overwrite(t, file, manifest)
	if s := p.cli("apply", "-f", file, "--wait", "--timeout", "3m"); s.code != 0 {
		t.Fatalf("apply: %+v\n%s", s, p.log)
	}
	return a, p
}

// TestOffersOnAWS brings each offer up in an emulated AWS and takes it away again: nothing may have been made twice, no
// call may have failed, and nothing may be left.
func TestOffersOnAWS(t *testing.T) {
	t.Parallel()
	for _, offer := range []string{"shared", "dedicated"} {
		t.Run(offer, func(t *testing.T) {
			t.Parallel()
			a := startAWS(t, "600")
			p := a.server("600")
			p.start()
			if s := p.cli("apply", "-f", a.offer(offer), "--wait", "--timeout", "3m"); s.code != 0 {
				t.Fatalf("apply: %+v\n%s", s, p.log)
			}
			if twice := a.ledger().Twice(); len(twice) > 0 {
				t.Errorf("made twice: %+v", twice)
			}
			p.empty()
			if left := a.ledger().Live(time.Now()); len(left) > 0 {
				t.Errorf("left: %+v", left)
			}
			if log := p.log.String(); strings.Contains(log, "attempt failed") {
				t.Errorf("calls failed:\n%s", log)
			}
		})
	}
}

// endsWell verifies the log, deletes all that the server has, and looks for what is left in the cloud.
func (a *emulatedAWS) endsWell(p *process) {
	a.t.Helper()
	if s := p.cli("log", "verify"); s.code != 0 {
		a.t.Errorf("log verify: %+v", s)
	}
	p.empty()
	if left := a.ledger().Live(time.Now()); len(left) > 0 {
		a.t.Errorf("left: %+v", left)
	}
}

// empty deletes all that the server has, those of one kind at the same time.
func (p *process) empty() {
	p.t.Helper()
	for _, kind := range []string{"customer", "tenantinfra", "dataplane", "account"} {
		names := strings.Fields(p.cli("get", kind, "-o", "name").out)
		args := []string{"delete", kind, "--cascade"}
		if kind != "customer" && kind != "dataplane" { // these take nothing along
			args = args[:2]
		}
		for _, name := range names {
			if s := p.cli(append(slices.Clone(args), name)...); s.code != 0 {
				p.t.Fatalf("delete %s %s: %+v\n%s", kind, name, s, p.log)
			}
		}
		for _, name := range names {
			if s := p.cli(append(slices.Clone(args), name, "--wait", "--timeout", "3m")...); s.code != 0 && s.code != client.ExitNotFound {
				p.t.Fatalf("delete %s %s: %+v\n%s", kind, name, s, p.log)
			}
		}
	}
}
