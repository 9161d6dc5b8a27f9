package aws_test

import (
	"cmp"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws"
	"github.com/aeriehq/aerie/cloud/cloudtest"
)

// plan is what the suite makes in a real account. The prices are those of eu-central-1, rounded up.
const plan = `
The conformance suite makes, one case after the other, in account %s, region %s:
  a VPC with a NAT gateway and its address     0.06 USD an hour
  an EKS cluster                               0.10 USD an hour
  one or two node groups of up to 5 t3.medium  0.05 USD an hour and machine
  IAM roles and an OpenID Connect provider, at no cost; the account must have the policy of the template of
  aerie account bootstrap
and takes all of it away after each case. Some 20 cases take 20 to 60 minutes each: reckon with 15 hours and 10 USD.
Cases that need a cloud which can be made to fail are skipped. Choose some with -run, such as
  go test ./cloud/aws -run 'TestRealAccount/.*whole_dataplane' -v -timeout 0
If the test is killed, what it made carries the tag aerie.io/owner; run it again, or delete that.
To go on, set AERIE_CONFORMANCE_AWS to the account's number.
`

// TestRealAccount is the same suite on a real account, with the credentials that the SDK finds.
func TestRealAccount(t *testing.T) {
	number, region := os.Getenv("AERIE_CONFORMANCE_AWS"), cmp.Or(os.Getenv("AWS_REGION"), "eu-central-1")
	if os.Getenv("AERIE_CONFORMANCE_AWS_PLAN") != "" {
		fmt.Printf(plan, cmp.Or(number, "(none yet)"), region)
	}
	if number == "" {
		t.Skip("no real account is given")
	}
	o, err := aws.Load(t.Context())
	must(t, err)
	o.Speed = 1
	o.ConsistencyDelay, o.Rates = aws.ConsistencyDelay, aws.Rates()
	cloudtest.Run(t, func(t *testing.T) cloudtest.Rig {
		return cloudtest.Rig{
			Fresh: func() cloud.Provider { return aws.New(o) }, Kept: true,
			Advance: func(time.Duration) { time.Sleep(30 * time.Second) }, Long: time.Hour, ConsistencyDelay: time.Minute, Rounds: 120,
			Home:    cloud.Scope{Account: cloud.Account{ID: number, Role: os.Getenv("AERIE_CONFORMANCE_AWS_ROLE"), ExternalID: os.Getenv("AERIE_CONFORMANCE_AWS_EXTERNAL_ID")}, Region: region},
			Machine: "s2", Another: "m6i.xlarge",
		}
	})
}
