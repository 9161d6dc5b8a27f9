package reconcile

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/fsm/relapse"
)

// Kept is what an agent knows on its disk: what was told it last, and what it has done by itself since. Who copies the files
// and not the agent's key can neither read nor change them. Nothing in them is a secret: effects refer to secrets by name. A
// nil one keeps nothing.
type Kept struct {
	dir  string
	seal cipher.AEAD
	mu   sync.Mutex // of the repairs
}

const (
	keptStands  = "stands-"
	keptLease   = "lease"
	keptRepairs = "repairs"
)

// OpenKept opens what is kept in a directory, which is made if it is not there, under the seed of the agent's key.
func OpenKept(dir string, seed []byte) (*Kept, error) {
	key, err := hkdf.Key(sha256.New, seed, nil, "aerie agent: what is kept", 32)
	if err != nil {
		return nil, fmt.Errorf("open what is kept: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("open what is kept: %w", err)
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err = errors.Join(err, os.MkdirAll(dir, 0o700)); err != nil {
		return nil, fmt.Errorf("open what is kept: %w", err)
	}
	return &Kept{dir: dir, seal: seal}, nil
}

func (k *Kept) path(name string) string { return filepath.Join(k.dir, name+".sealed") }

// put keeps something under a name. The name is sealed in: one file is not taken for another.
func (k *Kept) put(name string, v any) error {
	if k == nil {
		return nil
	}
	data, err := ev.Encode(v)
	if err == nil {
		err = filestore.WriteWhole(k.path(name), k.seal.Seal(nil, nil, data, []byte(name)))
	}
	if err != nil {
		return fmt.Errorf("keep %s: %w", name, err)
	}
	return nil
}

// get reads what is kept under a name; false if nothing is.
func (k *Kept) get(name string, v any) (some bool, err error) {
	if k == nil {
		return false, nil
	}
	sealed, err := os.ReadFile(k.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	var data []byte
	if err == nil {
		data, err = k.seal.Open(nil, nil, sealed, []byte(name))
	}
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		return false, fmt.Errorf("read what is kept of %s: %w", name, err)
	}
	return true, nil
}

// Lease is the last one that the agent had; false if it had none.
func (k *Kept) Lease() (l ev.Lease, some bool, err error) {
	some, err = k.get(keptLease, &l)
	return l, some, err
}

// PutLease keeps the agent's lease.
func (k *Kept) PutLease(l ev.Lease) error { return k.put(keptLease, l) }

// Stood is what stood at some places by what was told last, with how much more there is.
func (k *Kept) Stood(places []string) (all []ev.Stood, more int, err error) {
	for _, place := range places {
		var items []ev.StandsItem
		if _, err := k.get(keptStands+place, &items); err != nil {
			return nil, 0, err
		}
		for _, item := range items {
			if len(all) == ev.MostStood {
				more++
				continue
			}
			digest, err := ev.DigestOfMade(item.Made)
			if err != nil {
				return nil, 0, fmt.Errorf("tell what stood at %s: %w", place, err)
			}
			all = append(all, ev.Stood{Place: place, Ref: item.Ref, UID: item.UID, Digest: digest})
		}
	}
	return all, more, nil
}

// Repairs are those that the control plane was not told of yet.
func (k *Kept) Repairs() (all []ev.Repair, err error) {
	if k == nil {
		return nil, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	_, err = k.get(keptRepairs, &all)
	return all, err
}

// due is when something of an entity is brought back next, by what was brought back lately.
func (k *Kept) due(ref ev.Ref, note ev.NoteDrift, now time.Time) (time.Time, error) {
	all, err := k.Repairs()
	if err != nil {
		return now, err
	}
	var lately relapse.Relapses
	for _, r := range all {
		if r.Ref == ref {
			found, _ := lately.Counted(r.Found, r.At, note.Every, true)
			lately = lately.With(found, r.At)
		}
	}
	return lately.Due(note.Found, now, note.Every), nil
}

// mostRepairs is how many repairs are kept until they can be told: the oldest go.
const mostRepairs = 1000

// addRepair keeps a repair.
func (k *Kept) addRepair(r ev.Repair) error {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []ev.Repair
	if _, err := k.get(keptRepairs, &all); err != nil {
		return err
	}
	all = append(all, r)
	return k.put(keptRepairs, all[max(0, len(all)-mostRepairs):])
}

// Told forgets the first repairs, which the control plane has been told of.
func (k *Kept) Told(n int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []ev.Repair
	if _, err := k.get(keptRepairs, &all); err != nil {
		return err
	}
	return k.put(keptRepairs, all[min(n, len(all)):])
}
