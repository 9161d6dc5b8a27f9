package sdktest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/aeriehq/aerie/cloud/emulator"
)

// TestThrottling is each service's own word for too many calls, and then none.
func TestThrottling(t *testing.T) {
	r := start(t, 0)
	for code, call := range map[string]func() error{
		"ThrottlingException": func() error {
			_, err := r.eks.ListClusters(t.Context(), &eks.ListClustersInput{})
			return err
		},
		"RequestLimitExceeded": func() error {
			_, err := r.ec2.DescribeVpcs(t.Context(), nil)
			return err
		},
		"Throttling": func() error {
			_, err := r.iam.ListRoles(t.Context(), &iam.ListRolesInput{})
			return err
		},
	} {
		t.Run(code, func(t *testing.T) {
			r.inject(emulator.Fault{Throttle: true, Times: 2})
			is(t, code, call())
			is(t, code, call())
			must(t, call())
		})
	}
	r.inject(emulator.Fault{Op: "eks:ListClusters", Throttle: true, RetryAfter: emulator.Duration{Duration: 1500 * time.Millisecond}})
	_, err := r.eks.ListClusters(t.Context(), &eks.ListClustersInput{})
	var answer *smithyhttp.ResponseError
	if !errors.As(err, &answer) || answer.HTTPStatusCode() != 429 || answer.Response.Header.Get("Retry-After") != "2" {
		t.Fatal(err)
	}
	r.inject(emulator.Fault{Op: "eks:ListClusters", Code: "InvalidRequestException", Message: "Request limit exceeded"})
	_, err = r.eks.ListClusters(t.Context(), &eks.ListClustersInput{})
	is(t, "InvalidRequestException", err) // EKS hides it so, too
}

// TestLostAnswers has calls that are done though their callers never hear of it, and calls that are not.
func TestLostAnswers(t *testing.T) {
	for _, row := range []struct {
		name   string
		fault  emulator.Fault
		answer string // the code; empty: none comes
		there  int
	}{
		{"the answer is lost", emulator.Fault{Op: "CreateVpc", Lost: true}, "", 1},
		{"the connection is cut before", emulator.Fault{Op: "CreateVpc", Cut: true}, "", 0},
		{"the service fails before", emulator.Fault{Op: "CreateVpc", Code: "InternalError"}, "InternalError", 0},
		{"the answer is lost, in one region", emulator.Fault{Op: "ec2:CreateVpc", Match: "eu-west-1", Lost: true}, "", 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := start(t, 0)
			r.inject(row.fault)
			_, err := r.ec2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: str("10.0.0.0/16")})
			if code := codeOf(err); row.answer != "" && code != row.answer || row.answer == "" && !strings.HasPrefix(code, "no answer") {
				t.Fatal(err)
			}
			if c := r.ledger().Calls[0]; c.Op != "CreateVpc" || c.Lost != (row.answer == "") || (c.Code == "") != (row.there == 1) {
				t.Errorf("%+v", c)
			}
			out, err := r.ec2.DescribeVpcs(t.Context(), nil)
			if err != nil || len(out.Vpcs) != row.there {
				t.Fatalf("%d are there, want %d: %v", len(out.Vpcs), row.there, err)
			}
		})
	}
}

// TestStaleReads shows the world as it was before a call.
func TestStaleReads(t *testing.T) {
	stale := emulator.Duration{Duration: soon / 2}
	factsOf(t, []fact{
		{"a cluster that was made is not there yet", func(t *testing.T, r *rig, g ground) {
			r.inject(emulator.Fault{Op: "CreateCluster", Stale: stale})
			_, err := r.eks.CreateCluster(t.Context(), g.cluster("d", "1"))
			must(t, err)
			if s := r.status("d"); s != "ResourceNotFoundException" {
				t.Fatal(s)
			}
			_, err = r.eks.CreateCluster(t.Context(), g.cluster("d", "2"))
			is(t, "ResourceInUseException", err) // whoever makes it again hears of it
			r.advance(soon)
			if s := r.status("d"); s != "ACTIVE" {
				t.Fatal(s)
			}
		}},
		{"a cluster that is deleted is still active", func(t *testing.T, r *rig, g ground) {
			_, err := r.eks.DeleteNodegroup(t.Context(), &eks.DeleteNodegroupInput{ClusterName: str("c"), NodegroupName: str("n")})
			must(t, err)
			r.advance(soon)
			r.inject(emulator.Fault{Op: "DeleteCluster", Stale: stale})
			_, err = r.eks.DeleteCluster(t.Context(), &eks.DeleteClusterInput{Name: str("c")})
			must(t, err)
			if s := r.status("c"); s != "ACTIVE" {
				t.Fatal(s)
			}
			r.advance(soon)
			if s := r.status("c"); s != "ResourceNotFoundException" {
				t.Fatal(s)
			}
		}},
		{"a subnet that was deleted is still there", func(t *testing.T, r *rig, g ground) {
			subnet := r.network("10.3.0.0/16", region+"a")[0]
			r.inject(emulator.Fault{Op: "DeleteSubnet", Stale: stale})
			_, err := r.ec2.DeleteSubnet(t.Context(), &ec2.DeleteSubnetInput{SubnetId: &subnet})
			must(t, err)
			_, err = r.ec2.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{SubnetIds: []string{subnet}})
			must(t, err)
			r.advance(soon)
			_, err = r.ec2.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{SubnetIds: []string{subnet}})
			is(t, "InvalidSubnetID.NotFound", err)
		}},
		{"a role that was made is not there yet, for IAM itself", func(t *testing.T, r *rig, g ground) {
			r.inject(emulator.Fault{Op: "CreateRole", Stale: stale})
			_, err := r.role(t.Context(), "late")
			must(t, err)
			_, err = r.iam.GetRole(t.Context(), &iam.GetRoleInput{RoleName: str("late")})
			is(t, "NoSuchEntity", err)
			_, err = r.role(t.Context(), "late")
			is(t, "EntityAlreadyExists", err)
			r.advance(soon)
			_, err = r.iam.GetRole(t.Context(), &iam.GetRoleInput{RoleName: str("late")})
			must(t, err)
		}},
	})
}

