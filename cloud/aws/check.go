package aws

import (
	"cmp"
	"context"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
)

// Check implements cloud.Provider: it enters the account anew, names all missing rights in one error, and finds the boundary.
func (p *Provider) Check(ctx context.Context, a cloud.Account) error {
	s := cloud.Scope{Account: a, Region: p.config.Region}
	if a.Role != "" {
		p.forget(a) // a session that is open goes on when the role, or its trust, is gone
	}
	return p.within(ctx, "Check", s, func(ctx context.Context, at *session) error {
		who := principal(at.caller)
		if who == "" {
			return at.checkBoundary(ctx) // the root of an account may do everything, and can't be asked about
		}
		if a.Role != "" {
			who = roleARN(p.config.Region, a)
		}
		missing, err := at.missing(ctx, who)
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			return refuse(cloud.Denied, "MissingRights", "%s may not: %s", who, strings.Join(missing, ", "))
		}
		return at.checkBoundary(ctx)
	})
}

// missing asks about all rights, those on one thing and under the same conditions in one question.
func (at *session) missing(ctx context.Context, who string) (names []string, err error) {
	asked := map[string]*iam.SimulatePrincipalPolicyInput{}
	var order []*iam.SimulatePrincipalPolicyInput
	for _, a := range Actions() {
		in := asked[a.group()]
		if in == nil {
			in = at.question(who, a)
			asked[a.group()] = in
			order = append(order, in)
		}
		in.ActionNames = append(in.ActionNames, a.Name)
	}
	for _, in := range order {
		some, err := at.simulate(ctx, in)
		if err != nil {
			return nil, err
		}
		names = append(names, some...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// question is one about a right, without its name.
func (at *session) question(who string, a Action) *iam.SimulatePrincipalPolicyInput {
	in := &iam.SimulatePrincipalPolicyInput{PolicySourceArn: &who}
	if a.On != "" {
		in.ResourceArns = []string{strings.ReplaceAll(a.arn(partition(at.region), at.region, at.scope.Account.ID), "*", "check")}
	}
	here := strings.NewReplacer(thePartition, partition(at.region), theAccount, at.scope.Account.ID)
	for _, c := range a.If {
		in.ContextEntries = append(in.ContextEntries, types.ContextEntry{
			ContextKeyName: &c.Key, ContextKeyType: types.ContextKeyTypeEnumString, ContextKeyValues: []string{here.Replace(c.Is[0])},
		})
	}
	return in
}

// simulate answers those of the actions that would be refused.
func (at *session) simulate(ctx context.Context, in *iam.SimulatePrincipalPolicyInput) (refused []string, err error) {
	pages := iam.NewSimulatePrincipalPolicyPaginator(at.iam, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			if cloud.ClassOf(awserr.Of("", err)) == cloud.Denied {
				return []string{"iam:SimulatePrincipalPolicy"}, nil
			}
			return nil, err
		}
		for _, r := range page.EvaluationResults {
			if r.EvalDecision != types.PolicyEvaluationDecisionTypeAllowed {
				refused = append(refused, cmp.Or(awssdk.ToString(r.EvalActionName), "?"))
			}
		}
	}
	return refused, nil
}

// principal is whom IAM knows behind a caller: a session of a role is the role; of the root there is nobody.
func principal(arn string) string {
	before, session, assumed := strings.Cut(arn, ":assumed-role/")
	if assumed {
		name, _, _ := strings.Cut(session, "/")
		return strings.Replace(before, ":sts:", ":iam:", 1) + ":role/" + name
	}
	if strings.HasSuffix(arn, ":root") {
		return ""
	}
	return arn
}
