package process

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/aeriehq/aerie/internal/natstest"
)

// cloudProcess is an emulated cloud as a person would start it.
type cloudProcess struct {
	*testing.T
	dir, listen string
	cmd         *exec.Cmd
	env         map[string]string // as it says
}

func (p *cloudProcess) start() {
	p.Helper()
	p.cmd = aerie(context.Background(), "simcloud", "--dir", p.dir, "--listen", p.listen, "--speed", "0")
	stdout, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { _ = p.cmd.Process.Kill() })
	p.env = map[string]string{}
	for lines := bufio.NewScanner(stdout); p.env["AWS_SECRET_ACCESS_KEY"] == "" && lines.Scan(); {
		if setting, ok := strings.CutPrefix(lines.Text(), "export "); ok {
			k, v, _ := strings.Cut(setting, "=")
			p.env[k] = v
		}
	}
	if p.env["AWS_SECRET_ACCESS_KEY"] == "" {
		p.Fatalf("it does not start: %v", p.cmd.Wait())
	}
}

func (p *cloudProcess) kill() {
	p.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.Fatal(err)
	}
	_ = p.cmd.Wait() // it was killed
}

// call makes a signed call to EC2 with nothing but what the environment says.
func (p *cloudProcess) call(form string) (int, string) {
	p.Helper()
	ca, err := os.ReadFile(p.env["AWS_CA_BUNDLE"])
	if err != nil {
		p.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.env["AWS_ENDPOINT_URL"]+"/", strings.NewReader(form))
	if err != nil {
		p.Fatal(err)
	}
	sum := sha256.Sum256([]byte(form))
	key := awssdk.Credentials{AccessKeyID: p.env["AWS_ACCESS_KEY_ID"], SecretAccessKey: p.env["AWS_SECRET_ACCESS_KEY"]}
	if err := v4.NewSigner().SignHTTP(p.Context(), key, req, hex.EncodeToString(sum[:]), "ec2", p.env["AWS_REGION"], time.Now()); err != nil {
		p.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// printedLedger is what the tests read of `simcloud ledger -o json`.
type printedLedger struct {
	Calls int
	Twice []struct {
		Second struct{ Owner string }
	}
	Touched []struct{ Caller string }
}

func (p *cloudProcess) ledger() (a printedLedger) {
	p.Helper()
	s := finish(aerie(p.Context(), "simcloud", "ledger", "--dir", p.dir, "-o", "json"))
	if s.code != 0 {
		p.Fatal(s.err)
	}
	if err := json.Unmarshal([]byte(s.out), &a); err != nil {
		p.Fatal(err)
	}
	return a
}

const createNetwork = "Action=CreateVpc&CidrBlock=10.0.0.0%2F16&TagSpecification.1.ResourceType=vpc&TagSpecification.1.Tag.1.Key=aerie.io%2Fowner&TagSpecification.1.Tag.1.Value=acme"

// TestKilledCloudIsBack kills the emulated cloud. What it has answered, it has; its authority, keys and ledger are as before.
func TestKilledCloudIsBack(t *testing.T) {
	p := &cloudProcess{T: t, dir: t.TempDir(), listen: natstest.Address(t)}
	p.start()
	before := p.env
	if status, body := p.call(createNetwork); status != 200 {
		t.Fatal(status, body)
	}
	if s := finish(aerie(t.Context(), "simcloud", "--dir", p.dir)); s.code != 1 || !strings.Contains(s.err, "another emulated cloud uses") {
		t.Fatalf("a second one on its directory: %+v", s)
	}
	p.kill()
	if status, body := p.call(createNetwork); status != 0 {
		t.Fatal("it answers though it is dead", body)
	}
	if a := p.ledger(); a.Calls != 1 || len(a.Twice) != 0 || a.Touched[0].Caller != "arn:aws:iam::111122223333:user/aerie" {
		t.Fatalf("%+v", a)
	}
	p.start()
	for k, v := range before {
		if p.env[k] != v {
			t.Errorf("%s is %s, and was %s", k, p.env[k], v)
		}
	}
	if status, body := p.call("Action=DescribeVpcs"); status != 200 || strings.Count(body, "<vpcId>") != 1 {
		t.Fatal(status, body)
	}
	if status, body := p.call(createNetwork); status != 200 {
		t.Fatal(status, body)
	}
	if a := p.ledger(); len(a.Twice) != 1 || a.Twice[0].Second.Owner != "acme" {
		t.Fatalf("%+v", a)
	}
}

// TestLedgerIsReadable has the ledger as people read it.
func TestLedgerIsReadable(t *testing.T) {
	p := &cloudProcess{T: t, dir: t.TempDir(), listen: natstest.Address(t)}
	p.start()
	p.call(createNetwork)
	p.call("Action=DeleteVpc&VpcId=vpc-none")
	s := finish(aerie(t.Context(), "simcloud", "ledger", "--dir", p.dir))
	if s.code != 0 {
		t.Fatal(s.err)
	}
	for _, want := range []string{"left: 3", "security-group", "made twice: 0", "calls: 2", "arn:aws:iam::111122223333:user/aerie"} {
		if !strings.Contains(s.out, want) {
			t.Errorf("no %q in\n%s", want, s.out)
		}
	}
	for _, format := range []string{"json", "yaml"} {
		if s := finish(aerie(t.Context(), "simcloud", "ledger", "--dir", p.dir, "-o", format)); s.code != 0 || !strings.Contains(s.out, "InvalidVpcID.NotFound") {
			t.Errorf("%s: %s", format, s.out)
		}
	}
}
