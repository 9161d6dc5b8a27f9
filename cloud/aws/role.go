package aws

import (
	"context"
	"fmt"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
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

// roleARN is fixed by what the role is for.
func (p purpose) roleARN(account string) string {
	return fmt.Sprintf("arn:%s:iam::%s:role%s%s", partition(p.region), account, p.path(), p.roleName())
}

// role is a wished role: who may be it, and what it may do.
type role struct {
	purpose
	owner    string
	trust    string
	policies []string // AWS's own
	inline   string   // one of ours; empty: none
}

// IAM shows what was made after a while, and EKS believes it after another.
const (
	propagates = 5 * time.Minute // after so long it is not IAM's slowness any more
	askAgain   = 10 * time.Second
)

// later is the answer that something is on its way, but does not count yet.
type later struct {
	what, owner string
	after       time.Duration
}

func (l later) Error() string { return "waiting until " + l.what + " is known everywhere" }

// made is a role as others need it.
type made struct {
	arn, name, owner string
	young            bool // it may not be known everywhere
}

// refused makes of a refusal that a young role explains that it must be waited for.
func (m made) refused(err error) error {
	class := cloud.ClassOf(awserr.Of("", err))
	if err != nil && m.young && (class == cloud.NotFound || awserr.Is(err, "InvalidParameterException") && class == cloud.Retryable) {
		return later{"role " + m.name, m.owner, askAgain}
	}
	return err
}

// withdraw takes the role away again of what AWS refuses to make as wrong: that may never be asked for again. If it can't
// be taken away now, it goes with its owner.
func (at *session) withdraw(ctx context.Context, of purpose, m made, err error) error {
	if err = m.refused(err); m.arn != "" && cloud.ClassOf(awserr.Of("", err)) == cloud.Invalid {
		_ = at.deleteRoles(ctx, of, m.owner)
	}
	return err
}

// ensureRole makes a role or what is missing of it.
func (at *session) ensureRole(ctx context.Context, r role) (made, error) {
	m, err := at.findRole(ctx, r)
	if awserr.Gone(err) {
		m, err = at.createRole(ctx, r)
	}
	if err == nil {
		err = m.refused(at.empower(ctx, m.name, r))
	}
	if err != nil {
		return m, fmt.Errorf("role %s: %w", r.roleName(), err)
	}
	return m, nil
}

// empower gives a role its policies.
func (at *session) empower(ctx context.Context, name string, r role) error {
	has, err := at.iam.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: &name})
	if err != nil {
		return err
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
			return err
		}
	}
	if r.inline == "" {
		return nil
	}
	_, err = at.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: awssdk.String("aerie"), PolicyDocument: &r.inline})
	return err
}

// findRole reads a role, which has the boundary then.
func (at *session) findRole(ctx context.Context, r role) (made, error) {
	name := r.roleName()
	there, err := at.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if err != nil {
		return made{}, err
	}
	if is := roleTags(there.Role.Tags)[tagOwner]; is != r.owner {
		return made{}, taken("role", name, is)
	}
	young := at.now().Sub(awssdk.ToTime(there.Role.CreateDate)) < propagates
	m := made{awssdk.ToString(there.Role.Arn), name, r.owner, young}
	return m, m.refused(at.bind(ctx, there.Role))
}

func (at *session) createRole(ctx context.Context, r role) (made, error) {
	name := r.roleName()
	one, err := at.iam.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: &name, Path: awssdk.String(r.path()), AssumeRolePolicyDocument: &r.trust, PermissionsBoundary: awssdk.String(at.boundary()),
		Tags: []types.Tag{{Key: awssdk.String(tagOwner), Value: &r.owner}, {Key: awssdk.String(tagName), Value: &name}},
	})
	if awserr.Is(err, "EntityAlreadyExists") { // somebody's, or made just now and not seen yet
		return made{}, later{"role " + name, r.owner, askAgain}
	}
	if noBoundary(err) {
		return made{}, at.unbounded(err)
	}
	if err != nil {
		return made{}, err
	}
	return made{awssdk.ToString(one.Role.Arn), name, r.owner, true}, nil
}

// deleteRole takes a role's policies and deletes it.
func (at *session) deleteRole(ctx context.Context, name string) error {
	has, err := at.iam.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: &name})
	if err != nil {
		return awserr.UnlessGone(err)
	}
	for _, p := range has.AttachedPolicies {
		if _, err := at.iam.DetachRolePolicy(ctx,
			&iam.DetachRolePolicyInput{RoleName: &name, PolicyArn: p.PolicyArn}); awserr.UnlessGone(err) != nil {
			return err
		}
	}
	inline, err := at.iam.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: &name})
	if err != nil {
		return awserr.UnlessGone(err)
	}
	for _, p := range inline.PolicyNames {
		if _, err := at.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &name, PolicyName: &p}); awserr.UnlessGone(err) != nil {
			return err
		}
	}
	_, err = at.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &name})
	return awserr.UnlessGone(err)
}

// leftRole is a role that was found by its path.
type leftRole struct {
	purpose
	name, id string
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
			if p, ours := purposeOf(awssdk.ToString(r.Path)); ours && strings.HasPrefix(awssdk.ToString(r.Path), prefix) {
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
		return "", awserr.UnlessGone(err)
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

// ownedRole reads the owner of the roles for a purpose; it is empty if there are none.
func (at *session) ownedRole(ctx context.Context, p purpose) (string, error) {
	return at.roleOwner(ctx, p.roleName())
}

func roleTags(list []types.Tag) map[string]string {
	m := map[string]string{}
	for _, t := range list {
		m[awssdk.ToString(t.Key)] = awssdk.ToString(t.Value)
	}
	return m
}

func taken(kind, name, owner string) error {
	whose := fmt.Sprintf("belongs to %q", owner)
	if owner == "" {
		whose = "has no tag " + tagOwner + ": it is somebody else's, or has lost it"
	}
	return refuse(cloud.Taken, "OwnedByAnother", "%s %s %s", kind, name, whose)
}

func refuse(class cloud.Class, code, message string, args ...any) error {
	return &cloud.Error{Class: class, Code: code, Message: fmt.Sprintf(message, args...)}
}
