// Package keyring keeps the keys that are the installation's own, such as that of its CA, sealed in the bucket AERIE_KEYS: the same
// for all replicas, beside the log and never in it, so that they can be erased.
//
// It seals with a key that it is given and stores nowhere, or that a KMS keeps; who has the bucket or a backup of it, and not that key,
// has nothing.
// Begin with Seal and Ring. The methods of a Ring may be called from any goroutine and from several replicas: what one of them
// has put first is what all have. After a crash a key is there whole or not at all.
package keyring

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events/eventlog"
)

// Bucket is the name of the bucket.
const Bucket = "AERIE_KEYS"

// CA is the name of the CA's key and certificate.
const CA = "ca"

// mostTurns is how often something is done again that somebody else has done meanwhile.
const mostTurns = 5

// Entry is what may be known of a sealed key.
type Entry struct {
	Name   string
	Made   time.Time // when it was taken in
	Seal   string    // the name of the key that has sealed it
	Newest bool      // that is the key that seals now
}

// Ring is the bucket. A nil one, and one without a seal, seals nothing.
type Ring struct {
	js   jetstream.JetStream
	seal *Seal
	kv   jetstream.KeyValue // nil without a seal
}

// Open opens the bucket under a seal, and makes it where there is none, with so many copies as the log has. Without a seal it
// only looks, whenever it is asked, whether something is there.
func Open(ctx context.Context, nc *nats.Conn, copies int, seal *Seal) (*Ring, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("open the installation's keys: %w", err)
	}
	r := &Ring{js: js, seal: seal}
	if seal == nil {
		return r, nil
	}
	r.kv, err = eventlog.OpenBucket(ctx, nc, Bucket, "the installation's own keys, sealed; they can be erased", copies)
	if err != nil {
		return nil, fmt.Errorf("open the installation's keys: %w", err)
	}
	return r, nil
}

// Seals tells whether keys are sealed here.
func (r *Ring) Seals() bool { return r != nil && r.seal != nil }

// Holds tells whether there is a key of a name, whoever has sealed it.
func (r *Ring) Holds(ctx context.Context, name string) (bool, error) {
	if r == nil {
		return false, nil
	}
	kv, err := r.js.KeyValue(ctx, Bucket)
	if err == nil {
		_, err = kv.Get(ctx, name)
	}
	if errors.Is(err, jetstream.ErrBucketNotFound) || errors.Is(err, jetstream.ErrKeyNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for the installation's key %s: %w", name, err)
	}
	return true, nil
}

// Take is the key of a name. Where there is none, it is made, sealed and put there first, and what another replica has put
// meanwhile is taken instead.
func (r *Ring) Take(ctx context.Context, name string, made func() ([]byte, error)) ([]byte, error) {
	for range mostTurns {
		e, err := r.kv.Get(ctx, name)
		if err == nil {
			secret, _, err := r.seal.open(ctx, name, e.Value())
			if err != nil {
				return nil, fmt.Errorf("open the installation's key %s: %w", name, err)
			}
			return secret, nil
		}
		if !errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil, fmt.Errorf("read the installation's key %s: %w", name, err)
		}
		secret, err := made()
		if err != nil {
			return nil, err
		}
		data, err := r.seal.seal(ctx, name, secret, time.Now())
		if err == nil {
			_, err = r.kv.Create(ctx, name, data)
		}
		if err != nil && !errors.Is(err, jetstream.ErrKeyExists) {
			return nil, fmt.Errorf("keep the installation's key %s: %w", name, err)
		}
	}
	return nil, fmt.Errorf("keep the installation's key %s: somebody puts it there and takes it away", name)
}

// List is what there is, by name.
func (r *Ring) List(ctx context.Context) (all []Entry, err error) {
	err = r.each(ctx, func(e jetstream.KeyValueEntry) error {
		var b blob
		if err := json.Unmarshal(e.Value(), &b); err != nil {
			return fmt.Errorf("read the installation's key %s: %w", e.Key(), err)
		}
		all = append(all, Entry{Name: e.Key(), Made: b.Made, Seal: b.By, Newest: r.seal.newest(b)})
		return nil
	})
	slices.SortFunc(all, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

// Reseal seals with the key that seals now what another one has sealed, and says how many keys that were. What it could not
// open stays as it is and is said.
func (r *Ring) Reseal(ctx context.Context) (resealed int, err error) {
	var faults []error
	err = r.each(ctx, func(e jetstream.KeyValueEntry) error {
		secret, b, err := r.seal.open(ctx, e.Key(), e.Value())
		if err != nil {
			faults = append(faults, fmt.Errorf("open the installation's key %s: %w", e.Key(), err))
			return nil
		}
		if r.seal.newest(b) {
			return nil
		}
		data, err := r.seal.seal(ctx, e.Key(), secret, b.Made)
		if err == nil {
			_, err = r.kv.Update(ctx, e.Key(), data, e.Revision())
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("seal the installation's key %s: %w", e.Key(), err))
			return nil
		}
		resealed++
		return nil
	})
	return resealed, errors.Join(append(faults, err)...)
}

// Erase takes a key out of the bucket; false: there was none.
func (r *Ring) Erase(ctx context.Context, name string) (bool, error) {
	there, err := r.Holds(ctx, name)
	if err != nil || !there {
		return false, err
	}
	if err := r.kv.Purge(ctx, name); err != nil {
		return false, fmt.Errorf("erase the installation's key %s: %w", name, err)
	}
	return true, nil
}

// each goes through the bucket.
func (r *Ring) each(ctx context.Context, do func(jetstream.KeyValueEntry) error) error {
	keys, err := r.kv.ListKeys(ctx)
	if err != nil {
		return fmt.Errorf("list the installation's keys: %w", err)
	}
	defer func() { _ = keys.Stop() }()
	for name := range keys.Keys() {
		e, err := r.kv.Get(ctx, name)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			continue // erased just now
		}
		if err == nil {
			err = do(e)
		}
		if err != nil {
			return fmt.Errorf("list the installation's keys: %w", err)
		}
	}
	return nil
}
