package filestore

import (
	"errors"
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
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path)) // the name is the directory's
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
