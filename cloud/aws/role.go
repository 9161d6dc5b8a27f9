package aws

import (
	"context"
	"fmt"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/fault"
)

// A role's path says for what it is, so that the roles of a region or a cluster are found by listing, and the right to
// make roles can be bound to those below /aerie/. Its name is fixed, so it can't be made twice.
const rolePath = "/aerie/"

// purpose is for what of a cluster a role is: for itself, or for a pool or an add-on of it.
type purpose struct {
	region, cluster string
	kind            cloud.Kind
	name            string // of a pool or an add-on
}

func (p purpose) path() string {
	path := rolePath + p.region + "/" + p.cluster + "/"
	if p.kind != cloud.KindCluster {
		path += string(p.kind) + "/" + p.name + "/"
	}
	return path
}

// purposeOf reads a path; false if it is none of ours.
func purposeOf(path string) (purpose, bool) {
	parts := strings.Split(strings.TrimSuffix(strings.TrimPrefix(path, rolePath), "/"), "/")
	switch len(parts) {
	case 2:
		return purpose{parts[0], parts[1], cloud.KindCluster, ""}, true
	case 4:
		return purpose{parts[0], parts[1], cloud.Kind(parts[2]), parts[3]}, true
	}
	return purpose{}, false
}

func (p purpose) roleName() string {
	of := cloud.Identity{Owner: p.region, Kind: string(p.kind), ID: p.cluster, UID: p.name}
	return cloud.Name(of, cloud.MaxIAMRole, "aerie", string(p.kind), p.cluster, p.name)
}

// role is a wished role: who may be it, and what it may do.
type role struct {
	purpose
	owner    string
	trust    string
	policies []string // AWS's own
	inline   string   // one of ours; empty: none
}

// ensureRole makes a role or what is missing of it, and answers its ARN.
func (at *session) ensureRole(ctx context.Context, r role) (arn string, err error) {
	name := r.roleName()
	arn, err = at.findRole(ctx, name, r.owner)
	if cloud.ClassOf(fault.Of("", err)) == cloud.NotFound {
		arn, err = at.createRole(ctx, name, r)
	}
	if err != nil {
		return "", fmt.Errorf("role %s: %w", name, err)
	}
	has, err := at.iam.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: &name})
	if err != nil {
		return "", fmt.Errorf("role %s: %w", name, err)
	}
	attached := map[string]bool{}
	for _, p := range has.AttachedPolicies {
		attached[awssdk.ToString(p.PolicyArn)] = true
	}
	for _, p := range r.policies {
		policy := fmt.Sprintf("arn:%s:iam::aws:policy/%s", partition(at.region), p)
		if attached[policy] {
			continue
		}
		if _, err := at.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: &policy}); err != nil {
			return "", fmt.Errorf("role %s: %w", name, err)
		}
	}
	if r.inline != "" {
		if _, err := at.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: awssdk.String("aerie"), PolicyDocument: &r.inline}); err != nil {
			return "", fmt.Errorf("role %s: %w", name, err)
		}
	}
	return arn, nil
}

func (at *session) findRole(ctx context.Context, name, owner string) (string, error) {
	there, err := at.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if err != nil {
		return "", err
	}
	if is := roleTags(there.Role.Tags)[tagOwner]; is != owner {
		return "", taken("role", name, is)
	}
	return awssdk.ToString(there.Role.Arn), nil
}

func (at *session) createRole(ctx context.Context, name string, r role) (string, error) {
	made, err := at.iam.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: &name, Path: awssdk.String(r.path()), AssumeRolePolicyDocument: &r.trust,
		Tags: []types.Tag{{Key: awssdk.String(tagOwner), Value: &r.owner}, {Key: awssdk.String(tagName), Value: &r.cluster}},
	})
	if err != nil {
		return "", err
	}
	return awssdk.ToString(made.Role.Arn), nil
}

// deleteRole takes a role's policies and deletes it.
func (at *session) deleteRole(ctx context.Context, name string) error {
	has, err := at.iam.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: &name})
	if err != nil {
		return gone(err)
	}
	for _, p := range has.AttachedPolicies {
		if _, err := at.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &name, PolicyArn: p.PolicyArn}); gone(err) != nil {
			return err
		}
	}
	inline, err := at.iam.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: &name})
	if err != nil {
		return gone(err)
	}
	for _, p := range inline.PolicyNames {
		if _, err := at.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &name, PolicyName: &p}); gone(err) != nil {
			return err
		}
	}
	_, err = at.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &name})
	return gone(err)
}

// leftRole is a role that was found by its path.
type leftRole struct {
	purpose
	name, id, owner string
}

// roles lists the roles below a path, with whose they are.
func (at *session) roles(ctx context.Context, prefix string) (found []leftRole, err error) {
	pages := iam.NewListRolesPaginator(at.iam, &iam.ListRolesInput{PathPrefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Roles {
			if p, ours := purposeOf(awssdk.ToString(r.Path)); ours {
				found = append(found, leftRole{purpose: p, name: awssdk.ToString(r.RoleName), id: awssdk.ToString(r.RoleId)})
			}
		}
	}
	return found, nil
}

// roleOwner reads whose a role is: a listing does not say. A role that is gone is nobody's.
func (at *session) roleOwner(ctx context.Context, name string) (string, error) {
	t, err := at.iam.ListRoleTags(ctx, &iam.ListRoleTagsInput{RoleName: &name})
	if err != nil {
		return "", gone(err)
	}
	return roleTags(t.Tags)[tagOwner], nil
}

// deleteRoles deletes an owner's roles for a purpose and, of a cluster, those of all that is on it.
func (at *session) deleteRoles(ctx context.Context, p purpose, owner string) error {
	all, err := at.roles(ctx, p.path())
	if err != nil {
		return err
	}
	for _, r := range all {
		is, err := at.roleOwner(ctx, r.name)
		if err != nil {
			return err
		}
		if is != owner {
			continue
		}
		if err := at.deleteRole(ctx, r.name); err != nil {
			return err
		}
	}
	return nil
}

// ownedRole is whose the roles for a purpose are; empty if there are none.
func (at *session) ownedRole(ctx context.Context, p purpose) (string, error) {
	owner, err := at.roleOwner(ctx, p.roleName())
	return owner, err
}

func roleTags(list []types.Tag) map[string]string {
	m := map[string]string{}
	for _, t := range list {
		m[awssdk.ToString(t.Key)] = awssdk.ToString(t.Value)
	}
	return m
}

func taken(kind, name, owner string) error {
	return &cloud.Error{Class: cloud.Taken, Code: "OwnedByAnother", Message: fmt.Sprintf("%s %s belongs to %q", kind, name, owner)}
}

func refuse(class cloud.Class, code, message string, args ...any) error {
	return &cloud.Error{Class: class, Code: code, Message: fmt.Sprintf(message, args...)}
}

// gone makes nothing of the error that something is not there.
func gone(err error) error {
	if isGone(err) {
		return nil
	}
	return err
}

func isGone(err error) bool { return cloud.ClassOf(fault.Of("", err)) == cloud.NotFound }
