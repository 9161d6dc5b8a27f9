package iam

import (
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/cloud/emulator/aws/policy"
)

// onNothing are the calls of IAM that are on nothing.
var onNothing = []string{"ListRoles", "ListOpenIDConnectProviders"}

// onBoundary are the calls on a role of which it is known which boundary that has. Where a call gives one, it is known
// which.
var onBoundary = []string{"AttachRolePolicy", "DetachRolePolicy", "PutRolePolicy", "DeleteRolePolicy", "DeleteRolePermissionsBoundary"}

// bounding adds what is known of a boundary; nothing of none.
func bounding(c policy.Context, arn string) policy.Context {
	if arn == "" {
		return c
	}
	return core.WithKey(c, "iam:PermissionsBoundary", arn)
}

// rightsOf has the path of a role that is there in its ARN. Of one that is not IAM knows the name alone, and asks for the
// right to that before it says that it is not there. (This is said of GetRole by people who met it; the reference does not
// say it.)
func rightsOf(r *core.Request) []core.Right {
	action := "iam:" + r.Op
	tags := core.ReadTags(r.Params, "Tags")
	switch {
	case slices.Contains(onNothing, r.Op):
		return []core.Right{{Action: action, Resource: "*"}}
	case r.Op == "SimulatePrincipalPolicy":
		return []core.Right{{Action: action, Resource: core.Text(r.Params, "PolicySourceArn")}}
	case r.Op == "CreateRole":
		asked := bounding(core.RequestTags(tags), core.Text(r.Params, core.BoundaryField))
		return andTag(core.Right{Action: action, Resource: r.RoleARN(core.Text(r.Params, "Path"), core.Text(r.Params, "RoleName")), Context: asked}, "iam:TagRole", tags)
	case r.Op == "GetPolicy":
		return []core.Right{{Action: action, Resource: core.Text(r.Params, "PolicyArn")}}
	case r.Op == "CreateOpenIDConnectProvider":
		arn := "arn:aws:iam::" + r.Account + ":oidc-provider/" + strings.TrimPrefix(core.Text(r.Params, "Url"), "https://")
		return andTag(core.Right{Action: action, Resource: arn, Context: core.RequestTags(tags)}, "iam:TagOpenIDConnectProvider", tags)
	case strings.Contains(r.Op, "OpenIDConnectProvider"):
		return onProvider(r, action, core.RequestTags(tags))
	}
	one := core.Right{Action: action, Resource: r.RoleARN("", core.Text(r.Params, "RoleName")), Context: core.RequestTags(tags)}
	if t := r.Global().Find("role", "", core.Text(r.Params, "RoleName")); t != nil {
		one.Resource, one.Context = t.Text("Arn"), core.ResourceTags(one.Context, t, "aws", "iam")
		if slices.Contains(onBoundary, r.Op) {
			one.Context = bounding(one.Context, core.BoundaryOf(t))
		}
	}
	if r.Op == "PutRolePermissionsBoundary" {
		one.Context = bounding(one.Context, core.Text(r.Params, core.BoundaryField))
	}
	if arn := core.Text(r.Params, "PolicyArn"); arn != "" {
		one.Context = core.WithKey(one.Context, "iam:PolicyARN", arn)
	}
	return []core.Right{one}
}

func onProvider(r *core.Request, action string, c policy.Context) []core.Right {
	arn := core.Text(r.Params, "OpenIDConnectProviderArn")
	if t := r.Global().Find("oidc-provider", "", arn); t != nil {
		c = core.ResourceTags(c, t, "aws", "iam")
	}
	return []core.Right{{Action: action, Resource: arn, Context: c}}
}

// andTag is the right to make something and, if it is to have tags, the one to give them, on the same.
func andTag(make core.Right, action string, tags map[string]string) []core.Right {
	if len(tags) == 0 {
		return []core.Right{make}
	}
	return []core.Right{make, {Action: action, Resource: make.Resource, Context: core.RequestTags(tags)}}
}
