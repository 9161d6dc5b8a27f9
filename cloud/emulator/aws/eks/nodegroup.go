package eks

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/cloud/emulator/aws/ec2"
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
	name := core.Text(q.Params, "nodegroupName")
	about := doc{"clusterName": cluster.Name, "nodegroupName": name}
	if old := q.Here().Find("nodegroup", cluster.Name, name); q.again(old) {
		return doc{"nodegroup": tell(old)}, nil
	} else if old != nil {
		return nil, core.Fail("ResourceInUseException", "NodeGroup already exists with name %s and cluster name %s", name, cluster.Name).About(about)
	}
	if cluster.Text("status") != "ACTIVE" {
		return nil, core.Fail("InvalidRequestException", "Cluster '%s' is not in ACTIVE status", cluster.Name).About(about)
	}
	there := 0
	for _, other := range q.Here().All("nodegroup") {
		if other.Parent == cluster.Name {
			there++
		}
	}
	if most := q.Cloud.Accounts.Quota(q.Account, "nodegroups-per-cluster"); there >= most {
		return nil, core.Fail("ResourceLimitExceededException", "Cluster %s has reached its limit of %d nodegroups", cluster.Name, most).About(about)
	}
	d, subnets, err := q.nodegroupDoc(cluster, name)
	if err != nil {
		return nil, err
	}
	return doc{"nodegroup": tell(q.makeNodegroup(cluster, name, d, subnets))}, nil
}

// nodegroupDoc checks what is asked for and says it with its defaults.
func (q *request) nodegroupDoc(cluster *emulator.Resource, name string) (d doc, subnets []*emulator.Resource, err error) {
	if !clusterName.MatchString(name) || len(name) > 63 {
		return nil, nil, wrong("The nodegroup name %q is invalid", name)
	}
	d = doc{
		"nodegroupName": name, "clusterName": cluster.Name, "nodegroupArn": q.arn("nodegroup", cluster.Name+"/"+name+"/"+core.RequestID()), "createdAt": q.seconds(), "modifiedAt": q.seconds(),
		"status": "CREATING", "capacityType": "ON_DEMAND", "amiType": "AL2023_x86_64_STANDARD", "diskSize": float64(20), "version": cluster.Text("version"),
		"instanceTypes": []any{"t3.medium"}, "labels": doc{}, "taints": []any{}, "health": doc{"issues": []any{}}, "updateConfig": doc{"maxUnavailable": float64(1)},
		"scalingConfig": doc{"minSize": float64(1), "maxSize": float64(2), "desiredSize": float64(2)},
		"resources":     doc{"autoScalingGroups": []any{doc{"name": "eks-" + name + "-" + core.RandomHex(12)}}},
	}
	for field := range d {
		if v, given := q.Params[field]; given && field != "clusterName" {
			d[field] = v
		}
	}
	for _, field := range []string{"nodeRole", "subnets", "nodeRepairConfig", "launchTemplate", "remoteAccess"} {
		if v, given := q.Params[field]; given {
			d[field] = v
		}
	}
	d["releaseVersion"] = core.Text(d, "version") + ".1-20261101"
	if minor(core.Text(d, "version")) > minor(cluster.Text("version")) {
		return nil, nil, wrong("Requested Nodegroup version %s is greater than the cluster's %s", core.Text(d, "version"), cluster.Text("version"))
	}
	if i := slices.IndexFunc(core.Texts(d, "instanceTypes"), q.Cloud.Gone.Has); i >= 0 {
		return nil, nil, noType(core.Texts(d, "instanceTypes")[i])
	}
	if err := checkNodegroup(d); err != nil {
		return nil, nil, err
	}
	if err := q.roleFor("ec2.amazonaws.com", core.Text(q.Params, "nodeRole"), nodePolicies); err != nil {
		return nil, nil, err
	}
	subnets, err = q.subnets(core.Texts(q.Params, "subnets"), false)
	if err == nil && subnets[0].Text("vpcId") != core.Text(core.Sub(cluster.Doc, "resourcesVpcConfig"), "vpcId") {
		err = wrong("Subnets %v are not in the cluster's VPC", core.Texts(q.Params, "subnets"))
	}
	return d, subnets, err
}

var taintEffects = []string{"NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"}

// reservedLabels are what no label's key may have in it.
var reservedLabels = []string{"kubernetes.io/", "k8s.io/", "eks.amazonaws.com/"}

func noType(name string) error {
	return wrong("Instance type not valid: the following supplied instance types do not exist: [%s]", name)
}

