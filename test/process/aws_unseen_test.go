package process

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/internal/client"
)

// TestWhatAWSNeverShowsIsMadeThreeTimes has an AWS whose looks show nothing of the VPCs that were made in one region, and
// of the clusters in another: each is asked for three times, also by a server that is started anew, and the dataplane says
// what was made.
func TestWhatAWSNeverShowsIsMadeThreeTimes(t *testing.T) {
	t.Parallel()
	never := emulator.Duration{Duration: 10000 * time.Hour}
	a, p := twoWith(t, "vpc", "cluster", emulator.Fault{Op: "ec2:CreateVpc", Match: "eu-central-1", Stale: never, Times: -1},
		emulator.Fault{Op: "eks:CreateCluster", Match: "eu-west-1", Stale: never, Times: -1})
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
