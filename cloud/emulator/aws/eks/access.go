package eks

import (
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

const (
	policyPrefix = "arn:aws:eks::aws:cluster-access-policy/"
	adminPolicy  = policyPrefix + "AmazonEKSClusterAdminPolicy"
)

// policyDoc is an access policy as it is associated with an entry.
func policyDoc(policy string, scope doc, at float64) doc {
	return doc{"policyArn": policy, "accessScope": scope, "associatedAt": at, "modifiedAt": at}
}

// admit makes an access entry, unless the principal has one.
func (q *request) admit(cluster *emulator.Resource, principal, kind string, policies []any) *emulator.Resource {
	if old := q.Here().Find("access-entry", cluster.Name, principal); old != nil {
		return old
	}
	if policies == nil {
		policies = []any{}
	}
	return q.Here().Make(emulator.Resource{Kind: "access-entry", Parent: cluster.Name, Name: principal, With: cluster.N, Doc: doc{
		"clusterName": cluster.Name, "principalArn": principal, "type": kind, "username": principal, "kubernetesGroups": []any{}, "createdAt": q.seconds(), "modifiedAt": q.seconds(),
		"accessEntryArn": q.arn("access-entry", cluster.Name+"/"+core.RequestID()), "_policies": policies,
	}}, 0)
}

func (q *request) createAccessEntry() (doc, error) {
	cluster, err := q.cluster()
	if err != nil {
		return nil, err
	}
	principal := core.Text(q.Params, "principalArn")
	about := doc{"clusterName": cluster.Name}
	if old := q.Here().Find("access-entry", cluster.Name, principal); q.again(old) {
		return doc{"accessEntry": tell(old)}, nil
	} else if old != nil {
		return nil, core.Fail("ResourceInUseException", "The specified access entry resource is already in use on this cluster.").About(about)
	}
	if core.Text(core.Sub(cluster.Doc, "accessConfig"), "authenticationMode") == "CONFIG_MAP" {
		return nil, core.Fail("InvalidRequestException", "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.").About(about)
	}
	if s := cluster.Text("status"); s != "ACTIVE" && s != "UPDATING" {
		return nil, core.Fail("InvalidRequestException", "Cluster '%s' is not in ACTIVE status", cluster.Name).About(about)
	}
	if !q.principalExists(principal) {
		return nil, wrong("The specified principalArn is invalid: invalid principal.").About(about)
	}
	kind := core.Text(q.Params, "type")
	if kind == "" {
		kind = "STANDARD"
	}
	t := q.admit(cluster, principal, kind, nil)
	q.asks(t)
	for _, field := range []string{"kubernetesGroups", "username"} {
		if v, given := q.Params[field]; given {
			t.Doc[field] = v
		}
	}
	return doc{"accessEntry": tell(t)}, nil
}

// asks keeps of a thing made just now with what it was asked for.
func (q *request) asks(t *emulator.Resource) {
	t.Tags = core.PlainTags(core.Sub(q.Params, "tags"))
	t.Token, t.Request = core.Text(q.Params, "clientRequestToken"), core.WithoutToken(q.Params, "clientRequestToken")
}

// principalExists says whether an ARN is a user's or role's. What other accounts have is not looked up.
func (q *request) principalExists(arn string) bool {
	if !strings.HasPrefix(arn, "arn:aws:iam::"+q.Account+":") {
		return strings.HasPrefix(arn, "arn:aws:iam::")
	}
	_, known := q.Cloud.Accounts.PowersOf(q.Call, q.Account, arn)
	return known
}

// entry is the access entry that a request names.
func (q *request) entry() (*emulator.Resource, error) {
	cluster, err := q.cluster()
	if err != nil {
		return nil, err
	}
	principal := core.Text(q.Params, "principalArn")
	t := q.Here().See("access-entry", cluster.Name, principal)
	if t == nil {
		return nil, core.Fail("ResourceNotFoundException", "The specified principalArn could not be found: %s", principal).About(doc{"clusterName": cluster.Name})
	}
	return t, nil
}

func (q *request) describeAccessEntry() (doc, error) {
	t, err := q.entry()
	if err != nil {
		return nil, err
	}
	return doc{"accessEntry": tell(t)}, nil
}

func (q *request) deleteAccessEntry() (doc, error) {
	t, err := q.entry()
	if err == nil {
		q.Drop(t)
	}
	return nil, err
}

func (q *request) associateAccessPolicy() (doc, error) {
	t, err := q.entry()
	if err != nil {
		return nil, err
	}
	policy := core.Text(q.Params, "policyArn")
	if !strings.HasPrefix(policy, policyPrefix) {
		return nil, wrong("The policyArn parameter format is not valid").About(doc{"clusterName": t.Parent})
	}
	made := policyDoc(policy, core.Sub(q.Params, "accessScope"), q.seconds())
	e := q.Edit(t)
	kept := []any{}
	for _, p := range core.Docs(e.Doc, "_policies") {
		if core.Text(p, "policyArn") != policy {
			kept = append(kept, p)
		}
	}
	e.Doc["_policies"] = append(kept, made)
	return doc{"clusterName": t.Parent, "principalArn": t.Name, "associatedAccessPolicy": made}, nil
}

func (q *request) disassociateAccessPolicy() (doc, error) {
	t, err := q.entry()
	if err != nil {
		return nil, err
	}
	e := q.Edit(t)
	kept, found := []any{}, false
	for _, p := range core.Docs(e.Doc, "_policies") {
		if core.Text(p, "policyArn") == core.Text(q.Params, "policyArn") {
			found = true
		} else {
			kept = append(kept, p)
		}
	}
	if !found {
		return nil, core.Fail("ResourceNotFoundException", "The specified policy is not associated with %s", t.Name).About(doc{"clusterName": t.Parent})
	}
	e.Doc["_policies"] = kept
	return nil, nil
}

func (q *request) listAccessPolicies() (doc, error) {
	t, err := q.entry()
	if err != nil {
		return nil, err
	}
	out, err := q.pageOf("associatedAccessPolicies", core.List(t.Doc, "_policies"))
	if err == nil {
		out["clusterName"], out["principalArn"] = t.Parent, t.Name
	}
	return out, err
}
