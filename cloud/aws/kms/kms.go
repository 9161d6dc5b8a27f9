// Package kms has AWS' key management make data keys, and open them, under a key that never leaves it.
//
// It seals nothing itself: what is sealed with a data key, and where that stands, is its caller's (package events/keyring). It has
// nothing to do with the accounts that clusters are made in: the key is the platform's, and so are the credentials. Begin with
// Keys. Its methods may be called at once. It keeps nothing, and a data key whose caller is killed is known to nobody.
package kms

import (
	"context"
	"fmt"
	"regexp"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/aeriehq/aerie/cloud/aws/awserr"
)

// arn is a key's. An alias is none: somebody could have it mean another key.
var arn = regexp.MustCompile(`^arn:aws[a-z-]*:kms:([a-z0-9-]+):[0-9]{12}:key/[A-Za-z0-9-]+$`)

// purpose is under which name AWS is told what a data key is for. It is in its records of calls (CloudTrail), and a data key opens for
// nothing else.
const purpose = "aerie"

// IsKey tells whether a text is the ARN of a key.
func IsKey(text string) bool { return arn.MatchString(text) }

// Keys are those of AWS that some credentials may use.
type Keys struct{ config awssdk.Config }

// New uses the credentials and the endpoint of a configuration; the region is that of each key. It makes no call.
func New(config awssdk.Config) *Keys { return &Keys{config} }

// Generate makes a data key of 32 bytes for a purpose, and has it in clear and sealed under a key, which has to be of IsKey. Errors are
// *cloud.Error.
func (k *Keys) Generate(ctx context.Context, key, about string) (clear, sealed []byte, err error) {
	made, err := k.in(key).GenerateDataKey(ctx, &kms.GenerateDataKeyInput{
		KeyId: &key, KeySpec: types.DataKeySpecAes256, EncryptionContext: map[string]string{purpose: about}})
	if err != nil {
		return nil, nil, awserr.Of("make a data key under "+key, err)
	}
	if len(made.Plaintext) != 32 || len(made.CiphertextBlob) == 0 {
		return nil, nil, fmt.Errorf("make a data key under %s: it has %d bytes", key, len(made.Plaintext))
	}
	return made.Plaintext, made.CiphertextBlob, nil
}

// Open opens a data key that Generate has made under a key, for the same purpose. Errors are *cloud.Error.
func (k *Keys) Open(ctx context.Context, key, about string, sealed []byte) ([]byte, error) {
	opened, err := k.in(key).Decrypt(ctx, &kms.DecryptInput{
		KeyId: &key, CiphertextBlob: sealed, EncryptionContext: map[string]string{purpose: about}})
	if err != nil {
		return nil, awserr.Of("open a data key with "+key, err)
	}
	return opened.Plaintext, nil
}

// in is a client in a key's region.
func (k *Keys) in(key string) *kms.Client {
	return kms.NewFromConfig(k.config, func(o *kms.Options) {
		if m := arn.FindStringSubmatch(key); m != nil {
			o.Region = m[1]
		}
	})
}
