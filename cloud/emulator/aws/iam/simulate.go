package iam

import (
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/cloud/emulator/aws/policy"
)

// simulate says of each action whether a user or role of the account may do it.
func (q *request) simulate() (doc, error) {
	arn := core.Text(q.Params, "PolicySourceArn")
	rights, known := q.Cloud.Accounts.PowersOf(q.Call, q.Account, arn)
	if !known {
		return nil, core.Fail("NoSuchEntity", "The principal %s cannot be found.", arn)
	}
	resources := core.Texts(q.Params, "ResourceArns")
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	context := policy.Context{}
	for _, e := range core.Docs(q.Params, "ContextEntries") {
		context[core.Text(e, "ContextKeyName")] = core.Texts(e, "ContextKeyValues")
	}
	var results []any
	for _, action := range core.Texts(q.Params, "ActionNames") {
		for _, on := range resources {
			decision, _ := rights.Decide(policy.Request{Action: action, Resource: on, Context: context})
			results = append(results, doc{"EvalActionName": action, "EvalResourceName": on, "EvalDecision": string(decision), "MatchedStatements": []any{}, "MissingContextValues": []any{}})
		}
	}
	return q.marked("EvaluationResults", results)
}
