package secrets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
)

// maxSecret is how large a secret may be.
const maxSecret = 256 << 10

// Files is a directory with a directory for each name and a file in it for each key, as Kubernetes mounts Secrets.
type Files struct {
	Dir string `json:"dir"`
}

func (f *Files) check() error {
	if !path.IsAbs(f.Dir) {
		return errors.New("file: dir must be a path from the root")
	}
	return nil
}

// read stays in the directory whatever is asked, also by links.
func (f *Files) read(_ context.Context, name, key string) (string, error) {
	root, err := os.OpenRoot(f.Dir)
	if err != nil {
		return "", errors.New("its directory can't be opened")
	}
	defer func() { _ = root.Close() }()
	at := path.Join(name, key)
	if info, err := root.Stat(at); errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return "", ErrAbsent
	}
	file, err := root.Open(at)
	if err != nil {
		return "", errors.New("its file can't be opened")
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil || len(data) > maxSecret {
		return "", fmt.Errorf("its file can't be read, or has more than %d KiB", maxSecret>>10)
	}
	return strings.TrimSuffix(string(data), "\n"), nil
}

// Env is the environment of the process: the secret name#key is the variable <prefix>NAME__KEY, with _ for each -.
type Env struct {
	Prefix string `json:"prefix"`
}

var (
	envPrefix = regexp.MustCompile(`^[A-Z][A-Z0-9_]{2,}_$`)
	envPart   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

func (e *Env) check() error {
	if !envPrefix.MatchString(e.Prefix) {
		return errors.New("env: prefix must be capitals, digits and '_', end in '_', and have at least four characters")
	}
	return nil
}

// read takes names and keys alone of which no two mean the same variable.
func (e *Env) read(_ context.Context, name, key string) (string, error) {
	if !envPart.MatchString(name) || !envPart.MatchString(key) {
		return "", ErrAbsent
	}
	variable := e.Prefix + strings.ToUpper(strings.ReplaceAll(name+"__"+key, "-", "_"))
	value, there := os.LookupEnv(variable)
	if !there {
		return "", ErrAbsent
	}
	return value, nil
}
