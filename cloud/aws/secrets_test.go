package aws_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws"
	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

const secretsKey = "arn:aws:kms:" + region + ":444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"

// encrypted asks for a cluster at the customer's whose secrets are encrypted with a key.
func (r *rig) encrypted(p *aws.Provider, key string) (cloud.Observation, error) {
	return p.EnsureCluster(r.Context(), r.customer(), cloud.ClusterSpec{
		Name: "cl1", Owner: owner, Network: "net1", Version: "1.35", Token: "t2", Options: cloud.ClusterOptions{SecretsKey: key},
	})
}

// hasKey has the customer have the key, with a policy of its own that lets some use it, and our role there rights besides.
func (r *rig) hasKey(lets []string, rights ...string) {
	r.Helper()
	r.deploy(&r.accounts[1])
	r.accounts[1].Keys = []core.Key{{ARN: secretsKey, Lets: lets}}
	for _, right := range rights {
		document := json.RawMessage(`{"Statement": {"Effect": "Allow", "Action": "` + right + `", "Resource": "*"}}`)
		r.accounts[1].Roles[0].Policies = append(r.accounts[1].Roles[0].Policies, document)
	}
	must(r, core.WriteAccounts(r.dir, r.accounts))
}

// TestSecretsAreEncrypted makes a cluster with a key of the customer's, whose policy lets our role use it. The key stays.
func TestSecretsAreEncrypted(t *testing.T) {
	r := start(t)
	p := r.provider()
	r.until(cloud.Ready, func() (cloud.Observation, error) { return p.EnsureNetwork(t.Context(), r.customer(), network(owner)) })
	r.hasKey([]string{"arn:aws:iam::" + r.accounts[1].ID + ":role/" + r.accounts[1].Roles[0].Name})
	_, err := r.encrypted(p, secretsKey) // its role is made
	must(t, err)
	r.advance(soon)
	r.inject(emulator.Fault{Op: "eks:CreateCluster", Lost: true, Times: 1})
	if _, err := r.encrypted(p, secretsKey); cloud.ClassOf(err) != cloud.Retryable {
		t.Fatal(err)
	}
	o := r.until(cloud.Ready, func() (cloud.Observation, error) { return r.encrypted(p, secretsKey) })
	if o.Options.SecretsKey != secretsKey {
		t.Errorf("%+v", o)
	}
	var is *cloud.Error
	for _, other := range []string{"", secretsKey + "0"} {
		if _, err := r.encrypted(p, other); !errors.As(err, &is) || is.Class != cloud.Invalid || is.Code != "Immutable" {
			t.Errorf("with the key %q: %v", other, err)
		}
	}
	if n := r.twice(); n > 0 {
		t.Errorf("%d things were made twice", n)
	}
}

// TestKeyThatCanNotBeUsed has each refusal say what is wrong with the key, and none make a cluster.
func TestKeyThatCanNotBeUsed(t *testing.T) {
	r := start(t)
	p := r.provider()
	r.until(cloud.Ready, func() (cloud.Observation, error) { return p.EnsureNetwork(t.Context(), r.customer(), network(owner)) })
	r.hasKey(nil)
	for _, c := range []struct {
		what, key string
		rights    []string
		class     cloud.Class
		code      string
		says      string
	}{
		{"no ARN", "alias/secrets", nil, cloud.Invalid, "InvalidKey", "is not the ARN of a key in eu-central-1"},
		{"an alias", strings.Replace(secretsKey, ":key/", ":alias/", 1), nil, cloud.Invalid, "InvalidKey", "is not the ARN of a key in eu-central-1"},
		{"another region's", strings.Replace(secretsKey, region, "us-east-1", 1), nil, cloud.Invalid, "InvalidKey", "is not the ARN of a key in eu-central-1"},
		{"one that is not there", secretsKey + "0", nil, cloud.Invalid, "InvalidParameterException", secretsKey + "0' does not exist"},
		{"no rights", secretsKey, nil, cloud.Denied, "InvalidRequestException", "not authorized to perform kms:DescribeKey"},
		{"half the rights", secretsKey, []string{"kms:DescribeKey"}, cloud.Denied, "InvalidRequestException", "not authorized to perform kms:CreateGrant"},
	} {
		t.Run(c.what, func(t *testing.T) {
			r.hasKey(nil, c.rights...)
			var err error
			for range 3 { // its role is young
				if _, err = r.encrypted(p, c.key); err != nil {
					break
				}
				r.advance(soon)
			}
			var is *cloud.Error
			if !errors.As(err, &is) || is.Class != c.class || is.Code != c.code || !strings.Contains(is.Message, c.says) {
				t.Error(err)
			}
		})
	}
	if o, err := p.ObserveCluster(t.Context(), r.customer(), "cl1"); err != nil || o.Phase == cloud.Creating || o.Phase == cloud.Ready {
		t.Errorf("%+v %v", o, err)
	}
	r.hasKey(nil, "kms:DescribeKey", "kms:CreateGrant")
	r.until(cloud.Ready, func() (cloud.Observation, error) { return r.encrypted(p, secretsKey) })
}
