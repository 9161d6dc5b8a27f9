package aws

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/policy"
)

// right is one right that a call asks for: an action on a resource, with what is known of both; * for no resource.
type right struct {
	action, resource string
	context          policy.Context
}

// may says whether the caller has all rights that a call asks for.
func (r *request) may() *failure {
	for _, one := range r.rights() {
		one.context = adding(one.context, "aws:RequestedRegion", r.Region)
		asked := policy.Request{Action: one.action, Resource: one.resource, Context: one.context}
		if d, by := r.caller.rights.decide(asked); d != policy.Allowed {
			return r.denied(one, d, by)
		}
	}
	if r.service == "ec2" && yes(r.in, "DryRun") {
		return fail("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
	}
	return nil
}

func adding(c policy.Context, key, value string) policy.Context {
	if c == nil {
		c = policy.Context{}
	}
	c[key] = []string{value}
	return c
}

// powers are what somebody may do: what the policies allow and, of who has one, the boundary too.
type powers struct {
	policies []policy.Policy
	bounded  bool
	boundary policy.Policy
}

// decide says besides what it is that denies.
func (p powers) decide(asked policy.Request) (d policy.Decision, by string) {
	d = policy.Decide(p.policies, asked)
	if d != policy.Allowed || !p.bounded {
		return d, "an identity-based policy"
	}
	return policy.Decide([]policy.Policy{p.boundary}, asked), "a permissions boundary"
}

// denied is the refusal in the words of the service.
func (r *request) denied(one right, d policy.Decision, by string) *failure {
	_, kind, _ := strings.Cut(by, " ")
	why := "because no " + kind + " allows the " + one.action + " action"
	if d == policy.ExplicitDeny {
		why = "with an explicit deny in " + by
	}
	head := ""
	if r.service == "ec2" {
		head = "You are not authorized to perform this operation. "
	}
	return fail(saying[r.service].denied, "%sUser: %s is not authorized to perform: %s on resource: %s %s", head, r.caller.arn, one.action, one.resource, why)
}

// identity is the policies of somebody by configuration: those that are given, else all rights, but for what is denied.
func identity(given []policy.Policy, denied []string) powers {
	if len(given) == 0 {
		given = []policy.Policy{policy.Everything()}
	}
	if len(denied) == 0 {
		return powers{policies: given}
	}
	return powers{policies: append(slices.Clone(given), policy.Nothing(denied...))}
}

// administrator is the one of AWS' own policies whose contents are known here.
const administrator = "AdministratorAccess"

// rightsOf are the policies of a role that was made by IAM: its inline ones, and of AWS' own administrator. The others of
// those are for what runs in clusters, which makes no calls here. A boundary that is not there any more allows nothing.
func (s *Server) rightsOfRole(role *emulator.Thing) (all powers) {
	inline := sub(role.Doc, "_inline")
	for _, name := range sortedKeys(inline) {
		if p, err := policy.Parse([]byte(text(inline, name))); err == nil { // it was read when it was put
			all.policies = append(all.policies, p)
		}
	}
	if slices.ContainsFunc(texts(role.Doc, "_attached"), func(arn string) bool { return path.Base(arn) == administrator }) {
		all.policies = append(all.policies, policy.Everything())
	}
	if arn := boundaryOf(role); arn != "" {
		all.bounded = true
		all.boundary, _ = s.managed(role.Account, arn)
	}
	return all
}

// rightsOf are the policies of a user or role of an account, by its ARN.
func (s *Server) rightsOf(c *emulator.Call, account, arn string) (all powers, known bool) {
	for _, u := range s.accounts.byID[account].Users {
		if arn == "arn:aws:iam::"+account+":user/"+u.Name {
			return identity(u.rights, u.Denied), true
		}
	}
	of, name, isRole := roleOf(arn)
	if !isRole || of != account {
		return powers{}, false
	}
	if r, ok := s.accounts.role(of, name); ok {
		return identity(r.rights, r.Denied), true
	}
	if t := c.Elsewhere(of, "").Find("role", "", name); t != nil {
		return s.rightsOfRole(t), true
	}
	return powers{}, false
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

// simulate says of each action whether a user or role of the account may do it.
func (q *request) simulate() (doc, error) {
	arn := text(q.in, "PolicySourceArn")
	rights, known := q.server.rightsOf(q.Call, q.Account, arn)
	if !known {
		return nil, fail("NoSuchEntity", "The principal %s cannot be found.", arn)
	}
	resources := texts(q.in, "ResourceArns")
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	context := policy.Context{}
	for _, e := range docs(q.in, "ContextEntries") {
		context[text(e, "ContextKeyName")] = texts(e, "ContextKeyValues")
	}
	var results []any
	for _, action := range texts(q.in, "ActionNames") {
		for _, on := range resources {
			decision, _ := rights.decide(policy.Request{Action: action, Resource: on, Context: context})
			results = append(results, doc{"EvalActionName": action, "EvalResourceName": on, "EvalDecision": string(decision), "MatchedStatements": []any{}, "MissingContextValues": []any{}})
		}
	}
	return q.marked("EvaluationResults", results)
}
