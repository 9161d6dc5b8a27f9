package core

import (
	"encoding/json"
	"slices"
)

// Statement is one of a policy's.
type Statement struct {
	Effect    string
	Action    any
	Principal any
	Condition map[string]map[string]any
}

// Statements reads a policy document; none of one that is none.
func Statements(policy string) []Statement {
	var read struct{ Statement []Statement }
	if json.Unmarshal([]byte(policy), &read) == nil {
		return read.Statement
	}
	var one struct{ Statement Statement }
	if json.Unmarshal([]byte(policy), &one) == nil {
		return []Statement{one.Statement}
	}
	return nil
}

// Allows says whether the statement allows AssumeRole to one of some principals that knows an external id.
func (s Statement) Allows(principals []string, externalID string) bool {
	by, _ := s.Principal.(map[string]any)
	aws := Texts(by, "AWS")
	wanted, bound := s.Condition["StringEquals"]["sts:ExternalId"]
	return s.Effect == "Allow" && slices.ContainsFunc(principals, func(p string) bool { return slices.Contains(aws, p) }) &&
		(!bound || slices.Contains(Texts(Doc{"v": wanted}, "v"), externalID))
}

// LetsService says whether a trust policy allows a service to be the role.
func LetsService(policy, service string) bool {
	return slices.ContainsFunc(Statements(policy), func(s Statement) bool {
		by, _ := s.Principal.(map[string]any)
		return s.Effect == "Allow" && slices.Contains(Texts(by, "Service"), service)
	})
}
