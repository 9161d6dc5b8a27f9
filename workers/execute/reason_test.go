package execute

import (
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
)

// TestWhatACustomerIsToldOfAFailure: the platform's account is no customer's to read about, its own is.
func TestWhatACustomerIsToldOfAFailure(t *testing.T) {
	denied := &cloud.Error{Class: cloud.Denied, Op: "DescribeCluster", Code: "AccessDenied",
		Message: "User: arn:aws:sts::555000111222:assumed-role/platform/x is not authorized"}
	for name, c := range map[string]struct {
		place queue.Partition
		told  bool
	}{
		"on the platform's dataplane":  {queue.Partition{Owner: "-", Dataplane: "eu"}, false},
		"on its own dataplane":         {queue.Partition{Owner: "acme", Dataplane: "eu"}, true},
		"in its own account, anywhere": {queue.Nowhere, true},
	} {
		task := NewTask(ev.Work{Ref: ev.Ref{Kind: ev.Tenant, Owner: "acme", ID: "prod"}}, nil, nil)
		why, _ := task.reasonAt(c.place, denied)
		if told := strings.Contains(why.Message, "555000111222"); told != c.told || !strings.Contains(why.Message, "is not authorized") {
			t.Errorf("%s: %s", name, why.Message)
		}
	}
}
