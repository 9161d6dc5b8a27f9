package iam

import (
	"path"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// bound has a role have the boundary that a request names.
func (q *request) bound(d doc) error {
	arn := core.Text(q.Params, core.BoundaryField)
	if _, there := q.Cloud.Accounts.Managed(q.Account, arn); !there {
		return core.Fail("NoSuchEntity", "Scope ARN: %s does not exist or is not attachable.", arn)
	}
	d[core.BoundaryField] = doc{"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
	return nil
}

func (q *request) putBoundary() (doc, error) {
	return q.onRole(func(t *emulator.Resource) error { return q.bound(t.Doc) })
}

func (q *request) deleteBoundary() (doc, error) {
	return q.onRole(func(t *emulator.Resource) error {
		delete(t.Doc, core.BoundaryField)
		return nil
	})
}

func (q *request) getManaged() (doc, error) {
	arn := core.Text(q.Params, "PolicyArn")
	if _, there := q.Cloud.Accounts.Managed(q.Account, arn); !there {
		return nil, core.Fail("NoSuchEntity", "Policy %s was not found.", arn)
	}
	return doc{"Policy": doc{"Arn": arn, "PolicyName": path.Base(arn), "IsAttachable": true}}, nil
}
