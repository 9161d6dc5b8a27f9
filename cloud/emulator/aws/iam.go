package aws

import (
	"encoding/json"
	"net/url"
	"path"
	"regexp"
	"slices"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/policy"
)

// propagates is how long a new role is not seen by other services, in life.
const propagates = 10 * second

var iamActions = map[string]func(*request) (doc, error){
	"CreateRole": (*request).createRole, "GetRole": (*request).getRole, "DeleteRole": (*request).deleteRole, "ListRoles": (*request).listRoles,
	"UpdateAssumeRolePolicy": (*request).updateTrust, "TagRole": (*request).tagRole, "UntagRole": (*request).untagRole, "ListRoleTags": (*request).listRoleTags,

	"AttachRolePolicy": (*request).attachPolicy, "DetachRolePolicy": (*request).detachPolicy, "ListAttachedRolePolicies": (*request).listAttached,
	"PutRolePolicy": (*request).putPolicy, "GetRolePolicy": (*request).getPolicy, "DeleteRolePolicy": (*request).deletePolicy, "ListRolePolicies": (*request).listPolicies,
	"ListInstanceProfilesForRole": (*request).listProfiles,

	"PutRolePermissionsBoundary": (*request).putBoundary, "DeleteRolePermissionsBoundary": (*request).deleteBoundary, "GetPolicy": (*request).getManaged,

	"CreateOpenIDConnectProvider": (*request).createProvider, "GetOpenIDConnectProvider": (*request).getProvider, "DeleteOpenIDConnectProvider": (*request).deleteProvider,
	"ListOpenIDConnectProviders": (*request).listProviders, "TagOpenIDConnectProvider": (*request).tagProvider, "ListOpenIDConnectProviderTags": (*request).listProviderTags,

	"SimulatePrincipalPolicy": (*request).simulate,
}

var roleName = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)

func (q *request) createRole() (doc, error) {
	name := text(q.in, "RoleName")
	trust := text(q.in, "AssumeRolePolicyDocument")
	switch {
	case !roleName.MatchString(name):
		return nil, fail("ValidationError", "The specified value for roleName is invalid: %q", name)
	case !json.Valid([]byte(trust)):
		return nil, fail("MalformedPolicyDocument", "This policy contains invalid Json")
	case q.Global().Find("role", "", name) != nil:
		return nil, fail("EntityAlreadyExists", "Role with name %s already exists.", name)
	}
	if most := q.server.accounts.quota(q.Account, "roles"); len(q.Global().All("role")) >= most {
		return nil, fail("LimitExceeded", "Cannot exceed quota for RolesPerAccount: %d", most)
	}
	at := text(q.in, "Path")
	if at == "" {
		at = "/"
	}
	role := doc{
		"RoleName": name, "Path": at, "RoleId": "AROA" + random(16), "Arn": "arn:aws:iam::" + q.Account + ":role" + at + name, "CreateDate": stamp(q.Now),
		"AssumeRolePolicyDocument": trust, "Description": text(q.in, "Description"), "MaxSessionDuration": usual, "_attached": []any{}, "_inline": doc{},
	}
	if text(q.in, boundaryField) != "" {
		if err := q.bound(role); err != nil {
			return nil, err
		}
	}
	t := q.Global().Make(emulator.Thing{Kind: "role", Name: name, Tags: readTags(q.in, "Tags"), Doc: role}, propagates)
	return doc{"Role": showRole(t)}, nil
}

func showRole(t *emulator.Thing) doc {
	d := visible(t)
	d["AssumeRolePolicyDocument"] = url.QueryEscape(t.Text("AssumeRolePolicyDocument"))
	d["Tags"] = tagList(t.Tags, "Key", "Value")
	return d
}

// role is the one that a request names. IAM itself sees at once what other services see late.
func (q *request) role() (*emulator.Thing, error) {
	name := text(q.in, "RoleName")
	t := q.Global().Find("role", "", name)
	if t != nil && q.Now.Before(t.Fresh) && q.staleForAll(t) {
		t = t.Before
	}
	if t == nil {
		return nil, fail("NoSuchEntity", "The role with name %s cannot be found.", name)
	}
	return t, nil
}

// staleForAll says whether a fault hides a thing from IAM itself too.
func (q *request) staleForAll(t *emulator.Thing) bool { return t.Fresh.Sub(t.Made) > q.In(propagates) }

// onRole is a change of the role that a request names.
func (q *request) onRole(change func(*emulator.Thing) error) (doc, error) {
	t, err := q.role()
	if err == nil {
		err = change(q.Edit(t))
	}
	return nil, err
}

func (q *request) getRole() (doc, error) {
	t, err := q.role()
	if err != nil {
		return nil, err
	}
	return doc{"Role": showRole(t)}, nil
}

