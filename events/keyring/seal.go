package keyring

import (
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Variable is the variable with the keys of a seal, for who keeps them in no file.
const Variable = "AERIE_SEAL_KEY"

// sealLength is the length of a key that seals, in bytes.
const sealLength = 32

// Seal is what the installation's keys are sealed with: one key that seals and opens, and some of before it that open alone. All
// replicas have the same.
type Seal struct {
	keys []sealingKey
	kms  KMS
}

type sealingKey struct {
	id   string      // tells which key has sealed what, and nothing of the key
	aead cipher.AEAD // nil: the key never leaves a KMS, and the id is its name there
}

// KMS is a key management service, which keeps keys and does not give them away. It makes another data key of 32 bytes for each thing that
// is sealed, under one of its keys and bound to the thing's name; that stands sealed beside what it has sealed.
type KMS struct {
	HasName  func(text string) bool // tells whether a text names a key there
	Generate func(ctx context.Context, key, about string) (clear, sealed []byte, err error)
	Open     func(ctx context.Context, key, about string, sealed []byte) (clear []byte, err error)
}

// ReadSeal reads the keys of a seal from a file, or from the variable of the environment; nil: there are none. Each key is a line: 32
// bytes in base64, or the name of a key in a KMS, which is not asked yet. The first one seals.
func ReadSeal(file string, kms KMS) (*Seal, error) {
	text := os.Getenv(Variable)
	if file != "" && text != "" {
		return nil, fmt.Errorf("read the seal: %s and a file are both given: give one of them", Variable)
	}
	if file == "" && text == "" {
		return nil, nil
	}
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the seal: %w", err)
		}
		text = string(data)
	}
	s, err := parseSeal(text, kms)
	if err != nil {
		return nil, fmt.Errorf("read the seal from %s: %w", cmp.Or(file, Variable), err)
	}
	return s, nil
}

// parseSeal reads lines. What is wrong with one is said without it.
func parseSeal(text string, kms KMS) (*Seal, error) {
	s := &Seal{kms: kms}
	for i, line := range strings.Fields(text) {
		if kms.HasName(line) {
			s.keys = append(s.keys, sealingKey{id: line})
			continue
		}
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(key) != sealLength {
			return nil, fmt.Errorf("key %d is neither %d bytes in base64, as openssl rand -base64 %d makes them, nor the ARN of a key of AWS KMS", i+1, sealLength, sealLength)
		}
		one, err := newSealingKey(key)
		if err != nil {
			return nil, err
		}
		s.keys = append(s.keys, one)
	}
	if len(s.keys) == 0 {
		return nil, fmt.Errorf("there is no key: make one with: openssl rand -base64 %d", sealLength)
	}
	return s, nil
}

func newSealingKey(key []byte) (k sealingKey, err error) {
	derived, err := hkdf.Key(sha256.New, key, nil, "aerie: the installation's keys", sealLength)
	if err != nil {
		return k, fmt.Errorf("take a key: %w", err)
	}
	id, err := hkdf.Key(sha256.New, key, nil, "aerie: the name of a seal", 8)
	if err != nil {
		return k, fmt.Errorf("take a key: %w", err)
	}
	aead, err := newAEAD(derived)
	return sealingKey{hex.EncodeToString(id), aead}, err
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("take a key: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// blob is a sealed key as the bucket has it.
type blob struct {
	By     string    `json:"by"`   // the id of the key that has sealed it
	Made   time.Time `json:"made"` // when what is sealed was taken in
	Sealed []byte    `json:"sealed"`
	Key    []byte    `json:"key,omitempty"` // the data key, sealed by the KMS that has the key
}

// ErrOtherSeal says that something was sealed with a key that is not given.
var ErrOtherSeal = errors.New("it was sealed with another key than those that are given")

// seal seals what has a name. The name is sealed in: one blob is not taken for another.
func (s *Seal) seal(ctx context.Context, name string, secret []byte, made time.Time) ([]byte, error) {
	k := s.keys[0]
	b, aead := blob{By: k.id, Made: made.UTC()}, k.aead
	if aead == nil {
		key, sealed, err := s.kms.Generate(ctx, k.id, name)
		if err != nil {
			return nil, err
		}
		if aead, err = newAEAD(key); err != nil {
			return nil, err
		}
		b.Key = sealed
	}
	b.Sealed = aead.Seal(nil, nil, secret, []byte(name))
	return json.Marshal(b)
}

// open opens what seal has made, and says what is to be known of it.
func (s *Seal) open(ctx context.Context, name string, data []byte) (secret []byte, b blob, err error) {
	if err := json.Unmarshal(data, &b); err != nil {
		return nil, b, fmt.Errorf("read what is sealed: %w", err)
	}
	i := slices.IndexFunc(s.keys, func(k sealingKey) bool { return k.id == b.By })
	if i < 0 {
		return nil, b, ErrOtherSeal
	}
	aead := s.keys[i].aead
	if aead == nil {
		key, err := s.kms.Open(ctx, b.By, name, b.Key)
		if err != nil {
			return nil, b, err
		}
		if aead, err = newAEAD(key); err != nil {
			return nil, b, err
		}
	}
	secret, err = aead.Open(nil, nil, b.Sealed, []byte(name))
	return secret, b, err
}

// newest tells whether something is sealed with the key that seals now.
func (s *Seal) newest(b blob) bool { return b.By == s.keys[0].id }
