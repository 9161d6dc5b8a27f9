package core

import (
	"encoding/json"
	"path"
	"slices"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/policy"
)

// Powers are what somebody may do: what the policies allow and, of who has one, the boundary too.
type Powers struct {
	policies []policy.Policy
	bounded  bool
	boundary policy.Policy
}

// Decide says besides what it is that denies.
func (p Powers) Decide(asked policy.Request) (d policy.Decision, by string) {
	d = policy.Decide(p.policies, asked)
	if d != policy.Allowed || !p.bounded {
		return d, "an identity-based policy"
	}
	return policy.Decide([]policy.Policy{p.boundary}, asked), "a permissions boundary"
}

// Powers are the policies of somebody by configuration: those that are given, else all rights, but for what is denied.
func (r Rights) Powers() Powers {
	given, denied := r.rights, r.Denied
	if len(given) == 0 {
		given = []policy.Policy{policy.Everything()}
	}
	if len(denied) == 0 {
		return Powers{policies: given}
	}
	return Powers{policies: append(slices.Clone(given), policy.Nothing(denied...))}
}

// administrator is the one of AWS' own policies whose contents are known here.
const administrator = "AdministratorAccess"

// powersOfRole are the policies of a role that was made by IAM: its inline ones, and of AWS' own administrator. The others of
// those are for what runs in clusters, which makes no calls here. A boundary that is not there any more allows nothing.
func (a *Accounts) powersOfRole(role *emulator.Resource) (all Powers) {
	inline := Sub(role.Doc, "_inline")
	for _, name := range SortedKeys(inline) {
		if p, err := policy.Parse([]byte(Text(inline, name))); err == nil { // it was read when it was put
			all.policies = append(all.policies, p)
		}
	}
	if slices.ContainsFunc(Texts(role.Doc, "_attached"), func(arn string) bool { return path.Base(arn) == administrator }) {
		all.policies = append(all.policies, policy.Everything())
	}
	if arn := BoundaryOf(role); arn != "" {
		all.bounded = true
		all.boundary, _ = a.Managed(role.Account, arn)
	}
	return all
}

// PowersOf are the policies of a user or role of an account, by its ARN.
func (a *Accounts) PowersOf(c *emulator.Call, account, arn string) (all Powers, known bool) {
	for _, u := range a.byID[account].Users {
		if arn == "arn:aws:iam::"+account+":user/"+u.Name {
			return u.Powers(), true
		}
	}
	of, name, isRole := RoleOf(arn)
	if !isRole || of != account {
		return Powers{}, false
	}
	if r, ok := a.Role(of, name); ok {
		return r.Powers(), true
	}
	if t := c.Elsewhere(of, "").Find("role", "", name); t != nil {
		return a.powersOfRole(t), true
	}
	return Powers{}, false
}

// readPolicies reads the policies that an account's user or role is given.
func readPolicies(given []json.RawMessage) (all []policy.Policy, err error) {
	for _, document := range given {
		p, err := policy.Parse(document)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}
