package core

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator/aws/policy"
	"github.com/aeriehq/aerie/cloud/script"
)

// Deploy has an account have what a CloudFormation template, written as JSON, makes: a role, with who may be it and its
// inline policies, and policies of the account. They take the place of those that are called the same. A template that has
// anything else in it is refused: it would be passed over.
func (a *Account) Deploy(template []byte) error {
	var t struct {
		Resources map[string]struct {
			Type       string
			Properties any
		}
	}
	if err := json.Unmarshal(template, &t); err != nil {
		return err
	}
	for name, resource := range t.Resources {
		plain, _ := json.Marshal(substituted(resource.Properties, a.ID)) // it came from JSON
		deploy := map[string]func([]byte) error{"AWS::IAM::Role": a.deployRole, "AWS::IAM::ManagedPolicy": a.deployPolicy}[resource.Type]
		if deploy == nil {
			return fmt.Errorf("resource %s: a %s can't be deployed here", name, resource.Type)
		}
		if err := deploy(plain); err != nil {
			return fmt.Errorf("resource %s: %w", name, err)
		}
	}
	return nil
}

func (a *Account) deployPolicy(properties []byte) error {
	var p struct {
		ManagedPolicyName, Path, Description string
		PolicyDocument                       json.RawMessage
	}
	if err := script.Strict(properties, &p); err != nil {
		return err
	}
	a.Managed = slices.DeleteFunc(a.Managed, func(old ManagedPolicy) bool { return old.Name == p.ManagedPolicyName })
	a.Managed = append(a.Managed, ManagedPolicy{Path: p.Path, Name: p.ManagedPolicyName, Document: p.PolicyDocument})
	_, err := policy.Parse(p.PolicyDocument)
	return err
}

func (a *Account) deployRole(properties []byte) error {
	r, err := deployed(properties)
	a.Roles = append(slices.DeleteFunc(a.Roles, func(old Role) bool { return old.Name == r.Name }), r)
	return err
}

func deployed(plain []byte) (r Role, err error) {
	var p struct {
		RoleName, Description    string
		AssumeRolePolicyDocument json.RawMessage
		Policies                 []struct {
			PolicyName     string
			PolicyDocument json.RawMessage
		}
	}
	if err := script.Strict(plain, &p); err != nil {
		return r, err
	}
	r.Name = p.RoleName
	for _, one := range p.Policies {
		r.Policies = append(r.Policies, one.PolicyDocument)
	}
	for _, s := range Statements(string(p.AssumeRolePolicyDocument)) {
		by, _ := s.Principal.(map[string]any)
		r.Trusts = append(r.Trusts, Texts(by, "AWS")...)
		r.ExternalID = strings.Join(Texts(s.Condition["StringEquals"], "sts:ExternalId"), "")
	}
	r.rights, err = readPolicies(r.Policies)
	return r, err
}

// substituted has CloudFormation's own parameters filled in where Fn::Sub asks for it.
func substituted(v any, account string) any {
	switch x := v.(type) {
	case []any:
		for i, e := range x {
			x[i] = substituted(e, account)
		}
	case Doc:
		if text, is := x["Fn::Sub"].(string); is && len(x) == 1 {
			return strings.NewReplacer("${AWS::Partition}", "aws", "${AWS::AccountId}", account).Replace(text)
		}
		for k, e := range x {
			x[k] = substituted(e, account)
		}
	}
	return v
}
