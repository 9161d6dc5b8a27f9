// Package secrets reads secrets from the stores that an operator has named, right before they are used. It is no cache and
// keeps nothing: what it has read is its caller's, who writes it nowhere.
//
// Begin with Stores, which says whom a store serves, then Known, which takes secrets out of texts. What a customer may refer
// to is decided here, each time that a reference is resolved, and not where commands come in: a grant that is taken away ends
// at once. All of it may be used from any goroutine. After a crash there is nothing to be found again.
package secrets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	ev "github.com/aeriehq/aerie/events"
)

// Config is the file that names the stores.
type Config struct {
	Stores []Store `json:"stores"`
}

// Store is one place where secrets are, and whom it serves. One of File, Env and Vault is set.
type Store struct {
	Name   string  `json:"name"`
	File   *Files  `json:"file,omitempty"`
	Env    *Env    `json:"env,omitempty"`
	Vault  *Vault  `json:"vault,omitempty"`
	Serves []Grant `json:"serves"`
}

// Grant says which names of a store an owner may refer to.
type Grant struct {
	Owner string   `json:"owner"` // a customer, or - for the platform
	Names []string `json:"names"` // patterns: * is any part between slashes, a last ** all that follows
}

// backend reads one secret. The absent is ErrAbsent.
type backend interface {
	read(ctx context.Context, name, key string) (string, error)
	check() error
}

// Why a secret was not read.
var (
	ErrNotServed = errors.New("is in no store that serves its owner: an operator names the stores, and whom they serve")
	ErrAbsent    = errors.New("is not in its store")
)

// Stores are the stores of a server. The zero value, and nil, has none.
type Stores struct{ stores map[string]Store }

// Load reads the file that names the stores, and checks it. Nothing in it is a secret.
func Load(file string) (*Stores, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the stores of secrets: %w", err)
	}
	var c Config
	if err := yaml.UnmarshalStrict(data, &c); err != nil {
		return nil, fmt.Errorf("read the stores of secrets in %s: %w", file, err)
	}
	s, err := New(c)
	if err != nil {
		return nil, fmt.Errorf("read the stores of secrets in %s: %w", file, err)
	}
	return s, nil
}

var storeName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// New makes the stores of a configuration, or says all that is wrong with it.
func New(c Config) (*Stores, error) {
	s := &Stores{map[string]Store{}}
	var errs []error
	for i, one := range c.Stores {
		if err := one.check(); err != nil {
			errs = append(errs, fmt.Errorf("stores[%d] (%s): %w", i, one.Name, err))
		}
		if _, twice := s.stores[one.Name]; twice {
			errs = append(errs, fmt.Errorf("stores[%d]: there are two of the name %s", i, one.Name))
		}
		s.stores[one.Name] = one
	}
	return s, errors.Join(errs...)
}

func (s Store) check() error {
	if !storeName.MatchString(s.Name) || s.Name == ev.StoreOfTenant {
		return fmt.Errorf("the name must be of small letters, digits and '-', and not %q, which every tenant has", ev.StoreOfTenant)
	}
	b := s.backends()
	if len(b) != 1 {
		return errors.New("give one of file, env and vault")
	}
	for _, g := range s.Serves {
		if g.Owner == "" || len(g.Names) == 0 {
			return errors.New("serves: each wants an owner, - for the platform, and names")
		}
		for _, pattern := range g.Names {
			if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
				return fmt.Errorf("serves: %q is no pattern of names", pattern)
			}
		}
	}
	return b[0].check()
}

func (s Store) backends() (all []backend) {
	if s.File != nil {
		all = append(all, s.File)
	}
	if s.Env != nil {
		all = append(all, s.Env)
	}
	if s.Vault != nil {
		all = append(all, s.Vault)
	}
	return all
}

// serves tells whether an owner may refer to a name.
func (s Store) serves(owner, name string) bool {
	return slices.ContainsFunc(s.Serves, func(g Grant) bool {
		return g.Owner == owner && slices.ContainsFunc(g.Names, func(pattern string) bool { return matches(pattern, name) })
	})
}

func matches(pattern, name string) bool {
	if all, deep := strings.CutSuffix(pattern, "**"); deep && !strings.ContainsAny(all, "*?[\\") {
		return strings.HasPrefix(name, all)
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// Read reads a secret for an owner. Whether there is no such store, or it serves others, reads the same.
func (s *Stores) Read(ctx context.Context, owner string, ref ev.SecretRef) (string, error) {
	if s == nil {
		return "", ErrNotServed
	}
	store, known := s.stores[ref.Store]
	if !known || !store.serves(owner, ref.Name) {
		return "", ErrNotServed
	}
	value, err := store.backends()[0].read(ctx, ref.Name, ref.Key)
	if err == nil && value == "" {
		err = ErrAbsent // an empty one protects nothing
	}
	return value, err
}
