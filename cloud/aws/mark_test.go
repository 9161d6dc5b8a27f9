package aws_test

import (
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2t "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/aeriehq/aerie/cloud"
)

// TestANetworkThatHasLostItsMark has somebody take the tags from a VPC, and from all that is in it: a look says so, no second VPC is made
// beside it, and all is well when it has them again.
func TestANetworkThatHasLostItsMark(t *testing.T) {
	for _, row := range []struct {
		name  string
		kinds string
	}{{"the VPC's", "vpc"}, {"all", "vpc subnet internet-gateway elastic-ip natgateway route-table security-group"}} {
		t.Run(row.name, func(t *testing.T) {
			r := start(t)
			p := r.provider()
			r.whole(p)
			var ids []string
			vpc := ""
			for _, e := range r.ledger().Live(r.cloud.Now()) {
				if e.Owner() != "" && strings.Contains(" "+row.kinds+" ", " "+e.Kind+" ") {
					ids = append(ids, e.Name)
				}
				if e.Owner() != "" && e.Kind == "vpc" {
					vpc = e.Name
				}
			}
			marks := []ec2t.Tag{{Key: awssdk.String("aerie.io/owner"), Value: awssdk.String(owner)}, {Key: awssdk.String("aerie.io/name"), Value: awssdk.String("net1")}}
			c := ec2.NewFromConfig(r.theirs)
			_, err := c.DeleteTags(t.Context(), &ec2.DeleteTagsInput{Resources: ids, Tags: []ec2t.Tag{{Key: marks[0].Key}, {Key: marks[1].Key}}})
			must(t, err)
			r.advance(soon)
			ensure := func() (cloud.Observation, error) {
				return p.EnsureNetwork(t.Context(), r.home(), cloud.NetworkSpec{Name: "net1", Owner: owner, Range: "10.0.0.0/16", Token: "t1"})
			}
			o, err := p.ObserveNetwork(t.Context(), r.home(), "net1")
			if err != nil || o.Phase != cloud.Degraded || o.ID != vpc || o.Lacks != "the tag aerie.io/name=net1 of "+vpc {
				t.Errorf("without its mark it is %+v, %v", o, err)
			}
			for range 3 {
				if _, err = ensure(); cloud.ClassOf(err) != cloud.Taken || !strings.Contains(err.Error(), vpc) {
					t.Errorf("it is ensured: %v", err)
				}
				r.advance(soon)
			}
			if all, err := c.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{}); err != nil || len(all.Vpcs) != 1 {
				t.Errorf("there are %d VPCs, %v", len(all.Vpcs), err)
			}
			_, err = c.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: ids, Tags: marks})
			must(t, err)
			r.advance(soon)
			r.until(cloud.Ready, ensure)
			if o, err = p.ObserveNetwork(t.Context(), r.home(), "net1"); err != nil || o.Phase != cloud.Ready || o.ID != vpc || o.Lacks != "" {
				t.Errorf("with its mark it is %+v, %v", o, err)
			}
		})
	}
}
