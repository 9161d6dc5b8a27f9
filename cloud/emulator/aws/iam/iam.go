// Package iam emulates IAM: roles with their trust, policies and boundaries, OpenID Connect providers, and the simulator
// of policies. Whether a caller may do something is not decided here but in core, for all services.
//
// Begin with iam.go. What a call asks for is in rights.go. A role is seen late by other services, as the real one is.
// An operation runs alone under the lock of emulator.World, whose journal keeps what it did as a whole or not at all;
// nothing is kept here.
package iam

import (
	"encoding/json"
	"net/url"
	"path"
	"regexp"
	"slices"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/cloud/emulator/aws/policy"
)

// propagates is how long a new role is not seen by other services, in life.
const propagates = 10 * time.Second

// doc is a document in the words of the wire.
type doc = core.Doc

// request is one call of an operation of IAM.
type request struct{ *core.Request }

// Service is IAM as the server has it.
var Service = core.Service{
	Actions: core.Operations(func(r *core.Request) *request { return &request{r} }, actions),
	Kinds:   []string{"role", "oidc-provider"}, Rights: rightsOf,
}

var actions = map[string]func(*request) (doc, error){
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
	name := core.Text(q.Params, "RoleName")
	trust := core.Text(q.Params, "AssumeRolePolicyDocument")
	switch {
	case !roleName.MatchString(name):
		return nil, core.Fail("ValidationError", "The specified value for roleName is invalid: %q", name)
	case !json.Valid([]byte(trust)):
		return nil, core.Fail("MalformedPolicyDocument", "This policy contains invalid Json")
	case q.Global().Find("role", "", name) != nil:
		return nil, core.Fail("EntityAlreadyExists", "Role with name %s already exists.", name)
	}
	if most := q.Cloud.Accounts.Quota(q.Account, "roles"); len(q.Global().All("role")) >= most {
		return nil, core.Fail("LimitExceeded", "Cannot exceed quota for RolesPerAccount: %d", most)
	}
	at := core.Text(q.Params, "Path")
	if at == "" {
		at = "/"
	}
	role := doc{
		"RoleName": name, "Path": at, "RoleId": "AROA" + core.RandomHex(16), "Arn": "arn:aws:iam::" + q.Account + ":role" + at + name, "CreateDate": core.Stamp(q.Now),
		"AssumeRolePolicyDocument": trust, "Description": core.Text(q.Params, "Description"), "MaxSessionDuration": core.UsualSession, "_attached": []any{}, "_inline": doc{},
	}
	if core.Text(q.Params, core.BoundaryField) != "" {
		if err := q.bound(role); err != nil {
			return nil, err
		}
	}
	t := q.Global().Make(emulator.Resource{Kind: "role", Name: name, Tags: core.ReadTags(q.Params, "Tags"), Doc: role}, propagates)
	return doc{"Role": showRole(t)}, nil
}

func showRole(t *emulator.Resource) doc {
	d := core.Visible(t)
	d["AssumeRolePolicyDocument"] = url.QueryEscape(t.Text("AssumeRolePolicyDocument"))
	d["Tags"] = core.TagList(t.Tags, "Key", "Value")
	return d
}

// role is the one that a request names. IAM itself sees at once what other services see late.
func (q *request) role() (*emulator.Resource, error) {
	name := core.Text(q.Params, "RoleName")
	t := q.Global().Find("role", "", name)
	if t != nil && q.Now.Before(t.Fresh) && q.staleForAll(t) {
		t = t.Before
	}
	if t == nil {
		return nil, core.Fail("NoSuchEntity", "The role with name %s cannot be found.", name)
	}
	return t, nil
}

// staleForAll says whether a fault hides a thing from IAM itself too.
func (q *request) staleForAll(t *emulator.Resource) bool {
	return t.Fresh.Sub(t.Made) > q.In(propagates)
}

// onRole is a change of the role that a request names.
func (q *request) onRole(change func(*emulator.Resource) error) (doc, error) {
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
	trust := core.Text(q.Params, "PolicyDocument")
	if !json.Valid([]byte(trust)) {
		return nil, core.Fail("MalformedPolicyDocument", "This policy contains invalid Json")
	}
	return q.onRole(func(t *emulator.Resource) error {
		t.Doc["AssumeRolePolicyDocument"] = trust
		return nil
	})
}

