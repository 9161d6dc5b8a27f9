package process

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/internal/client"
)

const twoDataplanes = `
kind: account
name: main
spec: {cloud: aws, number: "111122223333"}
---
kind: dataplane
name: %s
spec: {account: main, region: eu-central-1}
---
kind: dataplane
name: %s
spec: {account: main, region: eu-west-1}
`

// twoWith starts a server on an AWS with faults, and asks for a dataplane in eu-central-1 and one in eu-west-1.
func twoWith(t *testing.T, central, west string, faults ...emulator.Fault) (*emulatedAWS, *process) {
	t.Helper()
	a, simcloud := emulateAWS(t, 0, nil)
	p := a.server("600")
	p.start()
	if err := simcloud.Inject(faults...); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "two.yaml")
	overwrite(t, file, fmt.Sprintf(twoDataplanes, central, west))
	if s := p.cli("apply", "-f", file); s.code != 0 {
		t.Fatalf("apply: %+v\n%s", s, p.log)
	}
	return a, p
}

// TestTheSameFailureAgain has one dataplane refused again and again, which AWS numbers, and another one without an answer
// each time, which nobody numbers: both are told once, and never with a next attempt that is past.
func TestTheSameFailureAgain(t *testing.T) {
	t.Parallel()
	refused := emulator.Fault{Op: "ec2:CreateVpc", Match: "eu-central-1", Code: "VpcLimitExceeded", Message: "The maximum number of VPCs has been reached.", Times: -1}
	cut := emulator.Fault{Op: "ec2:DescribeAvailabilityZones", Match: "eu-west-1", Cut: true, Times: -1}
	a, p := twoWith(t, "full", "mute", refused, cut)
	a.again(p, "full", "eu-central-1", "quota_exceeded")
	a.again(p, "mute", "eu-west-1", "unreachable")
}

// again waits until a call was made five times, and asserts that it is told once.
func (a *emulatedAWS) again(p *process, name, region, code string) {
	a.t.Helper()
	var made []string
	for end := time.Now().Add(time.Minute); len(made) < 5; time.Sleep(20 * time.Millisecond) {
		made = a.vpcsRefused(region)
		if time.Now().After(end) {
			a.t.Fatalf("it is not tried again: %v\n%s", made, p.log)
		}
	}
	asked := time.Now()
	var e client.Entity
	if err := json.Unmarshal([]byte(p.cli("get", "dataplane", name, "-o", "json").out), &e); err != nil {
		a.t.Fatal(err)
	}
	if r := e.Status.Reason; r == nil || string(r.Code) != code || !r.Retried || !r.NextAt.IsZero() && r.NextAt.Before(asked) {
		a.t.Errorf("get shows %+v", r)
	}
	if told := strings.Count(p.cli("history", "dataplane", name, "-o", "name").out, "attempt_failed"); told != 1 {
		a.t.Errorf("told %d times\n%s", told, p.cli("history", "dataplane", name).out)
	}
	why := p.cli("why", "dataplane", name).out
	if numbered := strings.Contains(why, ", request "+made[0]); numbered != (code == "quota_exceeded") {
		a.t.Errorf("the request's id is told: %t\n%s", numbered, why)
	}
	reason, _, _ := strings.Cut(why[strings.LastIndex(why, "reason: "):], "\n")
	if strings.Contains(reason, made[0]) {
		a.t.Errorf("the reason names a request: %s", reason)
	}
}

// vpcsRefused are the ids of the requests for a VPC, or for the zones of one, in a region that were refused or cut.
func (a *emulatedAWS) vpcsRefused(region string) (ids []string) {
	a.t.Helper()
	for _, c := range a.ledger().Calls {
		if (c.Op == "CreateVpc" || c.Op == "DescribeAvailabilityZones") && c.Region == region && c.Code != "" {
			ids = append(ids, c.ID)
		}
	}
	return ids
}
