package aws

import (
	"encoding/json"
	"path"

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

// managed is a policy of an account or of AWS by its ARN. Of AWS' own only the administrator's contents are known here.
func (s *Server) managed(account, arn string) (found policy.Policy, there bool) {
	if arn == "arn:aws:iam::aws:policy/"+administrator {
		return policy.Everything(), true
	}
	for _, p := range s.accounts.byID[account].Managed {
		if p.arn(account) == arn {
			found, _ = policy.Parse(p.Document) // it was read with the accounts
			return found, true
		}
	}
	return found, false
}

// bound has a role have the boundary that a request names.
func (q *request) bound(d doc) error {
	arn := text(q.in, boundaryField)
	if _, there := q.server.managed(q.Account, arn); !there {
		return fail("NoSuchEntity", "Scope ARN: %s does not exist or is not attachable.", arn)
	}
	d[boundaryField] = doc{"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
	return nil
}

// boundaryField is where a role has its boundary.
const boundaryField = "PermissionsBoundary"

// boundaryOf is the ARN of a role's boundary; empty: it has none.
func boundaryOf(role *emulator.Thing) string {
	return text(sub(role.Doc, boundaryField), "PermissionsBoundaryArn")
}

func (q *request) putBoundary() (doc, error) {
	return q.onRole(func(t *emulator.Thing) error { return q.bound(t.Doc) })
}

func (q *request) deleteBoundary() (doc, error) {
	return q.onRole(func(t *emulator.Thing) error {
		delete(t.Doc, boundaryField)
		return nil
	})
}

func (q *request) getManaged() (doc, error) {
	arn := text(q.in, "PolicyArn")
	if _, there := q.server.managed(q.Account, arn); !there {
		return nil, fail("NoSuchEntity", "Policy %s was not found.", arn)
	}
	return doc{"Policy": doc{"Arn": arn, "PolicyName": path.Base(arn), "IsAttachable": true}}, nil
}