func (q *request) deleteRole() (doc, error) {
	t, err := q.role()
	if err != nil {
		return nil, err
	}
	if len(core.List(t.Doc, "_attached")) > 0 {
		return nil, core.Fail("DeleteConflict", "Cannot delete entity, must detach all policies first.")
	}
	if len(core.Sub(t.Doc, "_inline")) > 0 {
		return nil, core.Fail("DeleteConflict", "Cannot delete entity, must delete policies first.")
	}
	q.Drop(t)
	return nil, nil
}

func (q *request) listRoles() (doc, error) {
	var found []any
	for _, t := range q.Global().All("role") {
		d := showRole(t)
		delete(d, "Tags") // a list has none, and no boundaries
		delete(d, core.BoundaryField)
		found = append(found, d)
	}
	return q.marked("Roles", found)
}

// marked is a page as IAM has it.
func (q *request) marked(field string, found []any) (doc, error) {
	page, next, err := core.Page(found, q.Params, "MaxItems", "Marker", "ValidationError")
	out := doc{field: page, "IsTruncated": next != ""}
	if next != "" {
		out["Marker"] = next
	}
	return out, err
}

func (q *request) tagRole() (doc, error) {
	return q.onRole(func(t *emulator.Resource) error { return core.MergeTags(t, core.ReadTags(q.Params, "Tags")) })
}

func (q *request) untagRole() (doc, error) {
	return q.onRole(func(t *emulator.Resource) error {
		for _, k := range core.Texts(q.Params, "TagKeys") {
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
	return q.marked("Tags", core.TagList(t.Tags, "Key", "Value"))
}

func (q *request) attachPolicy() (doc, error) {
	arn := core.Text(q.Params, "PolicyArn")
	return q.onRole(func(t *emulator.Resource) error {
		attached := core.Texts(t.Doc, "_attached")
		if !slices.Contains(attached, arn) {
			t.Doc["_attached"] = core.Anys(append(attached, arn))
		}
		return nil
	})
}

func (q *request) detachPolicy() (doc, error) {
	arn := core.Text(q.Params, "PolicyArn")
	return q.onRole(func(t *emulator.Resource) error {
		attached := core.Texts(t.Doc, "_attached")
		if !slices.Contains(attached, arn) {
			return core.Fail("NoSuchEntity", "Policy %s was not found.", arn)
		}
		t.Doc["_attached"] = core.Anys(slices.DeleteFunc(attached, func(a string) bool { return a == arn }))
		return nil
	})
}

func (q *request) listAttached() (doc, error) {
	t, err := q.role()
	if err != nil {
		return nil, err
	}
	var found []any
	for _, arn := range core.Texts(t.Doc, "_attached") {
		found = append(found, doc{"PolicyArn": arn, "PolicyName": path.Base(arn)})
	}
	return q.marked("AttachedPolicies", found)
}

func (q *request) putPolicy() (doc, error) {
	document := core.Text(q.Params, "PolicyDocument")
	if _, err := policy.Parse([]byte(document)); err != nil {
		return nil, core.Fail("MalformedPolicyDocument", "%v", err)
	}
	return q.onRole(func(t *emulator.Resource) error {
		core.Sub(t.Doc, "_inline")[core.Text(q.Params, "PolicyName")] = document
		return nil
	})
}

// inline is a role with the policy in it that a request names.
func (q *request) inline() (t *emulator.Resource, policy string, err error) {
	t, err = q.role()
	if err != nil {
		return nil, "", err
	}
	name := core.Text(q.Params, "PolicyName")
	policy, there := core.Sub(t.Doc, "_inline")[name].(string)
	if !there {
		return nil, "", core.Fail("NoSuchEntity", "The role policy with name %s cannot be found.", name)
	}
	return t, policy, nil
}

func (q *request) getPolicy() (doc, error) {
	t, policy, err := q.inline()
	if err != nil {
		return nil, err
	}
	return doc{"RoleName": t.Name, "PolicyName": core.Text(q.Params, "PolicyName"), "PolicyDocument": url.QueryEscape(policy)}, nil
}

func (q *request) deletePolicy() (doc, error) {
	t, _, err := q.inline()
	if err == nil {
		delete(core.Sub(q.Edit(t).Doc, "_inline"), core.Text(q.Params, "PolicyName"))
	}
	return nil, err
}

func (q *request) listPolicies() (doc, error) {
	t, err := q.role()
	if err != nil {
		return nil, err
	}
	return q.marked("PolicyNames", core.Anys(core.SortedKeys(core.Sub(t.Doc, "_inline"))))
}

// listProfiles is always empty: nothing here makes an instance profile, and managed node groups need none.
func (q *request) listProfiles() (doc, error) {
	if _, err := q.role(); err != nil {
		return nil, err
	}
	return q.marked("InstanceProfiles", nil)
}
