package server

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws"
	"github.com/aeriehq/aerie/cloud/aws/kms"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/keyring"
	"github.com/aeriehq/aerie/internal/server/certs"
	"github.com/aeriehq/aerie/projections/api"
)

// ownKeys are the keys of the installation.
type ownKeys struct {
	seal *keyring.Seal // nil: none is given, and the CA's key is in the data directory
	ring *keyring.Ring
	ca   *certs.Own // nil: nothing is shown that it would sign
}

// awsKMS is that of AWS, with the credentials that the process has. They are looked for when it is asked first.
func awsKMS() keyring.KMS {
	keys := sync.OnceValues(func() (*kms.Keys, error) {
		o, err := aws.Load(context.Background())
		return kms.New(o.Config), err
	})
	return keyring.KMS{HasName: kms.IsKey,
		Generate: func(ctx context.Context, key, about string) (clear, sealed []byte, err error) {
			k, err := keys()
			if err != nil {
				return nil, nil, err
			}
			return k.Generate(ctx, key, about)
		},
		Open: func(ctx context.Context, key, about string, sealed []byte) ([]byte, error) {
			k, err := keys()
			if err != nil {
				return nil, err
			}
			return k.Open(ctx, key, about, sealed)
		}}
}

// openKeys takes what is sealed out of its bucket, and lets clients in over TLS with that.
func (c *Control) openKeys(Settings) (err error) {
	ctx, cancel := context.WithTimeout(c.core.ctx, openWithin)
	defer cancel()
	if c.keys.ring, err = keyring.Open(ctx, c.Conn, c.Log.Copies(), c.keys.seal); err != nil || c.keys.ca == nil {
		return err
	}
	return c.keys.ca.Open(ctx, c.keys.ring)
}

// sealing is nil where keys are sealed.
func (k *ownKeys) sealing() error {
	if k.ring.Seals() {
		return nil
	}
	return ev.Refuse(ev.Refused, "this server seals no keys: start all replicas with --seal-key-file, or with %s", keyring.Variable)
}

// list says what is sealed, and how.
func (k *ownKeys) list(ctx context.Context) ([]api.SealedKey, error) {
	if err := k.sealing(); err != nil {
		return nil, err
	}
	all := []api.SealedKey{}
	held, err := k.ring.List(ctx)
	for _, e := range held {
		all = append(all, api.SealedKey{Name: e.Name, Made: e.Made, Seal: e.Seal, Newest: e.Newest})
	}
	return all, err
}

// rotate seals everything with the first key of the seal.
func (k *ownKeys) rotate(ctx context.Context, actor string) (int, error) {
	if err := k.sealing(); err != nil {
		return 0, err
	}
	n, err := k.ring.Reseal(ctx)
	if errors.Is(err, keyring.ErrOtherSeal) {
		return n, ev.Refuse(ev.Refused, "%v: put that key into the file below the newest one, on all replicas", err)
	}
	var failed *cloud.Error
	if errors.As(err, &failed) {
		return n, ev.Refuse(ev.Unavailable, "%v", err)
	}
	if n > 0 {
		slog.Info("the installation's keys are sealed with the newest key", "actor", actor, "keys", n)
	}
	return n, err
}

// erase takes a key out of the bucket. The servers that run go on with what they have; the next one that starts makes another.
func (k *ownKeys) erase(ctx context.Context, name, actor string) error {
	if err := k.sealing(); err != nil {
		return err
	}
	there, err := k.ring.Erase(ctx, name)
	if err != nil {
		return err
	}
	if !there {
		return ev.Refuse(ev.NotFound, "there is no key %q in %s", ev.Truncate(name), keyring.Bucket)
	}
	slog.Warn("a key of the installation is erased: the next server that starts makes another", "actor", actor, "key", name)
	return nil
}
