package aws

import (
	"fmt"
	"strings"
)

// Template is what a customer gives to CloudFormation to let us into an account: a role that the principal may be, if it
// knows the external id, with the rights of Actions and no others, and the policy that bounds all roles that it makes.
func Template(role, principal, externalID string) map[string]any {
	return map[string]any{
		"AWSTemplateFormatVersion": "2010-09-09",
		"Description":              "The role in which aerie builds Kubernetes clusters in this account",
		"Resources": map[string]any{"Boundary": map[string]any{
			"Type": "AWS::IAM::ManagedPolicy",
			"Properties": map[string]any{
				"ManagedPolicyName": boundaryName, "Path": rolePath, "PolicyDocument": bounded(),
				"Description": "The most that a role may do that aerie makes: all of them have it as their permissions boundary",
			},
		}, "Role": map[string]any{
			"Type": "AWS::IAM::Role",
			"Properties": map[string]any{
				"RoleName":    role,
				"Description": "aerie builds Kubernetes clusters as this role",
				"AssumeRolePolicyDocument": map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
					"Effect": "Allow", "Principal": map[string]any{"AWS": principal}, "Action": "sts:AssumeRole",
					"Condition": map[string]any{"StringEquals": map[string]any{"sts:ExternalId": externalID}},
				}}},
				"Policies": []any{map[string]any{
					"PolicyName":     "aerie",
					"PolicyDocument": map[string]any{"Version": "2012-10-17", "Statement": statements()},
				}},
			},
		}},
		"Outputs": map[string]any{"Role": map[string]any{
			"Description": "what the account's spec.role is in aerie", "Value": map[string]any{"Fn::GetAtt": []any{"Role", "Arn"}},
		}},
	}
}

// statements are the rights, those on one kind of thing and under the same conditions together.
func statements() (all []any) {
	at := map[string]int{}
	for _, a := range Actions() {
		k := a.group()
		i, known := at[k]
		if !known {
			i = len(all)
			at[k] = i
			all = append(all, statementFor(a))
		}
		s := all[i].(map[string]any)
		s["Action"] = append(s["Action"].([]any), a.Name)
	}
	return all
}

// group is the same for rights on one kind of thing and under the same conditions.
func (a Action) group() string { return fmt.Sprint(a.On, a.If) }

// statementFor is one without its actions.
func statementFor(a Action) map[string]any {
	s := map[string]any{"Effect": "Allow", "Action": []any{}, "Resource": "*"}
	if a.On != "" {
		s["Resource"] = filledIn(a.arn(thePartition, "*", theAccount))
	}
	conditions := map[string]any{}
	for _, c := range a.If {
		values := []any{}
		for _, v := range c.Is {
			values = append(values, filledIn(v))
		}
		of, _ := conditions[c.Operator].(map[string]any)
		if of == nil {
			of = map[string]any{}
			conditions[c.Operator] = of
		}
		of[c.Key] = values
	}
	if len(conditions) > 0 {
		s["Condition"] = conditions
	}
	return s
}

// filledIn has CloudFormation fill in its parameters.
func filledIn(text string) any {
	if !strings.Contains(text, "${") {
		return text
	}
	return map[string]any{"Fn::Sub": text}
}