func checkNodegroup(d doc) error {
	if len(core.Texts(d, "instanceTypes")) == 0 {
		return wrong("instanceTypes can't be empty")
	}
	for _, t := range core.Texts(d, "instanceTypes") {
		if !ec2.IsInstanceType(t) {
			return noType(t)
		}
	}
	if c := core.Text(d, "capacityType"); c != "ON_DEMAND" && c != "SPOT" {
		return wrong("Capacity type %s is invalid", c)
	}
	for k := range core.Sub(d, "labels") {
		for _, end := range reservedLabels {
			if strings.Contains(k, end) {
				return wrong("Label cannot contain reserved prefixes [%s]", strings.Join(reservedLabels, ", "))
			}
		}
	}
	for _, t := range core.Docs(d, "taints") {
		if !slices.Contains(taintEffects, core.Text(t, "effect")) {
			return wrong("Taint effect %q is invalid", core.Text(t, "effect"))
		}
	}
	return checkScaling(core.Sub(d, "scalingConfig"))
}

func checkScaling(s doc) error {
	low, _ := core.Whole(s, "minSize")
	high, _ := core.Whole(s, "maxSize")
	want, _ := core.Whole(s, "desiredSize")
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

func (q *request) makeNodegroup(cluster *emulator.Resource, name string, d doc, subnets []*emulator.Resource) *emulator.Resource {
	want, _ := core.Whole(core.Sub(d, "scalingConfig"), "desiredSize")
	running := q.nodesHere()
	t := q.create("nodegroup", cluster.Name, name, cluster.N, d)
	t.Due = &emulator.Scheduled{At: q.After(groupMade), Set: doc{"status": "ACTIVE"}}
	for i := range want {
		ec2.AttachInterface(q.Here(), subnets[i%len(subnets)], doc{"description": "", "requesterManaged": false, "attachment": doc{"instanceId": "i-0" + core.RandomHex(16), "status": "attached"}}, ec2.GoesWith(t))
	}
	if mode := core.Text(core.Sub(cluster.Doc, "accessConfig"), "authenticationMode"); mode != "CONFIG_MAP" {
		q.admit(cluster, core.Text(d, "nodeRole"), "EC2_LINUX", nil)
	}
	if most := q.Cloud.Accounts.Quota(q.Account, "nodes"); running+want > most {
		t.Due = &emulator.Scheduled{At: q.After(groupFailed), Set: ill("CREATE_FAILED", "InstanceLimitExceeded", fmt.Sprintf("You have requested more instances (%d) than your current instance limit of %d allows.", running+want, most), asg(t))}
		return t
	}
	q.trouble(t, func(code, message string) doc {
		t.Due.At = q.After(groupFailed)
		return ill("CREATE_FAILED", code, message, asg(t))
	})
	return t
}

func asg(t *emulator.Resource) string {
	for _, g := range core.Docs(core.Sub(t.Doc, "resources"), "autoScalingGroups") {
		return core.Text(g, "name")
	}
	return ""
}

// nodesHere are the instances that the account has or waits for in this region.
func (q *request) nodesHere() (n int) {
	for _, t := range q.Here().All("nodegroup") {
		want, _ := core.Whole(core.Sub(t.Doc, "scalingConfig"), "desiredSize")
		n += want
	}
	return n
}

// ReadyNodes is how many nodes a group has that are ready.
func ReadyNodes(t *emulator.Resource) int {
	if s := t.Text("status"); s != "ACTIVE" && s != "UPDATING" && s != "DEGRADED" {
		return 0
	}
	n, _ := core.Whole(core.Sub(t.Doc, "scalingConfig"), "desiredSize")
	return n
}

// nodegroup is the one that a request names.
func (q *request) nodegroup(cluster *emulator.Resource) (*emulator.Resource, error) {
	name := core.Text(q.Params, "nodegroupName")
	t := q.Here().See("nodegroup", cluster.Name, name)
	if t == nil {
		return nil, core.Fail("ResourceNotFoundException", "No node group found for name: %s.", name).About(doc{"clusterName": cluster.Name, "nodegroupName": name})
	}
	return t, nil
}

// onNodegroup is the node group that a request names, with its cluster.
func (q *request) onNodegroup() (cluster, t *emulator.Resource, err error) {
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
	e.Due = &emulator.Scheduled{At: q.After(groupDeleted), Gone: true}
	q.trouble(e, func(code, message string) doc { return ill("DELETE_FAILED", code, message, asg(e)) })
	return doc{"nodegroup": tell(e)}, nil
}
