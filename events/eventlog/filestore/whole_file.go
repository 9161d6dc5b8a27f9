package filestore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteWhole writes a file for this user alone, aside, and then renames it into its place. A kill or a power failure leaves the
// whole new one, or what was there before; when it returns, the new one is on disk.
func WriteWhole(path string, data []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return writeWhole(f, path, data)
}

// WriteWholeFor is WriteWhole for the owner of a directory: what root writes beside his program is his, who could not read it
// otherwise. Since he may put a link anywhere there, the file is always a new one.
func WriteWholeFor(dir, path string, data []byte) error {
	of, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if err := os.Remove(path + ".new"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := give(of, f.Chown); err != nil {
		return errors.Join(err, f.Close())
	}
	return writeWhole(f, path, data)
}

// MakeDirsFor makes directories in one, for its owner alone.
func MakeDirsFor(dir string, paths ...string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	of, err := os.Stat(dir)
	if err != nil {
		return err
	}
	for _, p := range paths {
		if err := os.MkdirAll(p, 0o700); err != nil {
			return err
		}
		if err := give(of, func(user, group int) error { return os.Lchown(p, user, group) }); err != nil {
			return err
		}
	}
	return nil
}

func writeWhole(f *os.File, path string, data []byte) error {
	_, err := f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path)) // the name is the directory's
}

// SyncDir has the names in a directory on disk when it returns.
func SyncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
