package process

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server"
	"github.com/aeriehq/aerie/internal/testbudget"
)

// appearance is what people see of a class of errors.
type appearance struct {
	code    events.ReasonCode
	fault   events.Blame
	retried bool // by itself
}

var shownOf = map[cloud.Class]appearance{
	cloud.Throttled: {events.RateLimited, events.ByCloud, true},
	cloud.Retryable: {events.Unreachable, events.ByCloud, true},
	cloud.Conflict:  {events.ConflictReason, events.ByCloud, true},
	cloud.NotFound:  {events.Dependency, events.ByCloud, true},
	cloud.Quota:     {events.QuotaExceeded, events.ByUser, true},
	cloud.Capacity:  {events.CapacityUnavailable, events.ByCloud, true},
	cloud.Denied:    {events.Unauthorized, events.ByUser, false},
	cloud.Invalid:   {events.ConfigProblem, events.ByUser, false},
	cloud.Terminal:  {events.InternalReason, events.ByCloud, false},
	cloud.Unseen:    {events.NotSeen, events.ByCloud, true},
	cloud.Unknown:   {events.UnknownReason, events.ByCloud, false},
}

// provoked is one error of AWS, as a call is refused with it or as what comes of it has it as an issue.
type provoked struct {
	service, code, text string
	class               cloud.Class
	issue               bool
}

// ops are the calls that are refused, by service.
var ops = map[string]string{awserr.EC2: "ec2:CreateVpc", awserr.IAM: "iam:CreateRole", awserr.EKS: "eks:CreateCluster", awserr.STS: "sts:AssumeRole"}

// awsErrors is how many errors of the table are passed over, from one on that chance chooses.
var awsErrors = flag.Int("aws-errors", 0, "provoke every so-manieth error of AWS; 1 is each, 0 as internal/testbudget says")

// TestErrorsOfAWS provokes the errors of the tables in an emulated AWS, all at once, each on something of its own, and
// asserts what get and why show of it: code, whose fault, the call, and whether there is a next attempt.
func TestErrorsOfAWS(t *testing.T) {
	a, simcloud := emulateAWS(t, 0, nil)
	all := errorsOfAWS()
	covered(t, all)
	var rows []provoked
	every := testbudget.Of(t, testbudget.AWSErrors, *awsErrors)
	for i := chance(t).IntN(every); i < len(all); i += every {
		rows = append(rows, all[i])
	}
	c, subnets := a.controlForErrors(rows)
	var input strings.Builder
	fmt.Fprintf(&input, "kind: account\nname: main\nspec: {cloud: aws, number: %q}\n", "111122223333")
	for i, r := range rows {
		f := emulator.Fault{Op: ops[r.service], Match: fmt.Sprintf("row%03d-", i), Code: r.code, Message: r.text, Times: -1}
		if r.issue {
			f.Op, f.Issue = "eks:CreateNodegroup", true
		}
		if r.service == awserr.STS {
			f.Match = numberOf(i)
		}
		if err := simcloud.Inject(f); err != nil {
			t.Fatal(err)
		}
		input.WriteString(r.manifest(i, subnets))
	}
	told(c, t, 0, input.String(), "apply", "-f", "-")
	end := time.Now().Add(40 * time.Second)
	for i, r := range rows {
		t.Run(fmt.Sprintf("%s %s %s", r.service, r.code, r.text), func(t *testing.T) {
			t.Parallel()
			r.check(t, c, i, end)
		})
	}
}

// numberOf is the account of a row that is about entering one.
func numberOf(i int) string { return fmt.Sprintf("900000000%03d", i) }

// manifest is what the error happens to. A service that throttles slows its whole region, so each row has another.
func (r provoked) manifest(i int, subnets map[string][]string) string {
	if r.service == awserr.STS {
		return fmt.Sprintf("---\nkind: account\nname: row%03d\nspec: {cloud: aws, number: %q, hosting: customer, role: aerie, externalId: x}\n", i, numberOf(i))
	}
	region, network := r.region(i), ""
	if r.service != awserr.EC2 {
		network = fmt.Sprintf("\n  network: {subnets: [%s]}", strings.Join(subnets[region], ", "))
	}
	return fmt.Sprintf("---\nkind: dataplane\nname: row%03d\nspec:\n  account: main\n  region: %s\n  version: \"1.34\"%s\n", i, region, network)
}

