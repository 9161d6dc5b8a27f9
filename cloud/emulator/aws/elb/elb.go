// Package elb emulates what is left of load balancing when a cluster is gone: classic and other load balancers and
// target groups can be described and deleted. The API makes none: the controller in a cluster does, which the server
// above plays.
//
// Begin with Service. An operation runs alone under the lock of emulator.World, whose journal keeps what it did as a
// whole or not at all; nothing is kept here.
package elb

import (
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/cloud/emulator/aws/ec2"
)

// The kinds of load balancing. A balancer goes at once, and its interfaces some time after it.
const (
	BalancerKind = "load-balancer"
	TargetKind   = "target-group"
	balancerGone = 30 * time.Second
)

// classicVersion is that of the API for classic load balancers, which has the same service and names of operations as
// the one for all others.
const classicVersion = "2012-06-01"

// doc is a document in the words of the wire.
type doc = core.Doc

// request is one call of an operation of load balancing.
type request struct{ *core.Request }

// Service is load balancing as the server has it.
var Service = core.Service{
	Actions: core.Operations(func(r *core.Request) *request { return &request{r} }, actions),
	Kinds:   []string{BalancerKind, TargetKind}, Rights: rightsOf,
}

var actions = map[string]func(*request) (doc, error){
	"DescribeLoadBalancers": (*request).describeBalancers, "DeleteLoadBalancer": (*request).deleteBalancer,
	"DescribeTargetGroups": (*request).describeTargets, "DeleteTargetGroup": (*request).deleteTarget,
	"DescribeTags": (*request).describeBalancerTags,
}

func (q *request) classic() bool { return core.Text(q.Params, "Version") == classicVersion }

func isClassic(t *emulator.Resource) bool { return t.Text("Type") == "classic" }

func (q *request) describeBalancers() (doc, error) {
	var found []any
	for _, t := range q.Here().Shown(BalancerKind) {
		switch {
		case isClassic(t) && q.classic():
			found = append(found, doc{"LoadBalancerName": t.Name, "DNSName": t.Text("DNSName"), "VPCId": t.Text("VpcId"), "Scheme": "internet-facing"})
		case !isClassic(t) && !q.classic():
			found = append(found, core.Visible(t))
		}
	}
	if q.classic() {
		return doc{"LoadBalancerDescriptions": found}, nil
	}
	return doc{"LoadBalancers": found}, nil
}

// deleteBalancer of one that is not there is no error.
func (q *request) deleteBalancer() (doc, error) {
	t := q.Here().Find(BalancerKind, "", nameOf(core.Text(q.Params, "LoadBalancerName")+core.Text(q.Params, "LoadBalancerArn")))
	if t != nil && isClassic(t) == q.classic() {
		DropBalancer(q.Call, q.Here(), t)
	}
	return doc{}, nil
}

// DropBalancer deletes a balancer; its interfaces go later.
func DropBalancer(c *emulator.Call, here emulator.Scope, t *emulator.Resource) {
	for _, i := range here.All(ec2.InterfaceKind.Name) {
		if i.Text("_balancer") == t.Name {
			c.Edit(i).Due = &emulator.Scheduled{At: c.After(balancerGone), Gone: true}
		}
	}
	c.Drop(t)
}

func (q *request) describeTargets() (doc, error) {
	var found []any
	for _, t := range q.Here().Shown(TargetKind) {
		found = append(found, core.Visible(t))
	}
	return doc{"TargetGroups": found}, nil
}

func (q *request) deleteTarget() (doc, error) {
	arn := core.Text(q.Params, "TargetGroupArn")
	t := q.Here().Find(TargetKind, "", nameOf(arn))
	switch {
	case t == nil:
		return doc{}, nil
	case q.Here().Find(BalancerKind, "", t.Text("_balancer")) != nil:
		return nil, core.Fail("ResourceInUse", "Target group '%s' is currently in use by a listener or a rule", arn)
	}
	q.Drop(t)
	return doc{}, nil
}

func (q *request) describeBalancerTags() (doc, error) {
	var found []any
	for _, id := range append(core.Texts(q.Params, "LoadBalancerNames"), core.Texts(q.Params, "ResourceArns")...) {
		t := q.Here().See(BalancerKind, "", nameOf(id))
		if t == nil {
			t = q.Here().See(TargetKind, "", nameOf(id))
		}
		if t == nil {
			return nil, core.Fail("LoadBalancerNotFound", "Load balancer '%s' not found", id)
		}
		found = append(found, doc{"LoadBalancerName": id, "ResourceArn": id, "Tags": core.TagList(t.Tags, "Key", "Value")})
	}
	return doc{"TagDescriptions": found}, nil
}

// nameOf is what something is called, of its name or of its ARN.
func nameOf(id string) string {
	parts := strings.Split(id, "/")
	if len(parts) > 2 {
		return parts[len(parts)-2]
	}
	return id
}

// rightsOf: only what deletes is on something.
func rightsOf(r *core.Request) []core.Right {
	action, kind, id := "elasticloadbalancing:"+r.Op, BalancerKind, core.Text(r.Params, "LoadBalancerName")+core.Text(r.Params, "LoadBalancerArn")
	switch r.Op {
	case "DeleteTargetGroup":
		kind, id = TargetKind, core.Text(r.Params, "TargetGroupArn")
	case "DeleteLoadBalancer":
	default:
		return []core.Right{{Action: action, Resource: "*"}}
	}
	t := r.Here().Find(kind, "", nameOf(id))
	if t == nil {
		return nil
	}
	if !strings.HasPrefix(id, "arn:") {
		id = "arn:aws:elasticloadbalancing:" + r.Region + ":" + r.Account + ":loadbalancer/" + id
	}
	return []core.Right{{Action: action, Resource: id, Context: core.ResourceTags(nil, t, "aws", "elasticloadbalancing")}}
}
