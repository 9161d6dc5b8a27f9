package aws

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
)

// How long a node group takes, in life. One without capacity stays in creation for long before it fails.
const (
	groupMade    = 150 * time.Second
	groupFailed  = 20 * time.Minute
	groupUpdated = 45 * time.Second
	groupRolled  = 8 * time.Minute
	groupDeleted = 3 * time.Minute
)

func (q *request) createNodegroup() (doc, error) {
	cluster, err := q.cluster()
	if err != nil {
		return nil, err
	}
	name := text(q.in, "nodegroupName")
	about := doc{"clusterName": cluster.Name, "nodegroupName": name}
	if old := q.Here().Find("nodegroup", cluster.Name, name); q.again(old) {
		return doc{"nodegroup": tell(old)}, nil
	} else if old != nil {
		return nil, fail("ResourceInUseException", "NodeGroup already exists with name %s and cluster name %s", name, cluster.Name).about(about)
	}
	if cluster.Text("status") != "ACTIVE" {
		return nil, fail("InvalidRequestException", "Cluster '%s' is not in ACTIVE status", cluster.Name).about(about)
	}
	there := 0
	for _, other := range q.Here().All("nodegroup") {
		if other.Parent == cluster.Name {
			there++
		}
	}
	if most := q.server.accounts.quota(q.Account, "nodegroups-per-cluster"); there >= most {
		return nil, fail("ResourceLimitExceededException", "Cluster %s has reached its limit of %d nodegroups", cluster.Name, most).about(about)
	}
	d, subnets, err := q.nodegroupDoc(cluster, name)
	if err != nil {
		return nil, err
	}
	return doc{"nodegroup": tell(q.makeNodegroup(cluster, name, d, subnets))}, nil
}

// nodegroupDoc checks what is asked for and says it with its defaults.
func (q *request) nodegroupDoc(cluster *emulator.Thing, name string) (d doc, subnets []*emulator.Thing, err error) {
	if !clusterName.MatchString(name) || len(name) > 63 {
		return nil, nil, wrong("The nodegroup name %q is invalid", name)
	}
	d = doc{
		"nodegroupName": name, "clusterName": cluster.Name, "nodegroupArn": q.arn("nodegroup", cluster.Name+"/"+name+"/"+requestID()), "createdAt": q.seconds(), "modifiedAt": q.seconds(),
		"status": "CREATING", "capacityType": "ON_DEMAND", "amiType": "AL2023_x86_64_STANDARD", "diskSize": float64(20), "version": cluster.Text("version"),
		"instanceTypes": []any{"t3.medium"}, "labels": doc{}, "taints": []any{}, "health": doc{"issues": []any{}}, "updateConfig": doc{"maxUnavailable": float64(1)},
		"scalingConfig": doc{"minSize": float64(1), "maxSize": float64(2), "desiredSize": float64(2)},
		"resources":     doc{"autoScalingGroups": []any{doc{"name": "eks-" + name + "-" + random(12)}}},
	}
	for field := range d {
		if v, given := q.in[field]; given && field != "clusterName" {
			d[field] = v
		}
	}
	for _, field := range []string{"nodeRole", "subnets", "nodeRepairConfig", "launchTemplate", "remoteAccess"} {
		if v, given := q.in[field]; given {
			d[field] = v
		}
	}
	d["releaseVersion"] = text(d, "version") + ".1-20261101"
	if minor(text(d, "version")) > minor(cluster.Text("version")) {
		return nil, nil, wrong("Requested Nodegroup version %s is greater than the cluster's %s", text(d, "version"), cluster.Text("version"))
	}
	if err := checkNodegroup(d); err != nil {
		return nil, nil, err
	}
	if err := q.roleFor("ec2.amazonaws.com", text(q.in, "nodeRole"), nodePolicies); err != nil {
		return nil, nil, err
	}
	subnets, err = q.subnets(texts(q.in, "subnets"), false)
	if err == nil && subnets[0].Text("vpcId") != text(sub(cluster.Doc, "resourcesVpcConfig"), "vpcId") {
		err = wrong("Subnets %v are not in the cluster's VPC", texts(q.in, "subnets"))
	}
	return d, subnets, err
}

var taintEffects = []string{"NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"}

// reservedLabels are what no label's key may have in it.
var reservedLabels = []string{"kubernetes.io/", "k8s.io/", "eks.amazonaws.com/"}