var quietRegion, otherRegions = "eu-central-1", []string{"us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1", "ap-south-1"}

func (r provoked) region(i int) string {
	if r.class != cloud.Throttled || r.issue {
		return quietRegion
	}
	return otherRegions[i%len(otherRegions)]
}

// check waits until the error is shown as it must be, but not longer than to a time at which phases are not given up yet.
func (r provoked) check(t *testing.T, c *server.Control, i int, end time.Time) {
	kind, api := "dataplane", "EnsureCluster"
	switch {
	case r.service == awserr.STS:
		kind, api = "account", "Check"
	case r.service == awserr.EC2:
		api = "EnsureNetwork"
	case r.issue:
		api = "EnsurePool"
	}
	name, want, text := fmt.Sprintf("-/row%03d", i), shownOf[r.class], r.text
	if r.young() {
		waited(t, c, name, end)
		return
	}
	code := r.code
	if r.unclear() {
		want, code, text = shownOf[cloud.Unseen], "NotSeen", "no answer said which"
	}
	var e client.Entity
	var asked time.Time
	for ; ; time.Sleep(20 * time.Millisecond) {
		e, asked = client.Entity{}, time.Now()
		if err := json.Unmarshal([]byte(told(c, t, 0, "", "get", kind, name, "-o", "json")), &e); err != nil {
			t.Fatal(err)
		}
		if s := e.Status.Reason; s != nil && s.Code == want.code && s.Retried == want.retried && strings.Contains(s.Message, code) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%s %s: want %+v\n%s", kind, name, want, told(c, t, 0, "", "why", kind, name))
		}
	}
	s := e.Status.Reason
	if s.Fault != want.fault || !s.NextAt.IsZero() && (!want.retried || s.NextAt.Before(asked)) || !strings.Contains(s.Message, text) {
		t.Errorf("get shows %+v, want %+v", s, want)
	}
	table := told(c, t, 0, "", "get", kind, name)
	why := told(c, t, 0, "", "why", kind, name)
	again := "retried: yes, "
	if !want.retried {
		again = "retried: no, not before an update, or: aerie " + kind + " retry " + name
	}
	for _, says := range []string{"reason: " + string(want.code) + ": ", "fault: " + string(want.fault), again, "call " + api + " at "} {
		if !strings.Contains(why, says) {
			t.Errorf("why does not say %q:\n%s", says, why)
		}
	}
	if !strings.Contains(table, string(want.code)+": ") {
		t.Errorf("get shows\n%s", table)
	}
}

// unclear tells whether the calls that make something are answered in a way that leaves open whether they did. After six
// of them no more is made.
func (r provoked) unclear() bool {
	switch r.code {
	case "InternalError", "ServiceFailure", "ServerException":
		return !r.issue
	}
	return false
}

// young tells whether it is what a role that was made just now explains: for so long that is no error, but waited for.
func (r provoked) young() bool {
	isCreate := r.service == awserr.EKS && !r.issue
	return isCreate && (r.class == cloud.NotFound || r.code == "InvalidParameterException" && r.class == cloud.Retryable) || r.code == "EntityAlreadyExists"
}

// waited waits until a dataplane has begun with its cluster, and asserts that it is shown as being under way.
func waited(t *testing.T, c *server.Control, name string, end time.Time) {
	t.Helper()
	for !strings.Contains(told(c, t, 0, "", "get", "dataplane", name), "ClusterCreating") && time.Now().Before(end) {
		time.Sleep(20 * time.Millisecond)
	}
	why := told(c, t, 0, "", "why", "dataplane", name)
	for _, says := range []string{"reason: in_progress: the cluster's control plane is under way\n", "fault: system\n", "goes on: by itself"} {
		if !strings.Contains(why, says) {
			t.Errorf("why does not say %q:\n%s", says, why)
		}
	}
}

