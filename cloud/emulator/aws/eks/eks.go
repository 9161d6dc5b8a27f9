// Package eks emulates EKS: clusters, node groups, add-ons, access entries and pod identities, their updates, and the
// order in which the real one wants them made and deleted. The Kubernetes API of a cluster is not here but in the
// server above.
//
// Begin with eks.go, the table of routes; each operation is in the file of its kind. What a call asks for is in
// rights.go. How long work takes is in the world's time. An operation runs alone under the lock of emulator.World,
// whose journal keeps what it did as a whole or not at all; nothing is kept here.
package eks

import (
	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// doc is a document in the words of the wire.
type doc = core.Doc

// request is one call of an operation of EKS.
type request struct{ *core.Request }

// Service is EKS as the server has it.
var Service = core.Service{Routes: routes(), Kinds: append(core.SortedKeys(arnFields), updateKind), Rights: rightsOf}

func routes() (all []core.Route) {
	for _, r := range operations {
		run := func(q *core.Request) (doc, error) { return r.run(&request{q}) }
		all = append(all, core.Route{Method: r.method, Path: r.path, Op: r.op, Run: run})
	}
	return all
}

// operations are EKS' operations. What is in braces becomes a parameter of that name.
var operations = []struct {
	method, path, op string
	run              func(*request) (doc, error)
}{
	{"POST", "/clusters", "CreateCluster", (*request).createCluster},
	{"GET", "/clusters", "ListClusters", (*request).listClusters},
	{"GET", "/clusters/{name}", "DescribeCluster", (*request).describeCluster},
	{"DELETE", "/clusters/{name}", "DeleteCluster", (*request).deleteCluster},
	{"POST", "/clusters/{name}/updates", "UpdateClusterVersion", (*request).updateClusterVersion},
	{"POST", "/clusters/{name}/update-config", "UpdateClusterConfig", (*request).updateClusterConfig},
	{"GET", "/clusters/{name}/updates", "ListUpdates", (*request).listUpdates},
	{"GET", "/clusters/{name}/updates/{updateId}", "DescribeUpdate", (*request).describeUpdate},

	{"POST", "/clusters/{clusterName}/node-groups", "CreateNodegroup", (*request).createNodegroup},
	{"GET", "/clusters/{clusterName}/node-groups", "ListNodegroups", listsOf("nodegroup", "nodegroups")},
	{"GET", "/clusters/{clusterName}/node-groups/{nodegroupName}", "DescribeNodegroup", (*request).describeNodegroup},
	{"DELETE", "/clusters/{clusterName}/node-groups/{nodegroupName}", "DeleteNodegroup", (*request).deleteNodegroup},
	{"POST", "/clusters/{clusterName}/node-groups/{nodegroupName}/update-config", "UpdateNodegroupConfig", (*request).updateNodegroupConfig},
	{"POST", "/clusters/{clusterName}/node-groups/{nodegroupName}/update-version", "UpdateNodegroupVersion", (*request).updateNodegroupVersion},

	{"POST", "/clusters/{clusterName}/addons", "CreateAddon", (*request).createAddon},
	{"GET", "/clusters/{clusterName}/addons", "ListAddons", listsOf("addon", "addons")},
	{"GET", "/clusters/{clusterName}/addons/{addonName}", "DescribeAddon", (*request).describeAddon},
	{"DELETE", "/clusters/{clusterName}/addons/{addonName}", "DeleteAddon", (*request).deleteAddon},
	{"POST", "/clusters/{clusterName}/addons/{addonName}/update", "UpdateAddon", (*request).updateAddon},
	{"GET", "/addons/supported-versions", "DescribeAddonVersions", (*request).describeAddonVersions},
	{"GET", "/cluster-versions", "DescribeClusterVersions", (*request).describeClusterVersions},

	{"POST", "/clusters/{clusterName}/access-entries", "CreateAccessEntry", (*request).createAccessEntry},
	{"GET", "/clusters/{clusterName}/access-entries", "ListAccessEntries", listsOf("access-entry", "accessEntries")},
	{"GET", "/clusters/{clusterName}/access-entries/{principalArn}", "DescribeAccessEntry", (*request).describeAccessEntry},
	{"DELETE", "/clusters/{clusterName}/access-entries/{principalArn}", "DeleteAccessEntry", (*request).deleteAccessEntry},
	{"POST", "/clusters/{clusterName}/access-entries/{principalArn}/access-policies", "AssociateAccessPolicy", (*request).associateAccessPolicy},
	{"GET", "/clusters/{clusterName}/access-entries/{principalArn}/access-policies", "ListAssociatedAccessPolicies", (*request).listAccessPolicies},
	{"DELETE", "/clusters/{clusterName}/access-entries/{principalArn}/access-policies/{policyArn}", "DisassociateAccessPolicy", (*request).disassociateAccessPolicy},

	{"POST", "/clusters/{clusterName}/pod-identity-associations", "CreatePodIdentityAssociation", (*request).createPodIdentity},
	{"GET", "/clusters/{clusterName}/pod-identity-associations", "ListPodIdentityAssociations", (*request).listPodIdentities},
	{"GET", "/clusters/{clusterName}/pod-identity-associations/{associationId}", "DescribePodIdentityAssociation", (*request).describePodIdentity},
	{"DELETE", "/clusters/{clusterName}/pod-identity-associations/{associationId}", "DeletePodIdentityAssociation", (*request).deletePodIdentity},

	{"POST", "/tags/{resourceArn}", "TagResource", (*request).tagResource},
	{"DELETE", "/tags/{resourceArn}", "UntagResource", (*request).untagResource},
	{"GET", "/tags/{resourceArn}", "ListTagsForResource", (*request).listTags},
}

// seconds is a time as EKS writes it.
func (q *request) seconds() float64 { return float64(q.Now.UnixMilli()) / 1000 }

// tell is a thing as EKS shows it.
func tell(t *emulator.Resource) doc {
	d := core.Visible(t)
	d["tags"] = doc{}
	for k, v := range t.Tags {
		d["tags"].(doc)[k] = v
	}
	return d
}

// listsOf lists the names of a cluster's things of one kind.
func listsOf(kind, field string) func(*request) (doc, error) {
	return func(q *request) (doc, error) {
		cluster, err := q.cluster()
		if err != nil {
			return nil, err
		}
		var names []any
		for _, t := range q.Here().Shown(kind) {
			if t.Parent == cluster.Name {
				names = append(names, t.Name)
			}
		}
		return q.pageOf(field, names)
	}
}

// pageOf is a page as EKS has it.
func (q *request) pageOf(field string, found []any) (doc, error) {
	page, next, err := core.Page(found, q.Params, "maxResults", "nextToken", "InvalidParameterException")
	out := doc{field: page}
	if next != "" {
		out["nextToken"] = next
	}
	return out, err
}
