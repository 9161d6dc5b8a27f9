// Package policy evaluates IAM's identity policies as AWS documents it ("Policy evaluation logic" and
// "IAM JSON policy elements reference" in IAM's user guide): what no statement allows is denied, and a
// statement that denies wins over any that allows.
//
// What it does not know, such as policy variables and conditions on dates, it refuses to read: a part
// of a policy that were passed over would allow what AWS does not. Begin with Parse. A Policy is never
// changed and may be used from any goroutine; nothing is stored.
package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/script"
)

// Policy is one policy document.
type Policy struct {
	statements []statement
}

// statement is one of a policy's, as it is written.
type statement struct {
	Sid         string
	Effect      string
	Action      list
	NotAction   list
	Resource    list
	NotResource list
	Condition   map[string]map[string]list
}

// list is one string or several. Numbers and booleans stand for how they are written.
type list []string

// UnmarshalJSON implements json.Unmarshaler.
func (l *list) UnmarshalJSON(data []byte) error {
	var several []json.RawMessage
	if json.Unmarshal(data, &several) != nil {
		several = []json.RawMessage{data}
	}
	*l = list{}
	for _, one := range several {
		s := string(one)
		if len(s) > 0 && s[0] == '"' {
			if err := json.Unmarshal(one, &s); err != nil {
				return err
			}
		}
		*l = append(*l, s)
	}
	return nil
}

// Parse reads an identity policy.
func Parse(data []byte) (Policy, error) {
	var read struct {
		Version   string
		ID        string `json:"Id"`
		Statement json.RawMessage
	}
	if err := script.Strict(data, &read); err != nil {
		return Policy{}, err
	}
	var p Policy
	if script.Strict(read.Statement, &p.statements) != nil { // one alone need be in no list
		p.statements = make([]statement, 1)
		if err := script.Strict(read.Statement, &p.statements[0]); err != nil {
			return Policy{}, err
		}
	}
	for _, s := range p.statements {
		if err := s.check(); err != nil {
			return Policy{}, err
		}
	}
	return p, nil
}

// check refuses what a policy may not say, or what is not known here.
func (s statement) check() error {
	switch {
	case s.Effect != "Allow" && s.Effect != "Deny":
		return fmt.Errorf("the effect %q is neither Allow nor Deny", s.Effect)
	case (len(s.Action) == 0) == (len(s.NotAction) == 0):
		return fmt.Errorf("a statement has either Action or NotAction")
	case (len(s.Resource) == 0) == (len(s.NotResource) == 0):
		return fmt.Errorf("a statement of an identity policy has either Resource or NotResource")
	}
	for operator, keys := range s.Condition {
		if _, err := operatorOf(operator); err != nil {
			return err
		}
		for _, values := range keys {
			if slices.ContainsFunc(values, variable) {
				return fmt.Errorf("policy variables are not known here: %q", values)
			}
		}
	}
	if slices.ContainsFunc(slices.Concat(s.Resource, s.NotResource), variable) {
		return fmt.Errorf("policy variables are not known here: %q", slices.Concat(s.Resource, s.NotResource))
	}
	return nil
}

func variable(s string) bool { return strings.Contains(s, "${") }

// Everything allows all, as AWS' own policy AdministratorAccess does.
func Everything() Policy {
	return Policy{statements: []statement{{Effect: "Allow", Action: list{"*"}, Resource: list{"*"}}}}
}

// Nothing denies some actions, whatever else allows them.
func Nothing(actions ...string) Policy {
	return Policy{statements: []statement{{Effect: "Deny", Action: actions, Resource: list{"*"}}}}
}

// Request is one action on one resource. Of an action that is on no resource the resource is a star.
type Request struct {
	Action   string
	Resource string
	Context  Context
}

// Context is what is known about a request, by the names of condition keys.
type Context map[string][]string

// get finds a key, whose case does not count.
func (c Context) get(key string) (values []string, there bool) {
	for k, v := range c {
		if strings.EqualFold(k, key) {
			return v, true
		}
	}
	return nil, false
}

// Decision is what comes of a request, in the words of SimulatePrincipalPolicy.
type Decision string

// The decisions.
const (
	Allowed      Decision = "allowed"
	ExplicitDeny Decision = "explicitDeny"
	ImplicitDeny Decision = "implicitDeny"
)

// Decide judges a request by all policies of a principal together.
func Decide(policies []Policy, r Request) Decision {
	decision := ImplicitDeny
	for _, p := range policies {
		for _, s := range p.statements {
			switch {
			case !s.matches(r):
			case s.Effect == "Deny":
				return ExplicitDeny
			default:
				decision = Allowed
			}
		}
	}
	return decision
}

func (s statement) matches(r Request) bool {
	action := func(pattern string) bool { return glob(strings.ToLower(pattern), strings.ToLower(r.Action)) }
	resource := func(pattern string) bool { return arn(pattern, r.Resource) }
	if slices.ContainsFunc(s.Action, action) != (len(s.Action) > 0) || slices.ContainsFunc(s.NotAction, action) {
		return false
	}
	if slices.ContainsFunc(s.Resource, resource) != (len(s.Resource) > 0) || slices.ContainsFunc(s.NotResource, resource) {
		return false
	}
	for operator, keys := range s.Condition {
		o, _ := operatorOf(operator) // it was checked
		for key, wanted := range keys {
			if !o.holds(r.Context, key, wanted) {
				return false
			}
		}
	}
	return true
}
