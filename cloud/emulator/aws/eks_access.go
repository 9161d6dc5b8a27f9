package aws

import (
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
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
func (q *request) admit(cluster *emulator.Thing, principal, kind string, policies []any) *emulator.Thing {
	if old := q.Here().Find("access-entry", cluster.Name, principal); old != nil {
		return old
	}
	if policies == nil {
		policies = []any{}
	}
	return q.Here().Make(emulator.Thing{Kind: "access-entry", Parent: cluster.Name, Name: principal, With: cluster.N, Doc: doc{
		"clusterName": cluster.Name, "principalArn": principal, "type": kind, "username": principal, "kubernetesGroups": []any{}, "createdAt": q.seconds(), "modifiedAt": q.seconds(),
		"accessEntryArn": q.arn("access-entry", cluster.Name+"/"+requestID()), "_policies": policies,
	}}, 0)
}

func (q *request) createAccessEntry() (doc, error) {
	cluster, err := q.cluster()
	if err != nil {
		return nil, err
	}
	principal := text(q.in, "principalArn")
	about := doc{"clusterName": cluster.Name}
	if old := q.Here().Find("access-entry", cluster.Name, principal); q.again(old) {
		return doc{"accessEntry": tell(old)}, nil
	} else if old != nil {
		return nil, fail("ResourceInUseException", "The specified access entry resource is already in use on this cluster.").about(about)
	}
	if text(sub(cluster.Doc, "accessConfig"), "authenticationMode") == "CONFIG_MAP" {
		return nil, fail("InvalidRequestException", "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.").about(about)
	}
	if s := cluster.Text("status"); s != "ACTIVE" && s != "UPDATING" {
		return nil, fail("InvalidRequestException", "Cluster '%s' is not in ACTIVE status", cluster.Name).about(about)
	}
	if !q.principalExists(principal) {
		return nil, wrong("The specified principalArn is invalid: invalid principal.").about(about)
	}
	kind := text(q.in, "type")
	if kind == "" {
		kind = "STANDARD"
	}
	t := q.admit(cluster, principal, kind, nil)
	q.asks(t)
	for _, field := range []string{"kubernetesGroups", "username"} {
		if v, given := q.in[field]; given {
			t.Doc[field] = v
		}
	}
	return doc{"accessEntry": tell(t)}, nil
}

// asks keeps of a thing made just now with what it was asked for.
func (q *request) asks(t *emulator.Thing) {
	t.Tags = plainTags(sub(q.in, "tags"))
	t.Token, t.Request = text(q.in, "clientRequestToken"), untold(q.in, "clientRequestToken")
}

// principalExists says whether an ARN is a user's or role's. What other accounts have is not looked up.
func (q *request) principalExists(arn string) bool {
	if !strings.HasPrefix(arn, "arn:aws:iam::"+q.Account+":") {
		return strings.HasPrefix(arn, "arn:aws:iam::")
	}
	_, known := q.server.rightsOf(q.Call, q.Account, arn)
	return known
}

// entry is the access entry that a request names.
func (q *request) entry() (*emulator.Thing, error) {
	cluster, err := q.cluster()
	if err != nil {
		return nil, err
	}
	principal := text(q.in, "principalArn")
	t := q.Here().See("access-entry", cluster.Name, principal)
	if t == nil {
		return nil, fail("ResourceNotFoundException", "The specified principalArn could not be found: %s", principal).about(doc{"clusterName": cluster.Name})
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
	policy := text(q.in, "policyArn")
	if !strings.HasPrefix(policy, policyPrefix) {
		return nil, wrong("The policyArn parameter format is not valid").about(doc{"clusterName": t.Parent})
	}
	made := policyDoc(policy, sub(q.in, "accessScope"), q.seconds())
	e := q.Edit(t)
	kept := []any{}
	for _, p := range docs(e.Doc, "_policies") {
		if text(p, "policyArn") != policy {
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
	for _, p := range docs(e.Doc, "_policies") {
		if text(p, "policyArn") == text(q.in, "policyArn") {
			found = true
		} else {
			kept = append(kept, p)
		}
	}
	if !found {
		return nil, fail("ResourceNotFoundException", "The specified policy is not associated with %s", t.Name).about(doc{"clusterName": t.Parent})
	}
	e.Doc["_policies"] = kept
	return nil, nil
}

func (q *request) listAccessPolicies() (doc, error) {
	t, err := q.entry()
	if err != nil {
		return nil, err
	}
	out, err := q.pageOf("associatedAccessPolicies", list(t.Doc, "_policies"))
	if err == nil {
		out["clusterName"], out["principalArn"] = t.Parent, t.Name
	}
	return out, err
}
