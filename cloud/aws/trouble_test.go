package aws_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws"
	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
)

const owner = "-/dataplane/eu/01HA"

func network(owner string) cloud.NetworkSpec {
	return cloud.NetworkSpec{Name: "net1", Owner: owner, Range: "10.0.0.0/16", Token: "t1"}
}

// until asks until something is in a phase.
func (r *rig) until(want cloud.Phase, ask func() (cloud.Observation, error)) cloud.Observation {
	r.Helper()
	var o cloud.Observation
	var err error
	for range 8 {
		if o, err = ask(); err != nil {
			r.Fatal(err)
		}
		if o.Phase == want {
			return o
		}
		r.advance(soon)
	}
	r.Fatalf("phase %s, want %s: %+v", o.Phase, want, o)
	return o
}

func (r *rig) up(p cloud.Provider, s cloud.Scope) {
	r.Helper()
	r.until(cloud.Ready, func() (cloud.Observation, error) { return p.EnsureNetwork(r.Context(), s, network(owner)) })
	r.until(cloud.Ready, func() (cloud.Observation, error) { return r.ensureCluster(p, s) })
}

func (r *rig) ensureCluster(p cloud.Provider, s cloud.Scope) (cloud.Observation, error) {
	return p.EnsureCluster(r.Context(), s, cloud.ClusterSpec{Name: "cl1", Owner: owner, Network: "net1", Version: "1.35", Token: "t2"})
}

