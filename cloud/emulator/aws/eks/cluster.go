package eks

import (
	"encoding/base64"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/cloud/emulator/aws/ec2"
)

// How long a cluster takes, in life.
const (
	clusterMade    = 9 * time.Minute
	clusterDeleted = 4 * time.Minute
	clusterUpdated = 3 * time.Minute
	versionUpdated = 10 * time.Minute
)

// ClustersPath is below which the clusters' Kubernetes APIs are.
const ClustersPath = "/kubernetes/"

var clusterName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$`)

// wrong is a parameter that EKS does not take.
func wrong(format string, args ...any) *core.Failure {
	return core.Fail("InvalidParameterException", format, args...)
}

// again is what a create's token has made before, if the request is the same.
func (q *request) again(t *emulator.Resource) bool {
	token := core.Text(q.Params, "clientRequestToken")
	return t != nil && token != "" && t.Token == token && reflect.DeepEqual(t.Request, core.WithoutToken(q.Params, "clientRequestToken"))
}

// create makes a thing of EKS' with all that it was asked with.
func (q *request) create(kind, parent, name string, with int64, d doc) *emulator.Resource {
	return q.Here().Make(emulator.Resource{
		Kind: kind, Parent: parent, Name: name, With: with, Doc: d, Tags: core.PlainTags(core.Sub(q.Params, "tags")),
		Token: core.Text(q.Params, "clientRequestToken"), Request: core.WithoutToken(q.Params, "clientRequestToken"),
	}, 0)
}

// trouble has what a fault does to work that was accepted: it never ends, or ends with the given document instead.
func (q *request) trouble(t *emulator.Resource, failed func(code, message string) doc) {
	f, hit := q.Strike(emulator.Creating)
	switch {
	case hit && f.Stuck:
		t.Due = nil
	case hit:
		t.Due.Set, t.Due.Gone = failed(f.Code, f.Message), false
	}
}

// ill is a health with one issue.
func ill(status, code, message string, on ...string) doc {
	return doc{"status": status, "health": doc{"issues": []any{doc{"code": code, "message": message, "resourceIds": core.Anys(on)}}}}
}

func (q *request) arn(kind, rest string) string {
	return "arn:aws:eks:" + q.Region + ":" + q.Account + ":" + kind + "/" + rest
}

func (q *request) createCluster() (doc, error) {
	name := core.Text(q.Params, "name")
	if old := q.Here().Find("cluster", "", name); q.again(old) {
		return doc{"cluster": q.tellCluster(old)}, nil
	} else if old != nil {
		return nil, core.Fail("ResourceInUseException", "Cluster already exists with name: %s", name).About(doc{"clusterName": name})
	}
	if !clusterName.MatchString(name) {
		return nil, wrong("The cluster name %q does not satisfy the pattern %s", name, clusterName).About(doc{"clusterName": name})
	}
	if most := q.Cloud.Accounts.Quota(q.Account, "clusters"); len(q.Here().All("cluster")) >= most {
		return nil, core.Fail("ResourceLimitExceededException", "Account %s has reached its limit of %d clusters in %s", q.Account, most, q.Region).About(doc{"clusterName": name})
	}
	version, err := q.version()
	if err != nil {
		return nil, err
	}
	if err := q.roleFor("eks.amazonaws.com", core.Text(q.Params, "roleArn"), clusterPolicies); err != nil {
		return nil, err
	}
	network := core.Sub(q.Params, "resourcesVpcConfig")
	subnets, err := q.subnets(core.Texts(network, "subnetIds"), true)
	if err != nil {
		return nil, err
	}
	if err := q.encrypts(); err != nil {
		return nil, err
	}
	return doc{"cluster": q.tellCluster(q.makeCluster(name, version, network, subnets))}, nil
}

func (q *request) makeCluster(name, version string, network doc, subnets []*emulator.Resource) *emulator.Resource {
	vpc, id := subnets[0].Text("vpcId"), strings.ToUpper(core.RandomHex(32))
	access := doc{"authenticationMode": "CONFIG_MAP", "bootstrapClusterCreatorAdminPermissions": true}
	emulator.Merge(access, core.Sub(q.Params, "accessConfig"))
	config := doc{"endpointPublicAccess": true, "endpointPrivateAccess": false, "publicAccessCidrs": []any{"0.0.0.0/0"}, "securityGroupIds": []any{}}
	emulator.Merge(config, network)
	config["vpcId"] = vpc
	d := doc{
		"name": name, "arn": q.arn("cluster", name), "status": "CREATING", "version": version, "platformVersion": "eks.1", "createdAt": q.seconds(),
		"roleArn": core.Text(q.Params, "roleArn"), "clientRequestToken": core.Text(q.Params, "clientRequestToken"), "resourcesVpcConfig": config, "accessConfig": access,
		"certificateAuthority": doc{}, "health": doc{"issues": []any{}}, "deletionProtection": core.Yes(q.Params, "deletionProtection"), "_id": id, "_creator": q.Principal.Base,
		"kubernetesNetworkConfig": doc{"ipFamily": "ipv4", "serviceIpv4Cidr": "172.20.0.0/16"},
		"upgradePolicy":           doc{"supportType": "EXTENDED"},
	}
	for _, field := range []string{"encryptionConfig", "logging", "upgradePolicy", "zonalShiftConfig", "kubernetesNetworkConfig", "remoteNetworkConfig"} {
		if v, given := q.Params[field].(doc); given {
			kept := core.Sub(d, field)
			emulator.Merge(kept, v)
			d[field] = kept
		} else if v, given := q.Params[field]; given {
			d[field] = v
		}
	}
	t := q.create("cluster", "", name, 0, d)
	t.Due = &emulator.Scheduled{At: q.After(clusterMade), Set: q.running(t, id)}
	q.ground(t, subnets)
	if access["authenticationMode"] != "CONFIG_MAP" && access["bootstrapClusterCreatorAdminPermissions"] == true {
		q.admit(t, q.Principal.Base, "STANDARD", []any{policyDoc(adminPolicy, doc{"type": "cluster"}, q.seconds())})
	}
	q.trouble(t, func(code, message string) doc { return ill("FAILED", code, message, name) })
	return t
}

// running is what a cluster says of itself from when it runs.
func (q *request) running(t *emulator.Resource, id string) doc {
	return doc{
		"status":   "ACTIVE",
		"endpoint": ClustersPath + id,
		"identity": doc{"oidc": doc{"issuer": "https://oidc.eks." + q.Region + ".amazonaws.com/id/" + id}},
	}
}

// tellCluster is a cluster as it is shown. Where its endpoint is depends on where this server listens now.
func (q *request) tellCluster(t *emulator.Resource) doc {
	d := tell(t)
	if path := core.Text(d, "endpoint"); path != "" {
		d["endpoint"] = q.Cloud.URL + path
		d["certificateAuthority"] = doc{"data": base64.StdEncoding.EncodeToString(q.Cloud.CA)}
	}
	return d
}

// ground makes what EKS makes in a cluster's network: a security group and the interfaces of the control plane. They go
// with the cluster, and as long as they are there the network can't.
func (q *request) ground(t *emulator.Resource, subnets []*emulator.Resource) {
	group := "eks-cluster-sg-" + t.Name + "-" + core.RandomHex(8)
	id := ec2.GroupKind.Prefix + "0" + core.RandomHex(16)
	vpc := subnets[0].Text("vpcId")
	q.Here().Make(emulator.Resource{
		Kind: ec2.GroupKind.Name, Name: id, IsID: true, With: t.N, Tags: map[string]string{"aws:eks:cluster-name": t.Name, "kubernetes.io/cluster/" + t.Name: "owned", "Name": group},
		Doc: doc{
			"groupId": id, "groupName": group, "vpcId": vpc, "ownerId": q.Account, "ipPermissionsEgress": []any{ec2.AllTraffic()},
			"groupDescription": "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as well as any managed workloads.",
			"ipPermissions":    []any{doc{"ipProtocol": "-1", "groups": []any{doc{"groupId": id, "userId": q.Account}}}},
		},
	}, 0)
	t.Doc["resourcesVpcConfig"].(doc)["clusterSecurityGroupId"] = id
	for _, s := range subnets {
		ec2.AttachInterface(q.Here(), s, doc{"description": "Amazon EKS " + t.Name, "groupSet": []any{doc{"groupId": id, "groupName": group}}}, ec2.GoesWith(t))
	}
}

// cluster is the one that a request names.
func (q *request) cluster() (*emulator.Resource, error) {
	name := core.Text(q.Params, "clusterName")
	if name == "" {
		name = core.Text(q.Params, "name")
	}
	t := q.Here().See("cluster", "", name)
	if t == nil {
		return nil, core.Fail("ResourceNotFoundException", "No cluster found for name: %s.", name).About(doc{"clusterName": name})
	}
	return t, nil
}

func (q *request) describeCluster() (doc, error) {
	t, err := q.cluster()
	if err != nil {
		return nil, err
	}
	return doc{"cluster": q.tellCluster(t)}, nil
}

func (q *request) listClusters() (doc, error) {
	var names []any
	for _, t := range q.Here().Shown("cluster") {
		names = append(names, t.Name)
	}
	return q.pageOf("clusters", names)
}

func (q *request) deleteCluster() (doc, error) {
	t, err := q.cluster()
	if err != nil {
		return nil, err
	}
	status := t.Text("status")
	switch {
	case status == "DELETING":
		return doc{"cluster": q.tellCluster(t)}, nil
	case t.Doc["deletionProtection"] == true:
		return nil, core.Fail("InvalidRequestException", "Cluster %s has deletion protection: disable it first", t.Name).About(doc{"clusterName": t.Name})
	case status == "CREATING" || status == "UPDATING":
		return nil, busy("DeleteCluster", t)
	}
	for _, n := range q.Here().All("nodegroup") {
		if n.Parent == t.Name {
			return nil, core.Fail("ResourceInUseException", "Cluster has nodegroups attached").About(doc{"clusterName": t.Name, "nodegroupName": n.Name})
		}
	}
	e := q.Edit(t)
	e.Doc["status"] = "DELETING"
	e.Due = &emulator.Scheduled{At: q.After(clusterDeleted), Gone: true}
	q.trouble(e, func(code, message string) doc { return ill("FAILED", code, message, t.Name) })
	return doc{"cluster": q.tellCluster(e)}, nil
}

// busy refuses because something else goes on.
func busy(op string, t *emulator.Resource) *core.Failure {
	kind, fields := t.Kind, doc{"clusterName": t.Name}
	if t.Kind != "cluster" {
		fields = doc{"clusterName": t.Parent, t.Kind + "Name": t.Name}
	}
	return core.Fail("ResourceInUseException", "Cannot %s because %s %s currently has an update or another operation in progress: it is %s", op, kind, t.Name, t.Text("status")).About(fields)
}
