package process

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2t "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

// TestLostMarksAreToldOnAWS has a program that tidies tags take those of a VPC and of a node group. Nothing is made a second time: the
// dataplanes go on, and say what has lost its mark, until it is back. Nobody retries them.
func TestLostMarksAreToldOnAWS(t *testing.T) {
	if testing.Short() {
		t.Skip("between two looks there are 15 seconds at least")
	}
	t.Parallel()
	a, p := awsWith(t, oneDataplane+"\n---\nkind: dataplane\nname: west\nspec: {account: main, region: eu-west-1}\n")
	vpc, group := a.live("vpc", "eu-central-1"), a.live("nodegroup", "eu-west-1")
	marks := map[string]string{"aerie.io/owner": vpc.Tags["aerie.io/owner"], "aerie.io/name": vpc.Tags["aerie.io/name"]}
	var pairs []ec2t.Tag
	for key, value := range marks {
		pairs = append(pairs, ec2t.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	c := a.tidy()
	network := ec2.NewFromConfig(c, func(o *ec2.Options) { o.Region = "eu-central-1" })
	pools := eks.NewFromConfig(c, func(o *eks.Options) { o.Region = "eu-west-1" })
	arn := group.Doc["nodegroupArn"].(string)
	if _, err := network.DeleteTags(t.Context(), &ec2.DeleteTagsInput{Resources: []string{vpc.Name}, Tags: pairs}); err != nil {
		t.Fatal(err)
	}
	if _, err := pools.UntagResource(t.Context(), &eks.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"aerie.io/owner"}}); err != nil {
		t.Fatal(err)
	}
	says := func(what string) func(client.Entity) bool {
		return func(e client.Entity) bool {
			r := e.Status.Reason
			return e.Phase == "Active" && r != nil && r.Code == events.ConfigProblem && strings.Contains(r.Message, what)
		}
	}
	p.until("dataplane", "eu", says(vpc.Name+", in which network "+marks["aerie.io/name"]+" is, has lost its tags"))
	p.until("dataplane", "west", says("has no tag aerie.io/owner"))
	if _, err := network.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{vpc.Name}, Tags: pairs}); err != nil {
		t.Fatal(err)
	}
	if _, err := pools.TagResource(t.Context(), &eks.TagResourceInput{ResourceArn: &arn, Tags: group.Tags}); err != nil {
		t.Fatal(err)
	}
	p.until("dataplane", "eu", well)
	p.until("dataplane", "west", well)
	if twice := a.ledger().Twice(); len(twice) > 0 {
		t.Errorf("made twice: %+v", twice)
	}
	a.endsWell(p)
}

// tidy is the configuration of a program of the account's owners that may do everything.
func (a *emulatedAWS) tidy() aws.Config {
	a.t.Helper()
	accounts, err := core.ReadAccounts(a.dir)
	if err == nil {
		accounts[0].Users = append(accounts[0].Users, core.User{Name: "tidy", AccessKeyID: "AKIATIDY", SecretAccessKey: "tidy"})
		err = core.WriteAccounts(a.dir, accounts)
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return a.config("AKIATIDY", "tidy")
}

// live is the one thing of a kind of aerie's in a region.
func (a *emulatedAWS) live(kind, region string) (found emulator.Entry) {
	a.t.Helper()
	for _, e := range a.ledger().Live(time.Now()) {
		if e.Kind == kind && e.Region == region && e.Owner() != "" {
			return e
		}
	}
	a.t.Fatalf("there is no %s in %s", kind, region)
	return found
}
