package core

import (
	"slices"

	"github.com/aeriehq/aerie/cloud/emulator/aws/policy"
)

// Key is a key of KMS in an account. Whose policies let them use it may, and whom the key's own policy lets.
type Key struct {
	ARN  string   `json:"arn"`
	Lets []string `json:"lets,omitempty"` // the ARNs of users and roles
	// Disabled has it be used by nobody.
	Disabled bool `json:"disabled,omitempty"`
}

// Allows judges one use of the key. What a key's own policy lets a role do its boundary bounds as well.
func (k Key) Allows(who string, rights Powers, action string) bool {
	asked := policy.Request{Action: action, Resource: k.ARN}
	if d, _ := rights.Decide(asked); d == policy.Allowed {
		return true
	}
	bound := !rights.bounded || policy.Decide([]policy.Policy{rights.boundary}, asked) == policy.Allowed
	return slices.Contains(k.Lets, who) && bound
}
