package eks

import (
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// encrypts judges the key that a cluster's secrets are to be encrypted with besides. (That it must be of the region the
// reference says, and how a right is refused people who met it. In which words a key is not there nobody has said.)
func (q *request) encrypts() error {
	for _, c := range core.Docs(q.Params, "encryptionConfig") {
		arn := core.Text(core.Sub(c, "provider"), "keyArn")
		switch {
		case !slices.Equal(core.Texts(c, "resources"), []string{"secrets"}):
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
	keys := q.Cloud.Accounts.Keys(q.Account)
	i := slices.IndexFunc(keys, func(k core.Key) bool { return k.ARN == arn })
	if i < 0 {
		return wrong("Key '%s' does not exist", arn)
	}
	for _, action := range []string{"kms:DescribeKey", "kms:CreateGrant"} {
		if !keys[i].Allows(q.Principal.Base, q.Principal.Powers, action) {
			return core.Fail("InvalidRequestException", "User not authorized to perform %s operation", action)
		}
	}
	role := core.Text(q.Params, "roleArn")
	if rights, _ := q.Cloud.Accounts.PowersOf(q.Call, q.Account, role); !keys[i].Allows(role, rights, "kms:Encrypt") {
		return wrong("Access denied to KMS key %s due to explicit deny policy or revoked grant", arn)
	}
	return nil
}
