package policy_test

import (
	"fmt"
	"testing"

	"github.com/aeriehq/aerie/cloud/emulator/aws/policy"
)

const vpc = "arn:aws:ec2:eu-central-1:111122223333:vpc/vpc-1"

func read(t *testing.T, documents ...string) (all []policy.Policy) {
	t.Helper()
	for _, d := range documents {
		p, err := policy.Parse([]byte(d))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func document(effect, action, resource string) string {
	return fmt.Sprintf(`{"Version": "2012-10-17", "Statement": {"Effect": %q, "Action": %s, "Resource": %s}}`, effect, action, resource)
}

// TestEffects has the rules of IAM's "Policy evaluation logic": denied by default, and an explicit deny wins.
func TestEffects(t *testing.T) {
	all := document("Allow", `"*"`, `"*"`)
	for _, c := range []struct {
		name     string
		policies []string
		action   string
		resource string
		want     policy.Decision
	}{
		{"nothing is allowed by default", nil, "ec2:DeleteVpc", vpc, policy.ImplicitDeny},
		{"an action is allowed", []string{document("Allow", `"ec2:DeleteVpc"`, `"*"`)}, "ec2:DeleteVpc", vpc, policy.Allowed},
		{"its case does not count", []string{document("Allow", `"EC2:deletevpc"`, `"*"`)}, "ec2:DeleteVpc", vpc, policy.Allowed},
		{"another is not", []string{document("Allow", `"ec2:DeleteVpc"`, `"*"`)}, "ec2:DeleteVpcEndpoints", vpc, policy.ImplicitDeny},
		{"a star is all of a service", []string{document("Allow", `["eks:*", "ec2:Delete*"]`, `"*"`)}, "ec2:DeleteVpc", vpc, policy.Allowed},
		{"a question mark is one character", []string{document("Allow", `"ec2:DeleteVp?"`, `"*"`)}, "ec2:DeleteVpc", vpc, policy.Allowed},
		{"a deny wins", []string{all, document("Deny", `"ec2:*"`, `"*"`)}, "ec2:DeleteVpc", vpc, policy.ExplicitDeny},
		{"whichever comes first", []string{document("Deny", `"ec2:*"`, `"*"`), all}, "ec2:DeleteVpc", vpc, policy.ExplicitDeny},
		{"a deny of another resource does not", []string{all, document("Deny", `"*"`, `"arn:aws:ec2:*:*:subnet/*"`)}, "ec2:DeleteVpc", vpc, policy.Allowed},
		{"a resource is allowed", []string{document("Allow", `"*"`, `"arn:aws:ec2:*:111122223333:vpc/*"`)}, "ec2:DeleteVpc", vpc, policy.Allowed},
		{"one of another account is not", []string{document("Allow", `"*"`, `"arn:aws:ec2:*:444455556666:vpc/*"`)}, "ec2:DeleteVpc", vpc, policy.ImplicitDeny},
		{"a star stays within its part", []string{document("Allow", `"*"`, `"arn:aws:ec2:*:vpc/vpc-1"`)}, "ec2:DeleteVpc", vpc, policy.ImplicitDeny},
		{"a star goes over slashes", []string{document("Allow", `"*"`, `"arn:aws:iam::1:role/aerie/*"`)}, "iam:GetRole", "arn:aws:iam::1:role/aerie/eu/c/x", policy.Allowed},
		{"what is on no resource needs all", []string{document("Allow", `"*"`, `"arn:aws:ec2:*:*:vpc/*"`)}, "ec2:DescribeVpcs", "*", policy.ImplicitDeny},
		{"all but some actions", []string{`{"Statement": [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]}`}, "iam:GetRole", "*", policy.ImplicitDeny},
		{"all but some resources", []string{`{"Statement": [{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:iam::*:*"}]}`}, "ec2:DeleteVpc", vpc, policy.Allowed},
	} {
		if got := policy.Decide(read(t, c.policies...), policy.Request{Action: c.action, Resource: c.resource}); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestConditions has the rules of IAM's "Condition operators" and "Single-valued vs. multivalued context keys".
func TestConditions(t *testing.T) {
	context := policy.Context{
		"aws:ResourceTag/aerie.io/owner": {"-/dataplane/eu"}, "iam:PassedToService": {"eks.amazonaws.com"},
		"aws:TagKeys": {"aerie.io/owner", "Name"}, "iam:PolicyARN": {"arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"}, "aws:SecureTransport": {"true"},
	}
	for condition, want := range map[string]bool{
		`{"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com", "eks.amazonaws.com"]}}`:                                      true,
		`{"StringEquals": {"iam:passedtoservice": "eks.amazonaws.com"}}`:                                                             true,
		`{"StringEquals": {"iam:PassedToService": "eks*"}}`:                                                                          false,
		`{"StringEqualsIgnoreCase": {"iam:PassedToService": "EKS.amazonaws.com"}}`:                                                   true,
		`{"StringLike": {"iam:PassedToService": "eks*"}}`:                                                                            true,
		`{"StringLike": {"aws:ResourceTag/aerie.io/owner": "*"}}`:                                                                    true,
		`{"StringLike": {"aws:ResourceTag/other": "*"}}`:                                                                             false,
		`{"StringLikeIfExists": {"aws:ResourceTag/other": "x"}}`:                                                                     true,
		`{"StringLikeIfExists": {"iam:PassedToService": "x"}}`:                                                                       false,
		`{"StringNotEquals": {"aws:ResourceTag/other": "x"}}`:                                                                        true,
		`{"StringNotEquals": {"iam:PassedToService": ["x", "eks.amazonaws.com"]}}`:                                                   false,
		`{"StringNotLike": {"iam:PassedToService": "ec2*"}}`:                                                                         true,
		`{"Null": {"aws:ResourceTag/other": "true", "iam:PassedToService": "false"}}`:                                                true,
		`{"Null": {"iam:PassedToService": "true"}}`:                                                                                  false,
		`{"Bool": {"aws:SecureTransport": true}}`:                                                                                    true,
		`{"ArnLike": {"iam:PolicyARN": "arn:*:iam::aws:policy/AmazonEKS*"}}`:                                                         true,
		`{"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}}`:                                            false,
		`{"ArnNotLike": {"iam:PolicyARN": "arn:aws:iam::aws:policy/Admin*"}}`:                                                        true,
		`{"ForAnyValue:StringEquals": {"aws:TagKeys": ["Name", "x"]}}`:                                                               true,
		`{"ForAllValues:StringEquals": {"aws:TagKeys": ["Name", "x"]}}`:                                                              false,
		`{"ForAllValues:StringLike": {"aws:TagKeys": ["aerie.io/*", "Name"]}}`:                                                       true,
		`{"ForAllValues:StringLike": {"no:such": "x"}}`:                                                                              true,
		`{"ForAnyValue:StringLike": {"no:such": "*"}}`:                                                                               false,
		`{"StringEquals": {"iam:PassedToService": "eks.amazonaws.com"}, "StringLike": {"aws:ResourceTag/aerie.io/owner": "acme/*"}}`: false,
	} {
		p := read(t, fmt.Sprintf(`{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": %s}]}`, condition))
		if got := policy.Decide(p, policy.Request{Action: "iam:PassRole", Resource: "*", Context: context}) == policy.Allowed; got != want {
			t.Errorf("%s: %t, want %t", condition, got, want)
		}
	}
}

// TestUnreadable refuses what is no policy, or would be passed over.
func TestUnreadable(t *testing.T) {
	for _, document := range []string{
		`{`, `{"Statement": [{"Effect": "Maybe", "Action": "*", "Resource": "*"}]}`, `{"Statement": [{"Effect": "Allow", "Action": "*"}]}`,
		`{"Statement": [{"Effect": "Allow", "Resource": "*"}]}`, `{"Statement": [{"Effect": "Allow", "Action": "*", "NotAction": "x", "Resource": "*"}]}`,
		`{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:iam::1:user/${aws:username}"}]}`,
		`{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"DateLessThan": {"aws:CurrentTime": "2026-01-01"}}}]}`,
		`{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"ForSome:StringLike": {"a": "b"}}}]}`,
		`{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"}]}`,
	} {
		if _, err := policy.Parse([]byte(document)); err == nil {
			t.Errorf("%s is read", document)
		}
	}
}
