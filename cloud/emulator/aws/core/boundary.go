package core

import (
	"encoding/json"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/policy"
)

// ManagedPolicy is a policy that an account has by itself, such as the boundary of roles.
type ManagedPolicy struct {
	Path     string          `json:"path"`
	Name     string          `json:"name"`
	Document json.RawMessage `json:"document"`
}

func (p ManagedPolicy) arn(account string) string {
	return "arn:aws:iam::" + account + ":policy" + p.Path + p.Name
}

// Managed is a policy of an account or of AWS by its ARN. Of AWS' own only the administrator's contents are known here.
func (a *Accounts) Managed(account, arn string) (found policy.Policy, there bool) {
	if arn == "arn:aws:iam::aws:policy/"+administrator {
		return policy.Everything(), true
	}
	for _, p := range a.byID[account].Managed {
		if p.arn(account) == arn {
			found, _ = policy.Parse(p.Document) // it was read with the accounts
			return found, true
		}
	}
	return found, false
}

// BoundaryField is where a role has its boundary.
const BoundaryField = "PermissionsBoundary"

// BoundaryOf is the ARN of a role's boundary; empty: it has none.
func BoundaryOf(role *emulator.Resource) string {
	return Text(Sub(role.Doc, BoundaryField), "PermissionsBoundaryArn")
}