func (q *request) updateTrust() (doc, error) {
	trust := text(q.in, "PolicyDocument")
	if !json.Valid([]byte(trust)) {
		return nil, fail("MalformedPolicyDocument", "This policy contains invalid Json")
	}
	return q.onRole(func(t *emulator.Thing) error {
		t.Doc["AssumeRolePolicyDocument"] = trust
		return nil
	})
}

func (q *request) deleteRole() (doc, error) {
	t, err := q.role()
	if err != nil {
		return nil, err
	}
	if len(list(t.Doc, "_attached")) > 0 {
		return nil, fail("DeleteConflict", "Cannot delete entity, must detach all policies first.")
	}
	if len(sub(t.Doc, "_inline")) > 0 {
		return nil, fail("DeleteConflict", "Cannot delete entity, must delete policies first.")
	}
	q.Drop(t)
	return nil, nil
}

func (q *request) listRoles() (doc, error) {
	var found []any
	for _, t := range q.Global().All("role") {
		d := showRole(t)
		delete(d, "Tags") // a list has none, and no boundaries
		delete(d, boundaryField)
		found = append(found, d)
	}
	return q.marked("Roles", found)
}

// marked is a page as IAM has it.
func (q *request) marked(field string, found []any) (doc, error) {
	page, next, err := cut(found, q.in, "MaxItems", "Marker", "ValidationError")
	out := doc{field: page, "IsTruncated": next != ""}
	if next != "" {
		out["Marker"] = next
	}
	return out, err
}

func (q *request) tagRole() (doc, error) {
	return q.onRole(func(t *emulator.Thing) error { return merge(t, readTags(q.in, "Tags")) })
}

func (q *request) untagRole() (doc, error) {
	return q.onRole(func(t *emulator.Thing) error {
		for _, k := range texts(q.in, "TagKeys") {
			delete(t.Tags, k)
		}
		return nil
	})
}

func (q *request) listRoleTags() (doc, error) {
	t, err := q.role()
	if err != nil {
		return nil, err
	}
	return q.marked("Tags", tagList(t.Tags, "Key", "Value"))
}

func (q *request) attachPolicy() (doc, error) {
	arn := text(q.in, "PolicyArn")
	return q.onRole(func(t *emulator.Thing) error {
		attached := texts(t.Doc, "_attached")
		if !slices.Contains(attached, arn) {
			t.Doc["_attached"] = anys(append(attached, arn))
		}
		return nil
	})
}

func (q *request) detachPolicy() (doc, error) {
	arn := text(q.in, "PolicyArn")
	return q.onRole(func(t *emulator.Thing) error {
		attached := texts(t.Doc, "_attached")
		if !slices.Contains(attached, arn) {
			return fail("NoSuchEntity", "Policy %s was not found.", arn)
		}
		t.Doc["_attached"] = anys(slices.DeleteFunc(attached, func(a string) bool { return a == arn }))
		return nil
	})
}

func (q *request) listAttached() (doc, error) {
	t, err := q.role()
	if err != nil {
		return nil, err
	}
	var found []any
	for _, arn := range texts(t.Doc, "_attached") {
		found = append(found, doc{"PolicyArn": arn, "PolicyName": path.Base(arn)})
	}
	return q.marked("AttachedPolicies", found)
}

func (q *request) putPolicy() (doc, error) {
	document := text(q.in, "PolicyDocument")
	if _, err := policy.Parse([]byte(document)); err != nil {
		return nil, fail("MalformedPolicyDocument", "%v", err)
	}
	return q.onRole(func(t *emulator.Thing) error {
		sub(t.Doc, "_inline")[text(q.in, "PolicyName")] = document
		return nil
	})
}

// inline is a role with the policy in it that a request names.
func (q *request) inline() (t *emulator.Thing, policy string, err error) {
	t, err = q.role()
	if err != nil {
		return nil, "", err
	}
	name := text(q.in, "PolicyName")
	policy, there := sub(t.Doc, "_inline")[name].(string)
	if !there {
		return nil, "", fail("NoSuchEntity", "The role policy with name %s cannot be found.", name)
	}
	return t, policy, nil
}

func (q *request) getPolicy() (doc, error) {
	t, policy, err := q.inline()
	if err != nil {
		return nil, err
	}
	return doc{"RoleName": t.Name, "PolicyName": text(q.in, "PolicyName"), "PolicyDocument": url.QueryEscape(policy)}, nil
}

func (q *request) deletePolicy() (doc, error) {
	t, _, err := q.inline()
	if err == nil {
		delete(sub(q.Edit(t).Doc, "_inline"), text(q.in, "PolicyName"))
	}
	return nil, err
}

func (q *request) listPolicies() (doc, error) {
	t, err := q.role()
	if err != nil {
		return nil, err
	}
	return q.marked("PolicyNames", anys(sortedKeys(sub(t.Doc, "_inline"))))
}

// listProfiles is always empty: nothing here makes an instance profile, and managed node groups need none.
func (q *request) listProfiles() (doc, error) {
	if _, err := q.role(); err != nil {
		return nil, err
	}
	return q.marked("InstanceProfiles", nil)
}
