// Package kms emulates what of AWS' key management makes data keys and opens them, under the keys that accounts.json has.
// No key can be made, changed or deleted here: that is written there.
//
// Begin with Service. An operation runs alone under the lock of emulator.World. What a key seals with is drawn when it is used
// first, and is in the journal before anything that it has sealed is told; so that opens after a crash as well.
package kms

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// doc is a document in the words of the wire.
type doc = core.Doc

// request is one call of an operation of KMS.
type request struct{ *core.Request }

// materialKind is what a key seals with.
const materialKind = "key-material"

// Service is KMS as the server has it. Rights are judged with each key, whose own policy may give them.
var Service = core.Service{
	Actions: core.Operations(func(r *core.Request) *request { return &request{r} }, actions),
	Rights:  func(*core.Request) []core.Right { return nil },
}

var actions = map[string]func(*request) (doc, error){
	"GenerateDataKey": (*request).generate,
	"Decrypt":         (*request).decrypt,
}

// fail is a refusal; KMS has one status for all that are not its own fault.
func fail(code, format string, args ...any) *core.Failure {
	f := core.Fail(code, format, args...)
	f.Status = 400
	return f
}

// generate makes a data key of 32 bytes.
func (q *request) generate() (doc, error) {
	if spec := core.Text(q.Params, "KeySpec"); spec != "AES_256" {
		return nil, fail("ValidationException", "KeySpec %q is not known here: AES_256 alone is", spec)
	}
	key, err := q.key(core.Text(q.Params, "KeyId"), "kms:GenerateDataKey")
	if err != nil {
		return nil, err
	}
	data := make([]byte, 32)
	_, _ = rand.Read(data) // never fails
	sealed, err := q.seal(key, data)
	return doc{"KeyId": key.ARN, "Plaintext": base64.StdEncoding.EncodeToString(data), "CiphertextBlob": base64.StdEncoding.EncodeToString(sealed)}, err
}

// decrypt opens what generate has sealed, whichever key that was.
func (q *request) decrypt() (doc, error) {
	invalid := fail("InvalidCiphertextException", "")
	blob, err := base64.StdEncoding.DecodeString(core.Text(q.Params, "CiphertextBlob"))
	if err != nil || len(blob) < 2 || len(blob) < 2+int(binary.BigEndian.Uint16(blob)) {
		return nil, invalid
	}
	named := 2 + int(binary.BigEndian.Uint16(blob))
	id := string(blob[2:named])
	if given := core.Text(q.Params, "KeyId"); given != "" && given != id {
		return nil, fail("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.")
	}
	key, err := q.key(id, "kms:Decrypt")
	if err != nil {
		return nil, err
	}
	material := q.Elsewhere(q.owner(id), "").Find(materialKind, "", id)
	if material == nil {
		return nil, invalid
	}
	aead, err := aeadOf(material)
	if err != nil {
		return nil, err
	}
	data, err := aead.Open(nil, nil, blob[named:], q.bound(key))
	if err != nil {
		return nil, invalid
	}
	return doc{"KeyId": key.ARN, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT", "Plaintext": base64.StdEncoding.EncodeToString(data)}, nil
}

// owner is the account in a key's ARN.
func (q *request) owner(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 4 {
		return parts[4]
	}
	return q.Account
}

// key finds a key by its ARN, and judges whether the caller may do something with it.
func (q *request) key(arn, action string) (k core.Key, err error) {
	keys := q.Cloud.Accounts.Keys(q.owner(arn))
	i := slices.IndexFunc(keys, func(k core.Key) bool { return k.ARN == arn })
	if i < 0 || !strings.HasPrefix(arn, "arn:aws:kms:"+q.Region+":") {
		return k, fail("NotFoundException", "Key '%s' does not exist", arn)
	}
	k = keys[i]
	if !k.Allows(q.Principal.Base, q.Principal.Powers, action) {
		return k, fail("AccessDeniedException", "User: %s is not authorized to perform: %s on resource: %s", q.Principal.ARN, action, arn)
	}
	if k.Disabled {
		return k, fail("DisabledException", "%s is disabled.", arn)
	}
	return k, nil
}

// bound is what a sealed data key is bound to: its key, and the context that was given.
func (q *request) bound(k core.Key) []byte {
	context, _ := json.Marshal(core.Sub(q.Params, "EncryptionContext")) // its keys are in order
	return append([]byte(k.ARN+"\n"), context...)
}

// seal seals a data key; the key's ARN stands before it.
func (q *request) seal(k core.Key, data []byte) ([]byte, error) {
	at := q.Elsewhere(q.owner(k.ARN), "")
	material := at.Find(materialKind, "", k.ARN)
	if material == nil {
		material = at.Make(emulator.Resource{Kind: materialKind, Name: k.ARN, Doc: doc{"material": core.RandomHex(64)}}, 0)
	}
	aead, err := aeadOf(material)
	if err != nil {
		return nil, err
	}
	blob := binary.BigEndian.AppendUint16(nil, uint16(len(k.ARN)))
	blob = append(blob, k.ARN...)
	return aead.Seal(blob, nil, data, q.bound(k)), nil
}

func aeadOf(material *emulator.Resource) (cipher.AEAD, error) {
	key, err := hex.DecodeString(material.Text("material"))
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
