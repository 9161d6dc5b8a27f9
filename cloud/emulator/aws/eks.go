package aws

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
)

// eksRoutes are EKS' operations. What is in braces becomes a parameter of that name.
var eksRoutes = []struct {
	method, path string
	operation
}{
	{"POST", "/clusters", operation{"CreateCluster", (*request).createCluster}},
	{"GET", "/clusters", operation{"ListClusters", (*request).listClusters}},
	{"GET", "/clusters/{name}", operation{"DescribeCluster", (*request).describeCluster}},
	{"DELETE", "/clusters/{name}", operation{"DeleteCluster", (*request).deleteCluster}},
	{"POST", "/clusters/{name}/updates", operation{"UpdateClusterVersion", (*request).updateClusterVersion}},
	{"POST", "/clusters/{name}/update-config", operation{"UpdateClusterConfig", (*request).updateClusterConfig}},
	{"GET", "/clusters/{name}/updates", operation{"ListUpdates", (*request).listUpdates}},
	{"GET", "/clusters/{name}/updates/{updateId}", operation{"DescribeUpdate", (*request).describeUpdate}},

	{"POST", "/clusters/{clusterName}/node-groups", operation{"CreateNodegroup", (*request).createNodegroup}},
	{"GET", "/clusters/{clusterName}/node-groups", operation{"ListNodegroups", listsOf("nodegroup", "nodegroups")}},
	{"GET", "/clusters/{clusterName}/node-groups/{nodegroupName}", operation{"DescribeNodegroup", (*request).describeNodegroup}},
	{"DELETE", "/clusters/{clusterName}/node-groups/{nodegroupName}", operation{"DeleteNodegroup", (*request).deleteNodegroup}},
	{"POST", "/clusters/{clusterName}/node-groups/{nodegroupName}/update-config", operation{"UpdateNodegroupConfig", (*request).updateNodegroupConfig}},
	{"POST", "/clusters/{clusterName}/node-groups/{nodegroupName}/update-version", operation{"UpdateNodegroupVersion", (*request).updateNodegroupVersion}},

	{"POST", "/clusters/{clusterName}/addons", operation{"CreateAddon", (*request).createAddon}},
	{"GET", "/clusters/{clusterName}/addons", operation{"ListAddons", listsOf("addon", "addons")}},
	{"GET", "/clusters/{clusterName}/addons/{addonName}", operation{"DescribeAddon", (*request).describeAddon}},
	{"DELETE", "/clusters/{clusterName}/addons/{addonName}", operation{"DeleteAddon", (*request).deleteAddon}},
	{"POST", "/clusters/{clusterName}/addons/{addonName}/update", operation{"UpdateAddon", (*request).updateAddon}},
	{"GET", "/addons/supported-versions", operation{"DescribeAddonVersions", (*request).describeAddonVersions}},
	{"GET", "/cluster-versions", operation{"DescribeClusterVersions", (*request).describeClusterVersions}},

	{"POST", "/clusters/{clusterName}/access-entries", operation{"CreateAccessEntry", (*request).createAccessEntry}},
	{"GET", "/clusters/{clusterName}/access-entries", operation{"ListAccessEntries", listsOf("access-entry", "accessEntries")}},
	{"GET", "/clusters/{clusterName}/access-entries/{principalArn}", operation{"DescribeAccessEntry", (*request).describeAccessEntry}},
	{"DELETE", "/clusters/{clusterName}/access-entries/{principalArn}", operation{"DeleteAccessEntry", (*request).deleteAccessEntry}},
	{"POST", "/clusters/{clusterName}/access-entries/{principalArn}/access-policies", operation{"AssociateAccessPolicy", (*request).associateAccessPolicy}},
	{"GET", "/clusters/{clusterName}/access-entries/{principalArn}/access-policies", operation{"ListAssociatedAccessPolicies", (*request).listAccessPolicies}},
	{"DELETE", "/clusters/{clusterName}/access-entries/{principalArn}/access-policies/{policyArn}", operation{"DisassociateAccessPolicy", (*request).disassociateAccessPolicy}},

	{"POST", "/clusters/{clusterName}/pod-identity-associations", operation{"CreatePodIdentityAssociation", (*request).createPodIdentity}},
	{"GET", "/clusters/{clusterName}/pod-identity-associations", operation{"ListPodIdentityAssociations", (*request).listPodIdentities}},
	{"GET", "/clusters/{clusterName}/pod-identity-associations/{associationId}", operation{"DescribePodIdentityAssociation", (*request).describePodIdentity}},
	{"DELETE", "/clusters/{clusterName}/pod-identity-associations/{associationId}", operation{"DeletePodIdentityAssociation", (*request).deletePodIdentity}},

	{"POST", "/tags/{resourceArn}", operation{"TagResource", (*request).tagResource}},
	{"DELETE", "/tags/{resourceArn}", operation{"UntagResource", (*request).untagResource}},
	{"GET", "/tags/{resourceArn}", operation{"ListTagsForResource", (*request).listTags}},
}

// route finds the operation of a request and reads its parameters from path, query and body.
func (q *wire) route() *failure {
	for _, r := range eksRoutes {
		if at, ok := match(r.path, q.http.URL.EscapedPath()); ok && r.method == q.http.Method {
			q.operation = r.operation
			return q.parameters(at)
		}
	}
	return fail("NotFoundException", "%s %s is no operation of EKS here", q.http.Method, q.http.URL.Path)
}

// match reads a path by a pattern, part by part.
func match(pattern, path string) (at doc, ok bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	at = doc{}
	for i, w := range want {
		name, isName := strings.CutPrefix(w, "{")
		if !isName {
			if w != got[i] {
				return nil, false
			}
			continue
		}
		v, err := url.PathUnescape(got[i])
		if err != nil || v == "" {
			return nil, false
		}
		at[strings.TrimSuffix(name, "}")] = v
	}
	return at, true
}

func (q *wire) parameters(at doc) *failure {
	if q.http.Method == http.MethodPost && len(q.body) > 0 {
		if err := json.Unmarshal(q.body, &q.in); err != nil || q.in == nil {
			q.in = doc{}
			return fail("InvalidRequestException", "Could not parse request body into json: %v", err)
		}
	}
	for k, v := range q.http.URL.Query() {
		q.in[k] = anys(v)
		if len(v) == 1 {
			q.in[k] = v[0]
		}
	}
	for k, v := range at {
		q.in[k] = v
	}
	return nil
}

// seconds is a time as EKS writes it.
func (q *request) seconds() float64 { return float64(q.Now.UnixMilli()) / 1000 }

// tell is a thing as EKS shows it.
func tell(t *emulator.Thing) doc {
	d := visible(t)
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
	page, next, err := cut(found, q.in, "maxResults", "nextToken", "InvalidParameterException")
	out := doc{field: page}
	if next != "" {
		out["nextToken"] = next
	}
	return out, err
}