// TestBehindOurBack deletes things past all rules, which no interface of the cloud can.
func TestBehindOurBack(t *testing.T) {
	r, _ := lifelike(t)
	n, err := r.cloud.ByHand(emulator.ManualChange{Delete: "cluster", Match: "c"})
	if err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if s := r.status("c"); s != "ResourceNotFoundException" {
		t.Fatal(s)
	}
	for _, e := range r.ledger().Live(r.cloud.Now()) {
		if e.Kind == "nodegroup" || e.Kind == "network-interface" || e.Kind == "access-entry" {
			t.Errorf("%s %s is left", e.Kind, e.Name)
		}
	}
}

// TestFiles has what people write into the directory while the cloud runs.
func TestFiles(t *testing.T) {
	r, g := lifelike(t)
	write := func(name, content string) {
		must(t, os.WriteFile(filepath.Join(r.dir, name), []byte(content), 0o600))
	}
	write("faults.json", `[{"op": "sts:GetCallerIdentity", "throttle": true, "times": -1}]`)
	_, err := r.sts.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	is(t, "Throttling", err)
	write("faults.json", `[{"op": "broken"`)
	_, err = r.sts.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	is(t, "Throttling", err) // those before stay
	must(t, os.Remove(filepath.Join(r.dir, "faults.json")))
	_, err = r.sts.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	must(t, err)

	_, err = r.eks.CreateCluster(t.Context(), g.cluster("d", "1"))
	must(t, err)
	write("by-hand.json", `[{"advance": "30m"}, {"change": "cluster", "match": "c", "set": {"version": "1.35"}}]`)
	if s := r.status("d"); s != "ACTIVE" {
		t.Fatal(s)
	}
	out, err := r.eks.DescribeCluster(t.Context(), &eks.DescribeClusterInput{Name: str("c")})
	if err != nil || *out.Cluster.Version != "1.35" {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "by-hand.done.json")); err != nil {
		t.Fatal(err)
	}
}

// TestRestart has all back: what is there, what is under way, sessions, and the clock.
func TestRestart(t *testing.T) {
	r, g := lifelike(t)
	customer, err := r.as(r.accounts()[1].Roles[0].ExternalID)
	must(t, err)
	_, err = r.eks.CreateCluster(t.Context(), g.cluster("d", "1"))
	must(t, err)
	before := r.cloud.Now()
	must(t, r.cloud.Close())
	if _, err := customer.sts.GetCallerIdentity(t.Context(), nil); codeOf(err) == "" {
		t.Fatal("it answers though it is closed")
	}
	must(t, appendTorn(r.dir))
	r = open(t, r.dir, 1)
	if r.cloud.Now().Before(before) {
		t.Fatal("time went back")
	}
	if s := r.status("c") + " " + r.status("d"); s != "ACTIVE CREATING" {
		t.Fatal(s)
	}
	r.advance(soon)
	if s := r.status("d"); s != "ACTIVE" {
		t.Fatal(s)
	}
	again, err := r.eks.CreateCluster(t.Context(), g.cluster("d", "1"))
	if err != nil || again.Cluster.Status != "ACTIVE" {
		t.Fatal(err)
	}
}

// appendTorn writes half a line to the ledger, as a kill may do.
func appendTorn(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, "ledger.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(`{"n":99999,"call":{"op":"Create`); err != nil {
		return err
	}
	return f.Close()
}