func checkNodegroup(d doc) error {
	if len(texts(d, "instanceTypes")) == 0 {
		return wrong("instanceTypes can't be empty")
	}
	for _, t := range texts(d, "instanceTypes") {
		if !isType(t) {
			return wrong("Instance type not valid: the following supplied instance types do not exist: [%s]", t)
		}
	}
	if c := text(d, "capacityType"); c != "ON_DEMAND" && c != "SPOT" {
		return wrong("Capacity type %s is invalid", c)
	}
	for k := range sub(d, "labels") {
		for _, end := range reservedLabels {
			if strings.Contains(k, end) {
				return wrong("Label cannot contain reserved prefixes [%s]", strings.Join(reservedLabels, ", "))
			}
		}
	}
	for _, t := range docs(d, "taints") {
		if !slices.Contains(taintEffects, text(t, "effect")) {
			return wrong("Taint effect %q is invalid", text(t, "effect"))
		}
	}
	return checkScaling(sub(d, "scalingConfig"))
}

func checkScaling(s doc) error {
	low, _ := whole(s, "minSize")
	high, _ := whole(s, "maxSize")
	want, _ := whole(s, "desiredSize")
	switch {
	case low < 0 || high < 1:
		return wrong("minSize must be at least 0 and maxSize at least 1")
	case low > want:
		return wrong("Minimum capacity %d can't be greater than desired size %d", low, want)
	case want > high:
		return wrong("desired capacity %d can't be greater than max size %d", want, high)
	}
	return nil
}

func (q *request) makeNodegroup(cluster *emulator.Thing, name string, d doc, subnets []*emulator.Thing) *emulator.Thing {
	want, _ := whole(sub(d, "scalingConfig"), "desiredSize")
	running := q.nodesHere()
	t := q.create("nodegroup", cluster.Name, name, cluster.N, d)
	t.Due = &emulator.Due{At: q.After(groupMade), Set: doc{"status": "ACTIVE"}}
	for i := range want {
		attachInterface(q.Here(), subnets[i%len(subnets)], doc{"description": "", "requesterManaged": false, "attachment": doc{"instanceId": "i-0" + random(16), "status": "attached"}}, with(t))
	}
	if mode := text(sub(cluster.Doc, "accessConfig"), "authenticationMode"); mode != "CONFIG_MAP" {
		q.admit(cluster, text(d, "nodeRole"), "EC2_LINUX", nil)
	}
	if most := q.server.accounts.quota(q.Account, "nodes"); running+want > most {
		t.Due = &emulator.Due{At: q.After(groupFailed), Set: ill("CREATE_FAILED", "InstanceLimitExceeded", fmt.Sprintf("You have requested more instances (%d) than your current instance limit of %d allows.", running+want, most), asg(t))}
		return t
	}
	q.trouble(t, func(code, message string) doc {
		t.Due.At = q.After(groupFailed)
		return ill("CREATE_FAILED", code, message, asg(t))
	})
	return t
}

func asg(t *emulator.Thing) string {
	for _, g := range docs(sub(t.Doc, "resources"), "autoScalingGroups") {
		return text(g, "name")
	}
	return ""
}

// nodesHere are the instances that the account has or waits for in this region.
func (q *request) nodesHere() (n int) {
	for _, t := range q.Here().All("nodegroup") {
		want, _ := whole(sub(t.Doc, "scalingConfig"), "desiredSize")
		n += want
	}
	return n
}

// nodes is how many nodes a group has that are ready.
func nodes(t *emulator.Thing) int {
	if s := t.Text("status"); s != "ACTIVE" && s != "UPDATING" && s != "DEGRADED" {
		return 0
	}
	n, _ := whole(sub(t.Doc, "scalingConfig"), "desiredSize")
	return n
}

// nodegroup is the one that a request names.
func (q *request) nodegroup(cluster *emulator.Thing) (*emulator.Thing, error) {
	name := text(q.in, "nodegroupName")
	t := q.Here().See("nodegroup", cluster.Name, name)
	if t == nil {
		return nil, fail("ResourceNotFoundException", "No node group found for name: %s.", name).about(doc{"clusterName": cluster.Name, "nodegroupName": name})
	}
	return t, nil
}

// onNodegroup is the node group that a request names, with its cluster.
func (q *request) onNodegroup() (cluster, t *emulator.Thing, err error) {
	if cluster, err = q.cluster(); err == nil {
		t, err = q.nodegroup(cluster)
	}
	return cluster, t, err
}

func (q *request) describeNodegroup() (doc, error) {
	_, t, err := q.onNodegroup()
	if err != nil {
		return nil, err
	}
	return doc{"nodegroup": tell(t)}, nil
}

func (q *request) deleteNodegroup() (doc, error) {
	_, t, err := q.onNodegroup()
	if err != nil {
		return nil, err
	}
	switch t.Text("status") {
	case "DELETING":
		return doc{"nodegroup": tell(t)}, nil
	case "UPDATING":
		return nil, busy("DeleteNodegroup", t)
	}
	e := q.Edit(t)
	e.Doc["status"] = "DELETING"
	e.Due = &emulator.Due{At: q.After(groupDeleted), Gone: true}
	q.trouble(e, func(code, message string) doc { return ill("DELETE_FAILED", code, message, asg(e)) })
	return doc{"nodegroup": tell(e)}, nil
}