// controlForErrors is a control plane that works in the emulated cloud, with room for all rows, and two subnets that are
// there already in every region.
func (a *emulatedAWS) controlForErrors(rows []provoked) (*server.Control, map[string][]string) {
	a.t.Helper()
	for _, e := range a.env {
		name, value, _ := strings.Cut(e, "=")
		a.t.Setenv(name, value)
	}
	accounts, err := core.ReadAccounts(a.dir)
	if err != nil {
		a.t.Fatal(err)
	}
	accounts[0].Users[0].Policies = nil // with its key things are made by hand too
	accounts[0].Quotas = map[string]int{"vpcs": 500, "internet-gateways": 500, "addresses": 500, "clusters": 500, "nodes": 5000, "roles": 5000}
	for i, r := range rows {
		if r.service == awserr.STS {
			accounts = append(accounts, core.Account{ID: numberOf(i), Roles: []core.Role{{Name: "aerie", Trusts: []string{"arn:aws:iam::111122223333:user/aerie"}, ExternalID: "x"}}})
		}
	}
	if err := core.WriteAccounts(a.dir, accounts); err != nil {
		a.t.Fatal(err)
	}
	c, err := server.Start(server.Settings{DataDir: filepath.Join(a.t.TempDir(), "data"), HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", SimSpeed: 60, NoSim: true})
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = c.Close() })
	subnets := map[string][]string{}
	for _, region := range append([]string{quietRegion}, otherRegions...) {
		subnets[region] = a.subnetsIn(region)
	}
	return c, subnets
}

// subnetsIn makes two subnets in two zones, as somebody else would.
func (a *emulatedAWS) subnetsIn(region string) (ids []string) {
	a.t.Helper()
	c, err := config.LoadDefaultConfig(a.t.Context(), config.WithRegion(region))
	if err != nil {
		a.t.Fatal(err)
	}
	client := ec2.NewFromConfig(c)
	vpc, err := client.CreateVpc(a.t.Context(), &ec2.CreateVpcInput{CidrBlock: awssdk.String("10.99.0.0/16")})
	if err != nil {
		a.t.Fatal(err)
	}
	for zone, cidr := range map[string]string{"a": "10.99.0.0/20", "b": "10.99.16.0/20"} {
		s, err := client.CreateSubnet(a.t.Context(), &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: &cidr, AvailabilityZone: awssdk.String(region + zone)})
		if err != nil {
			a.t.Fatal(err)
		}
		ids = append(ids, *s.Subnet.SubnetId)
	}
	return ids
}

// covered asserts that each row of the tables is the first that fits one of the errors.
func covered(t *testing.T, all []provoked) {
	t.Helper()
	for _, table := range []struct {
		rows  []awserr.Row
		issue bool
	}{{awserr.Table, false}, {awserr.IssueTable, true}} {
		hit := map[int]bool{}
		for _, p := range all {
			for i, r := range table.rows {
				if p.issue == table.issue && fits(r, p) {
					hit[i] = true
					break
				}
			}
		}
		for i, r := range table.rows {
			// Those of load balancing are met only when a cluster has gone: cloud/aws provokes them.
			if !hit[i] && r.Service != awserr.ELB && r.Service != awserr.ClassicELB {
				t.Errorf("nothing provokes %+v", r)
			}
		}
	}
}

func fits(r awserr.Row, p provoked) bool {
	is, err := path.Match(r.Code, p.code)
	text := strings.Split(strings.ToLower(r.Text), "*")
	for _, part := range text {
		is = is && strings.Contains(strings.ToLower(p.text), part)
	}
	return is && err == nil && (r.Service == "" || p.issue || r.Service == p.service)
}

// told is what the command line prints about a control plane; it fails the test on another exit code.
func told(c *server.Control, t *testing.T, want int, stdin string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	args = append(args, "--api-url", c.APIURL(), "--nats-url", c.NATSURL(), "--token", c.Token)
	if code := cli.Run(t.Context(), args, strings.NewReader(stdin), &out, &errs); code != want {
		t.Fatalf("%v: exit %d, %s%s", args, code, out.String(), errs.String())
	}
	return out.String()
}
