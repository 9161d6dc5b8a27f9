package elb

import (
	"context"
	"slices"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/aeriehq/aerie/cloud/aws/awserr"
)

// TestOneHasJustGone asks for the tags of many of which one has gone since they were listed: the answer tells of none, and
// what is the cluster's is deleted all the same.
func TestOneHasJustGone(t *testing.T) {
	gone := &smithy.OperationError{ServiceID: awserr.ELB, Err: &smithy.GenericAPIError{Code: "LoadBalancerNotFound"}}
	var dropped []string
	s := sort{
		func(_ context.Context, of []string) (all []tag, err error) {
			if slices.Contains(of, "left") {
				return nil, gone
			}
			for _, one := range of {
				all = append(all, tag{&one, awssdk.String("elbv2.k8s.aws/cluster"), awssdk.String(one[:2])})
			}
			return all, nil
		},
		func(_ context.Context, one *string) error {
			dropped = append(dropped, *one)
			return gone // it too, but that was asked for
		},
	}
	if err := s.deleteMarked(t.Context(), "c1", []string{"c1-a", "left", "c2-a", "c1-b"}, mostTagged); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(dropped, []string{"c1-a", "c1-b"}) {
		t.Error(dropped)
	}
}
