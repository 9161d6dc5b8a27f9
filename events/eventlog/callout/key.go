package callout

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Key is what aerie signs with whom it lets in, and what NATS servers encrypt their questions for. All replicas have the same.
type Key struct {
	issuer nkeys.KeyPair // of an account, as nats-server wants it
	box    nkeys.KeyPair // what questions are encrypted for
	user   nkeys.KeyPair // what aerie itself enters with
}

// MakeKey writes a new key into a file that is not there yet, for its owner's eyes.
func MakeKey(file string) (Key, error) {
	pair, err := nkeys.CreateAccount()
	if err != nil {
		return Key{}, fmt.Errorf("make a key for the auth callout: %w", err)
	}
	seed, err := pair.Seed()
	if err != nil {
		return Key{}, fmt.Errorf("make a key for the auth callout: %w", err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Key{}, fmt.Errorf("write the key of the auth callout: %w", err)
	}
	_, err = f.Write(append(seed, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return Key{}, fmt.Errorf("write the key of the auth callout: %w", err)
	}
	return keyOf(seed)
}

// ReadKey reads a key. It is refused if others than the file's owner can read it.
func ReadKey(file string) (Key, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return Key{}, fmt.Errorf("read the key of the auth callout: %w", err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return Key{}, fmt.Errorf("read the key of the auth callout: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Key{}, fmt.Errorf("read the key of the auth callout: %s is readable by others than its owner: chmod 600 it", file)
	}
	return keyOf([]byte(strings.TrimSpace(string(data))))
}

// ReadOrMakeKey reads a key, and makes it where there is none yet.
func ReadOrMakeKey(file string) (Key, error) {
	k, err := ReadKey(file)
	if errors.Is(err, fs.ErrNotExist) {
		return MakeKey(file)
	}
	return k, err
}

func keyOf(seed []byte) (k Key, err error) {
	if k.issuer, err = nkeys.FromSeed(seed); err != nil {
		return k, fmt.Errorf("read the key of the auth callout: %w", err)
	}
	if public, err := k.issuer.PublicKey(); err != nil || !nkeys.IsValidPublicAccountKey(public) {
		return k, errors.New("read the key of the auth callout: want the seed of an account, SA and more letters")
	}
	if k.box, err = derived(seed, "box", nkeys.PrefixByteCurve, nkeys.FromCurveSeed); err != nil {
		return k, err
	}
	k.user, err = derived(seed, "user", nkeys.PrefixByteUser, nkeys.FromSeed)
	return k, err
}

// derived is a key for a purpose that follows from the one in the file, so that one file is enough.
func derived(
	seed []byte, purpose string, prefix nkeys.PrefixByte, from func(seed []byte) (nkeys.KeyPair, error),
) (pair nkeys.KeyPair, err error) {
	raw := sha256.Sum256(append([]byte("aerie: "+purpose+" of the auth callout\n"), seed...))
	own, err := nkeys.EncodeSeed(prefix, raw[:])
	if err == nil {
		pair, err = from(own)
	}
	if err != nil {
		return nil, fmt.Errorf("derive the %s of the auth callout: %w", purpose, err)
	}
	return pair, nil
}

// Enter is how aerie itself enters the servers.
func (k Key) Enter() (nats.Option, error) {
	public, err := k.user.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("enter with the key of the auth callout: %w", err)
	}
	return nats.Nkey(public, k.user.Sign), nil
}