// TestAccountsDoNotMix works in two accounts at the same moment, from one process.
func TestAccountsDoNotMix(t *testing.T) {
	r := start(t)
	p := r.provider()
	for range 8 {
		var all sync.WaitGroup
		for _, s := range []cloud.Scope{r.home(), r.customer(), r.home(), r.customer()} {
			all.Go(func() {
				if _, err := p.EnsureNetwork(t.Context(), s, network("in/account/"+s.Account.ID)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		r.advance(time.Minute)
	}
	for _, thing := range r.ledger().Things {
		if o := thing.Owner(); o != "" && o != "in/account/"+thing.Account {
			t.Errorf("%s of %s is in account %s", thing.Kind, o, thing.Account)
		}
	}
	if n := r.twice(); n > 0 {
		t.Errorf("%d things were made twice", n)
	}
}

// TestThrottledAccountIsAlone shuts one account's door until the cloud wants to hear of it again.
func TestThrottledAccountIsAlone(t *testing.T) {
	r := start(t)
	p := r.provider()
	look := func(s cloud.Scope) error {
		_, err := p.ObserveNetwork(t.Context(), s, "net1")
		return err
	}
	must(t, look(r.customer()))
	r.inject(emulator.Fault{Op: "ec2:DescribeVpcs", Match: r.customer().Account.ID, Throttle: true, Times: -1})
	var refused *cloud.Error
	var made int
	for range 50 { // until the wait is longer than a call's patience: how long it is is chance
		made = len(r.ledger().Calls)
		if err := look(r.customer()); !errors.As(err, &refused) || refused.Class != cloud.Throttled {
			t.Fatal(err)
		}
		if refused.Code == "Paced" {
			break
		}
	}
	if now := len(r.ledger().Calls); refused.Code != "Paced" || refused.RetryAfter <= 0 || now != made {
		t.Fatalf("%+v, %d calls reached the cloud", refused, now-made)
	}
	must(t, look(r.home()))
}

// TestAccess works in a cluster with what Access says.
func TestAccess(t *testing.T) {
	r := start(t)
	for _, s := range []cloud.Scope{r.home(), r.customer()} {
		p := r.provider()
		r.up(p, s)
		to, err := p.Access(t.Context(), s, "cl1")
		must(t, err)
		api, err := kube.Connect(to.Endpoint, to.CA, to.Token)
		must(t, err)
		_, err = tenant.EnsureBase(t.Context(), api, owner)
		must(t, err)
		nobody, err := kube.Connect(to.Endpoint, to.CA, nil)
		must(t, err)
		if _, err := nobody.Get(t.Context(), "v1", "Namespace", "", kube.SystemNamespace); err == nil {
			t.Error("without a token the cluster lets everybody in")
		}
	}
}

// TestNetworkIsMended takes parts of a network away by hand.
func TestNetworkIsMended(t *testing.T) {
	r := start(t)
	p := r.provider()
	ensure := func() (cloud.Observation, error) { return p.EnsureNetwork(t.Context(), r.home(), network(owner)) }
	r.until(cloud.Ready, ensure)
	for range 2 { // the second time the first gateway's token must not be used again
		r.deleteNATs()
		r.advance(soon)
		o, err := p.ObserveNetwork(t.Context(), r.home(), "net1")
		must(t, err)
		if o.Phase != cloud.Failed || !strings.Contains(o.Issues[0].Message, "nat") {
			t.Fatalf("%+v", o)
		}
		r.until(cloud.Ready, ensure)
	}
}

// deleteNATs is what somebody else does.
func (r *rig) deleteNATs() {
	r.Helper()
	c := ec2.NewFromConfig(r.theirs)
	all, err := c.DescribeNatGateways(r.Context(), &ec2.DescribeNatGatewaysInput{})
	must(r, err)
	for _, g := range all.NatGateways {
		if g.State == types.NatGatewayStateAvailable {
			_, err := c.DeleteNatGateway(r.Context(), &ec2.DeleteNatGatewayInput{NatGatewayId: g.NatGatewayId})
			must(r, err)
		}
	}
}

// TestLeftoversAreListed deletes a cluster by hand: its role and provider are found by who sweeps, and by who makes it anew.
func TestLeftoversAreListed(t *testing.T) {
	r := start(t)
	p := r.provider()
	r.up(p, r.home())
	n, err := r.cloud.ByHand(emulator.ManualChange{Delete: "cluster"})
	must(t, err)
	r.advance(soon)
	o, err := p.ObserveCluster(t.Context(), r.home(), "cl1")
	must(t, err)
	refs, err := p.ListOwned(t.Context(), r.home(), owner)
	must(t, err)
	if n != 1 || o.Phase != cloud.Deleting || len(refs) < 2 || refs[0].Kind != cloud.KindCluster || refs[0].Name != "cl1" {
		t.Fatalf("%d %+v %+v", n, o, refs)
	}
	must(t, p.DeleteCluster(t.Context(), r.home(), "cl1", owner))
	r.advance(soon)
	if refs, err = p.ListOwned(t.Context(), r.home(), owner); err != nil || len(refs) != 1 {
		t.Fatalf("%v %+v", err, refs)
	}
}

// TestNoCredentials has none, which is the operator's to mend.
func TestNoCredentials(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_CONFIG_FILE", "/nowhere")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
	o, err := aws.Load(t.Context())
	must(t, err)
	o.Config.HTTPClient = &http.Client{Transport: unreachable{t}}
	err = aws.New(o).Check(t.Context(), cloud.Account{ID: "111122223333"})
	if cloud.ClassOf(err) != cloud.Denied || !strings.Contains(err.Error(), "no credentials for AWS were found") {
		t.Fatal(err)
	}
}

type unreachable struct{ t *testing.T }

func (u unreachable) RoundTrip(q *http.Request) (*http.Response, error) {
	u.t.Errorf("a call to %s", q.URL)
	return nil, http.ErrHandlerTimeout
}

// TestNetworkInUse has interfaces in a network that nobody lets go: it can't go either, and says why; when they go, it does.
func TestNetworkInUse(t *testing.T) {
	r := start(t)
	p := r.provider()
	r.up(p, r.home())
	r.serve(p, "cl1")
	_, err := r.cloud.ByHand(emulator.ManualChange{Delete: "load-balancer"}) // not by its own interface: that would end these too
	must(t, err)
	for range 4 {
		must(t, p.DeleteCluster(t.Context(), r.home(), "cl1", owner))
		r.advance(soon)
	}
	var refused error
	for range 4 {
		refused = p.DeleteNetwork(t.Context(), r.home(), "net1", owner)
		r.advance(soon)
	}
	if cloud.ClassOf(refused) != cloud.Conflict || !strings.Contains(refused.Error(), "ELB") {
		t.Fatal(refused)
	}
	if _, err := p.EnsureNetwork(t.Context(), r.home(), network(owner)); cloud.ClassOf(err) != cloud.Conflict {
		t.Error("what is being deleted is made anew:", err)
	}
	_, err = r.cloud.ByHand(emulator.ManualChange{Delete: "network-interface"})
	must(t, err)
	for range 4 {
		must(t, p.DeleteNetwork(t.Context(), r.home(), "net1", owner))
		r.advance(soon)
	}
	if refs, err := p.ListOwned(t.Context(), r.home(), ""); err != nil || len(refs) > 0 {
		t.Fatalf("%v %+v", err, refs)
	}
}
