package core

import (
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/policy"
)

// Right is one right that a call asks for: an action on a resource, with what is known of both; * for no resource.
type Right struct {
	Action, Resource string
	Context          policy.Context
}

// May says whether the caller has all the given rights, which are what the call asks for.
func (r *Request) May(rights []Right) *Failure {
	for _, one := range rights {
		one.Context = WithKey(one.Context, "aws:RequestedRegion", r.Region)
		asked := policy.Request{Action: one.Action, Resource: one.Resource, Context: one.Context}
		if d, by := r.Principal.Powers.Decide(asked); d != policy.Allowed {
			return r.denied(one, d, by)
		}
	}
	if r.Service == "ec2" && Yes(r.Params, "DryRun") {
		return Fail("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
	}
	return nil
}

// WithKey adds what is known of one condition key. A nil context is an empty one.
func WithKey(c policy.Context, key, value string) policy.Context {
	if c == nil {
		c = policy.Context{}
	}
	c[key] = []string{value}
	return c
}

// denied is the refusal in the words of the service.
func (r *Request) denied(one Right, d policy.Decision, by string) *Failure {
	_, kind, _ := strings.Cut(by, " ")
	why := "because no " + kind + " allows the " + one.Action + " action"
	if d == policy.ExplicitDeny {
		why = "with an explicit deny in " + by
	}
	head := ""
	if r.Service == "ec2" {
		head = "You are not authorized to perform this operation. "
	}
	return Fail(Wording[r.Service].Denied, "%sUser: %s is not authorized to perform: %s on resource: %s %s", head, r.Principal.ARN, one.Action, one.Resource, why)
}

// RequestTags is what is known of tags that are asked for.
func RequestTags(tags map[string]string) policy.Context {
	c := policy.Context{}
	for k, v := range tags {
		c["aws:RequestTag/"+k] = []string{v}
	}
	if len(tags) > 0 {
		c["aws:TagKeys"] = SortedKeys(tags)
	}
	return c
}

// ResourceTags adds what is known of a thing's tags, under the names that each service has for them.
func ResourceTags(c policy.Context, t *emulator.Resource, services ...string) policy.Context {
	for _, s := range services {
		for k, v := range t.Tags {
			c = WithKey(c, s+":ResourceTag/"+k, v)
		}
	}
	return c
}

// RoleARN is the ARN of a role of the account by its path and name; an empty path is the root.
func (r *Request) RoleARN(at, name string) string {
	if at == "" {
		at = "/"
	}
	return "arn:aws:iam::" + r.Account + ":role" + at + name
}
