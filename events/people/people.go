// Package people is the directory of people: what an issuer has said of who came in, beside the log and never in it.
//
// The log is kept for ever and knows a person by an opaque id alone. His name, his address and how the issuer knows him stand
// here, in the bucket AERIE_PEOPLE, from which they can be erased. It decides nothing: package workers/login says who is let in.
// Begin with Directory. Its methods may be called from any goroutine and from several replicas: what was changed meanwhile
// is a conflict. After a crash the bucket has what was put before.
package people

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events/eventlog"
)

// Bucket is the name of the bucket.
const Bucket = "AERIE_PEOPLE"

// Person is somebody whom an issuer knows.
type Person struct {
	Principal string    `json:"principal"` // the id of his principal, opaque; drawn when he first came
	Owner     string    `json:"owner"`     // of that principal
	Issuer    string    `json:"issuer"`    // the issuer's name in the server's settings
	Subject   string    `json:"subject"`   // as the issuer names him
	Name      string    `json:"name,omitempty"`
	Email     string    `json:"email,omitempty"`
	Issued    time.Time `json:"issued"` // when the newest token was issued of which the role was taken
}

var (
	// ErrNobody says that the directory has nobody under a key.
	ErrNobody = errors.New("nobody is known by this")
	// ErrChanged says that somebody else has changed an entry meanwhile.
	ErrChanged = errors.New("the entry was changed meanwhile")
)

// Key is where a person stands. It tells nothing of him to who does not know him.
func Key(issuerURL, subject string) string {
	sum := sha256.Sum256([]byte(issuerURL + "\n" + subject))
	return hex.EncodeToString(sum[:])
}

// Directory is the bucket.
type Directory struct{ kv jetstream.KeyValue }

// Open opens the directory, and makes it where there is none, with so many copies as the log has.
func Open(ctx context.Context, nc *nats.Conn, copies int) (*Directory, error) {
	kv, err := eventlog.OpenBucket(ctx, nc, Bucket, "names of people; erased on request, and never in the log", copies)
	if err != nil {
		return nil, fmt.Errorf("open the directory of people: %w", err)
	}
	return &Directory{kv}, nil
}

// Find reads who stands under a key, and the revision of the entry; ErrNobody if nobody does.
func (d *Directory) Find(ctx context.Context, key string) (p Person, revision uint64, err error) {
	e, err := d.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return p, 0, ErrNobody
	}
	if err == nil {
		err = json.Unmarshal(e.Value(), &p)
	}
	if err != nil {
		return p, 0, fmt.Errorf("find a person: %w", err)
	}
	return p, e.Revision(), nil
}

// Put writes an entry that is as it was at a revision, 0 if there was none; ErrChanged if it is not.
func (d *Directory) Put(ctx context.Context, key string, p Person, revision uint64) error {
	data, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("write a person down: %w", err)
	}
	if revision == 0 {
		_, err = d.kv.Create(ctx, key, data)
	} else {
		_, err = d.kv.Update(ctx, key, data, revision)
	}
	if errors.Is(err, jetstream.ErrKeyExists) {
		return ErrChanged
	}
	if err != nil {
		return fmt.Errorf("write a person down: %w", err)
	}
	return nil
}

// Erase removes an entry and what it was before. Erasing nobody is no error.
func (d *Directory) Erase(ctx context.Context, key string) error {
	if err := d.kv.Purge(ctx, key); err != nil {
		return fmt.Errorf("erase a person: %w", err)
	}
	return nil
}

// Each calls f with everybody and his key, in no order, until f returns false.
func (d *Directory) Each(ctx context.Context, f func(key string, p Person) bool) error {
	keys, err := d.kv.ListKeys(ctx)
	if err != nil {
		return fmt.Errorf("list people: %w", err)
	}
	defer func() { _ = keys.Stop() }()
	for key := range keys.Keys() {
		p, _, err := d.Find(ctx, key)
		if errors.Is(err, ErrNobody) {
			continue // erased just now
		}
		if err != nil {
			return err
		}
		if !f(key, p) {
			return nil
		}
	}
	return nil
}
