package client

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/aeriehq/aerie/events"
)

// Context is a server by a name: where it is, and what is shown there.
type Context struct {
	Name    string `json:"name"`
	APIURL  string `json:"api_url,omitempty"`
	NATSURL string `json:"nats_url,omitempty"`
	CA      string `json:"ca,omitempty"`       // the certificates themselves, in PEM
	Token   string `json:"token,omitempty"`    // what is shown
	DataDir string `json:"data_dir,omitempty"` // whose token is shown, if there is none here
	Login   *Login `json:"login,omitempty"`    // how the token was got, and is got again; nil: it was given
}

// Login is what is needed to get another token from an issuer without asking anybody.
type Login struct {
	Issuer   string `json:"issuer"` // its URL
	ClientID string `json:"client_id"`
	Refresh  string `json:"refresh_token,omitempty"`
	CA       string `json:"ca,omitempty"` // of the issuer, in PEM; empty: what the system trusts
}

// Contexts is the file of contexts. It has secrets, and so is its owner's alone.
type Contexts struct {
	Current  string    `json:"current,omitempty"`
	Contexts []Context `json:"contexts"`
	path     string
}

// ContextsFile is where the contexts are: AERIE_CONFIG, else contexts.json in the user's directory of settings; empty: he has none.
func ContextsFile() string {
	if path := os.Getenv("AERIE_CONFIG"); path != "" {
		return path
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "aerie", "contexts.json")
}

// ReadContexts reads the file of contexts. That there is none is no error.
func ReadContexts() (*Contexts, error) {
	c := &Contexts{path: ContextsFile()}
	info, err := os.Stat(c.path)
	if c.path == "" || errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, Invalid("AERIE_CONFIG", "%s can't be read: %v", c.path, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, Invalid("AERIE_CONFIG", "others may read %s, and it has tokens: chmod 600 it", c.path)
	}
	data, err := os.ReadFile(c.path)
	if err == nil {
		err = json.Unmarshal(data, c)
	}
	if err != nil {
		return nil, Invalid("AERIE_CONFIG", "%s can't be read: %v", c.path, err)
	}
	return c, nil
}

// Write writes the file, aside first: a kill leaves the one before, or this.
func (c *Contexts) Write() error {
	if c.path == "" {
		return Invalid("AERIE_CONFIG", "is missing: want where to keep contexts, since there is no home directory")
	}
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("write the contexts: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(c.path), 0o700); err != nil {
		return Invalid("AERIE_CONFIG", "%s can't be written: %v", c.path, err)
	}
	aside, err := os.CreateTemp(filepath.Dir(c.path), ".contexts-*") // for its owner alone
	if err != nil {
		return Invalid("AERIE_CONFIG", "%s can't be written: %v", c.path, err)
	}
	defer os.Remove(aside.Name()) // if it is still there
	_, err = aside.Write(append(data, '\n'))
	if err = errors.Join(err, aside.Close()); err == nil {
		err = os.Rename(aside.Name(), c.path)
	}
	if err != nil {
		return Invalid("AERIE_CONFIG", "%s can't be written: %v", c.path, err)
	}
	return nil
}

// Find finds a context by its name.
func (c *Contexts) Find(name string) (*Context, error) {
	var names []string
	for i := range c.Contexts {
		if c.Contexts[i].Name == name {
			return &c.Contexts[i], nil
		}
		names = append(names, c.Contexts[i].Name)
	}
	return nil, events.Refuse(events.NotFound, "there is no context %s%s", events.Truncate(name), events.Suggest(name, names))
}

// Put keeps a context in the place of the one with its name. The first one is used from now on.
func (c *Contexts) Put(one Context) {
	if known, err := c.Find(one.Name); err == nil {
		*known = one
		return
	}
	c.Contexts = append(c.Contexts, one)
	c.Current = cmp.Or(c.Current, one.Name)
}

// Remove forgets a context.
func (c *Contexts) Remove(name string) error {
	if _, err := c.Find(name); err != nil {
		return err
	}
	c.Contexts = slices.DeleteFunc(c.Contexts, func(one Context) bool { return one.Name == name })
	if c.Current == name {
		c.Current = ""
	}
	return nil
}
