package release

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"github.com/aeriehq/aerie/cloud/kube"
)

// A secret mark says with which secrets an application was installed, as their hash under a key of its own. It is a Secret
// beside the application, so that whoever can read it can read those secrets too, and nobody else can try out guesses.

// markType is the type of the Secret that is a secret mark.
const markType = "aerie.io/secret-mark"

// SecretMark is the hash of the secrets that an application is to have. Of one that has none yet the key is made and kept
// first, so that asking again gives the same hash.
func SecretMark(ctx context.Context, api kube.API, spec AppSpec, secrets string) (hash string, err error) {
	_, err = kube.Guarded(func() (changed bool, err error) {
		key, _, version, err := readSecretMark(ctx, api, spec)
		if err != nil {
			return false, err
		}
		if key == nil {
			key = make([]byte, sha256.Size)
			_, _ = rand.Read(key) // it never fails
			changed, err = writeSecretMark(ctx, api, spec, key, "", version)
		}
		hash = markOf(key, secrets)
		return changed, err
	})
	return hash, err
}

// KeepSecretMark notes that the application was installed with the secrets of a hash.
func KeepSecretMark(ctx context.Context, api kube.API, spec AppSpec, hash string) error {
	_, err := kube.Guarded(func() (bool, error) {
		key, was, version, err := readSecretMark(ctx, api, spec)
		if err != nil || key == nil || was == hash { // without its key it is made anew the next time
			return false, err
		}
		return writeSecretMark(ctx, api, spec, key, hash, version)
	})
	return err
}

// HasSecrets tells whether an application was installed with these secrets.
func HasSecrets(ctx context.Context, api kube.API, spec AppSpec, secrets string) (bool, error) {
	key, hash, _, err := readSecretMark(ctx, api, spec)
	return key != nil && hash == markOf(key, secrets), err
}

func markOf(key []byte, secrets string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(secrets))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (s AppSpec) markKey() kube.Key {
	return kube.Key{APIVersion: "v1", Kind: "Secret", Namespace: s.Namespace, Name: kube.InventoryPrefix + s.Name}
}

func readSecretMark(ctx context.Context, api kube.API, spec AppSpec) (key []byte, hash, version string, err error) {
	there, err := kube.Find(ctx, api, spec.markKey())
	if err != nil || there == nil {
		return nil, "", "", err
	}
	if there.Labels()[kube.LabelOwner] != spec.Owner || there["type"] != markType {
		return nil, "", "", kube.Taken("read the secret mark", spec.markKey(), there)
	}
	data := kube.MapOf(there["data"])
	key, _ = base64.StdEncoding.DecodeString(kube.StringOf(data["key"]))
	was, _ := base64.StdEncoding.DecodeString(kube.StringOf(data["hash"]))
	if len(key) != sha256.Size {
		key = nil
	}
	return key, string(was), kube.StringOf(there.Metadata()["resourceVersion"]), nil
}

func writeSecretMark(ctx context.Context, api kube.API, spec AppSpec, key []byte, hash, version string) (bool, error) {
	k := spec.markKey()
	o := kube.NewObject(k.APIVersion, k.Kind, k.Namespace, k.Name, nil)
	o["type"] = markType
	o["data"] = map[string]any{"key": base64.StdEncoding.EncodeToString(key), "hash": base64.StdEncoding.EncodeToString([]byte(hash))}
	return kube.ApplyOver(ctx, api, o.Marked("", spec.labels(), nil), version)
}

// removeSecretMark ends the mark with its application.
func removeSecretMark(ctx context.Context, api kube.API, spec AppSpec) error {
	there, err := kube.Find(ctx, api, spec.markKey())
	if err != nil || there == nil || there.Labels()[kube.LabelOwner] != spec.Owner {
		return err
	}
	return kube.Delete(ctx, api, spec.markKey())
}

// readable are the types of Secrets that applications may refer to: not tokens of accounts, nor what Helm or aerie keep.
var readable = map[string]bool{"": true, "Opaque": true, "kubernetes.io/tls": true, "kubernetes.io/basic-auth": true,
	"kubernetes.io/ssh-auth": true, "kubernetes.io/dockerconfigjson": true, "kubernetes.io/dockercfg": true}

// SecretIn is one value of a Secret of a namespace; false if it is not there.
func SecretIn(ctx context.Context, api kube.API, namespace, name, key string) (value string, there bool, err error) {
	o, err := kube.Find(ctx, kube.Uncached(api), kube.Key{APIVersion: "v1", Kind: "Secret", Namespace: namespace, Name: name})
	if err != nil || o == nil || !readable[kube.StringOf(o["type"])] {
		return "", false, err
	}
	if text, is := kube.MapOf(o["stringData"])[key].(string); is { // a cluster that only stores keeps it as it was given
		return text, true, nil
	}
	data, err := base64.StdEncoding.DecodeString(kube.StringOf(kube.MapOf(o["data"])[key]))
	return string(data), err == nil && len(data) > 0, nil
}
