package aws

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aeriehq/aerie/cloud/script"
)

// Deployed is the role that a CloudFormation template, written as JSON, makes in an account: who may be it, and its inline
// policies. A template that has anything else in it is refused: it would be passed over.
func Deployed(template []byte, account string) (r Role, err error) {
	var t struct {
		Resources map[string]struct {
			Type       string
			Properties json.RawMessage
		}
	}
	if err := json.Unmarshal(template, &t); err != nil {
		return r, err
	}
	for name, resource := range t.Resources {
		if resource.Type != "AWS::IAM::Role" || len(t.Resources) != 1 {
			return r, fmt.Errorf("resource %s: one role, and nothing else, can be deployed here", name)
		}
		return deployed(resource.Properties, account)
	}
	return r, fmt.Errorf("there is no resource in the template")
}

func deployed(properties json.RawMessage, account string) (r Role, err error) {
	var written any
	if err := json.Unmarshal(properties, &written); err != nil {
		return r, err
	}
	plain, _ := json.Marshal(substituted(written, account)) // it came from JSON
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
	for _, s := range statements(string(p.AssumeRolePolicyDocument)) {
		by, _ := s.Principal.(map[string]any)
		r.Trusts = append(r.Trusts, texts(by, "AWS")...)
		r.ExternalID = strings.Join(texts(s.Condition["StringEquals"], "sts:ExternalId"), "")
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
	case doc:
		if text, is := x["Fn::Sub"].(string); is && len(x) == 1 {
			return strings.NewReplacer("${AWS::Partition}", "aws", "${AWS::AccountId}", account).Replace(text)
		}
		for k, e := range x {
			x[k] = substituted(e, account)
		}
	}
	return v
}
