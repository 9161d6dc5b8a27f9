package aws

// Template is what a customer gives to CloudFormation to let us into an account: a role that the principal may be, if it
// knows the external id, with the rights of Actions and no others.
func Template(role, principal, externalID string) map[string]any {
	return map[string]any{
		"AWSTemplateFormatVersion": "2010-09-09",
		"Description":              "The role in which aerie builds Kubernetes clusters in this account",
		"Resources": map[string]any{"Role": map[string]any{
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

// statements are the rights, those on one kind of thing and under one condition together.
func statements() (all []any) {
	at := map[[2]string]int{}
	for _, a := range Actions() {
		k := [2]string{a.On, a.If}
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

// statementFor is one without its actions.
func statementFor(a Action) map[string]any {
	s := map[string]any{"Effect": "Allow", "Action": []any{}, "Resource": "*"}
	if a.On != "" {
		s["Resource"] = map[string]any{"Fn::Sub": a.arn("${AWS::Partition}", "*", "${AWS::AccountId}")}
	}
	if a.If != "" {
		s["Condition"] = map[string]any{a.Operator: map[string]any{a.If: a.Is}}
	}
	return s
}
