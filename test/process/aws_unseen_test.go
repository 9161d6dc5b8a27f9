package process

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/emulate"
	"github.com/aeriehq/aerie/internal/client"
)

const unseenDataplanes = `
kind: account
name: main
spec: {cloud: aws, number: "111122223333"}
---
kind: dataplane
name: vpc
spec: {account: main, region: eu-central-1}
---
kind: dataplane
name: cluster
spec: {account: main, region: eu-west-1}
`

// TestWhatAWSNeverShowsIsMadeThreeTimes has an AWS whose looks show nothing of the VPCs that were made in one region, and
// of the clusters in another: each is asked for three times, also by a server that is started anew, and the dataplane says
// what was made.
func TestWhatAWSNeverShowsIsMadeThreeTimes(t *testing.T) {
	t.Parallel()
	a, emulator := emulateAWS(t, 0, nil)
	p := a.server("600")
	p.start()
	never := emulate.Duration{Duration: 10000 * time.Hour}
	err := emulator.Inject(emulate.Fault{Op: "ec2:CreateVpc", Match: "eu-central-1", Stale: never, Times: -1},
		emulate.Fault{Op: "eks:CreateCluster", Match: "eu-west-1", Stale: never, Times: -1})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "two.yaml")
	overwrite(t, file, unseenDataplanes)
	if s := p.cli("apply", "-f", file); s.code != 0 {
		t.Fatalf("apply: %+v\n%s", s, p.log)
	}
	a.unseen(p, "vpc", "CreateVpc", "eu-central-1")
	a.unseen(p, "cluster", "CreateCluster", "eu-west-1")
	p.kill()
	p.start()
	a.unseen(p, "vpc", "CreateVpc", "eu-central-1")
	a.unseen(p, "cluster", "CreateCluster", "eu-west-1")
}

// unseen waits until a dataplane says that what a call made is not seen, and asserts how often it was called.
func (a *emulatedAWS) unseen(p *process, name, op, region string) {
	a.t.Helper()
	var e client.Entity
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if err := json.Unmarshal([]byte(p.cli("get", "dataplane", name, "-o", "json").out), &e); err != nil {
			a.t.Fatal(err)
		}
		if r := e.Status.Reason; r != nil && r.Code == "not_seen" && strings.Contains(r.Message, op) {
			break
		}
		if time.Now().After(end) {
			a.t.Fatalf("dataplane %s says %+v\n%s", name, e.Status.Reason, p.cli("why", "dataplane", name).out)
		}
	}
	calls := 0
	for _, c := range a.ledger().Calls {
		if c.Op == op && c.Region == region {
			calls++
		}
	}
	if calls != 3 {
		a.t.Errorf("%s was called %d times", op, calls)
	}
}
