package aws

import (
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator/aws/policy"
)

// Key is a key of KMS in an account. Whose policies let them use it may, and whom the key's own policy lets.
type Key struct {
	ARN  string   `json:"arn"`
	Lets []string `json:"lets,omitempty"` // the ARNs of users and roles
}

// encrypts judges the key that a cluster's secrets are to be encrypted with besides. (That it must be of the region the
// reference says, and how a right is refused people who met it. In which words a key is not there nobody has said.)
func (q *request) encrypts() error {
	for _, c := range docs(q.in, "encryptionConfig") {
		arn := text(sub(c, "provider"), "keyArn")
		switch {
		case !slices.Equal(texts(c, "resources"), []string{"secrets"}):
			return wrong("The resources of encryptionConfig must be [secrets]")
		case arn == "":
			return wrong("KeyArn is required")
		case !strings.HasPrefix(arn, "arn:aws:kms:"+q.Region+":"):
			return wrong("KeyArn %s is not of region %s", arn, q.Region)
		}
		if err := q.usesKey(arn); err != nil {
			return err
		}
	}
	return nil
}

// usesKey says whether a key is there, and whether the caller and the role of the cluster may do with it what they must.
func (q *request) usesKey(arn string) error {
	keys := q.server.accounts.byID[q.Account].Keys
	i := slices.IndexFunc(keys, func(k Key) bool { return k.ARN == arn })
	if i < 0 {
		return wrong("Key '%s' does not exist", arn)
	}
	for _, action := range []string{"kms:DescribeKey", "kms:CreateGrant"} {
		if !keys[i].lets(q.caller.base, q.caller.rights, action) {
			return fail("InvalidRequestException", "User not authorized to perform %s operation", action)
		}
	}
	role := text(q.in, "roleArn")
	if rights, _ := q.server.rightsOf(q.Call, q.Account, role); !keys[i].lets(role, rights, "kms:Encrypt") {
		return wrong("Access denied to KMS key %s due to explicit deny policy or revoked grant", arn)
	}
	return nil
}

// lets judges one use of the key. What a key's own policy lets a role do its boundary bounds as well.
func (k Key) lets(who string, rights powers, action string) bool {
	asked := policy.Request{Action: action, Resource: k.ARN}
	if d, _ := rights.decide(asked); d == policy.Allowed {
		return true
	}
	bound := !rights.bounded || policy.Decide([]policy.Policy{rights.boundary}, asked) == policy.Allowed
	return slices.Contains(k.Lets, who) && bound
}
