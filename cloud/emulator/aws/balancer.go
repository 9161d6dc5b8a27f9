package aws

import (
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
)

// The kinds of load balancing. A balancer goes at once, and its interfaces some time after it.
const (
	balancerKind = "load-balancer"
	targetKind   = "target-group"
	balancerGone = 30 * time.Second
)

// classicVersion is that of the API for classic load balancers, which has the same service and names of operations as
// the one for all others.
const classicVersion = "2012-06-01"

var balancerActions = map[string]func(*request) (doc, error){
	"DescribeLoadBalancers": (*request).describeBalancers, "DeleteLoadBalancer": (*request).deleteBalancer,
	"DescribeTargetGroups": (*request).describeTargets, "DeleteTargetGroup": (*request).deleteTarget,
	"DescribeTags": (*request).describeBalancerTags,
}

func (q *request) classic() bool { return text(q.in, "Version") == classicVersion }

func isClassic(t *emulator.Thing) bool { return t.Text("Type") == "classic" }

func (q *request) describeBalancers() (doc, error) {
	var found []any
	for _, t := range q.Here().Shown(balancerKind) {
		switch {
		case isClassic(t) && q.classic():
			found = append(found, doc{"LoadBalancerName": t.Name, "DNSName": t.Text("DNSName"), "VPCId": t.Text("VpcId"), "Scheme": "internet-facing"})
		case !isClassic(t) && !q.classic():
			found = append(found, visible(t))
		}
	}
	if q.classic() {
		return doc{"LoadBalancerDescriptions": found}, nil
	}
	return doc{"LoadBalancers": found}, nil
}

// deleteBalancer of one that is not there is no error.
func (q *request) deleteBalancer() (doc, error) {
	t := q.Here().Find(balancerKind, "", nameOf(text(q.in, "LoadBalancerName")+text(q.in, "LoadBalancerArn")))
	if t != nil && isClassic(t) == q.classic() {
		dropBalancer(q.Call, q.Here(), t)
	}
	return doc{}, nil
}

// dropBalancer deletes a balancer; its interfaces go later.
func dropBalancer(c *emulator.Call, here emulator.Where, t *emulator.Thing) {
	for _, i := range here.All(interfaceKind.kind) {
		if i.Text("_balancer") == t.Name {
			c.Edit(i).Due = &emulator.Due{At: c.After(balancerGone), Gone: true}
		}
	}
	c.Drop(t)
}

func (q *request) describeTargets() (doc, error) {
	var found []any
	for _, t := range q.Here().Shown(targetKind) {
		found = append(found, visible(t))
	}
	return doc{"TargetGroups": found}, nil
}

func (q *request) deleteTarget() (doc, error) {
	arn := text(q.in, "TargetGroupArn")
	t := q.Here().Find(targetKind, "", nameOf(arn))
	switch {
	case t == nil:
		return doc{}, nil
	case q.Here().Find(balancerKind, "", t.Text("_balancer")) != nil:
		return nil, fail("ResourceInUse", "Target group '%s' is currently in use by a listener or a rule", arn)
	}
	q.Drop(t)
	return doc{}, nil
}

func (q *request) describeBalancerTags() (doc, error) {
	var found []any
	for _, id := range append(texts(q.in, "LoadBalancerNames"), texts(q.in, "ResourceArns")...) {
		t := q.Here().See(balancerKind, "", nameOf(id))
		if t == nil {
			t = q.Here().See(targetKind, "", nameOf(id))
		}
		if t == nil {
			return nil, fail("LoadBalancerNotFound", "Load balancer '%s' not found", id)
		}
		found = append(found, doc{"LoadBalancerName": id, "ResourceArn": id, "Tags": tagList(t.Tags, "Key", "Value")})
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
