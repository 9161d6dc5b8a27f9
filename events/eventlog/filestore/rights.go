package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

const (
	// othersMay are the rights of whoever is neither the owner nor of the group.
	othersMay fs.FileMode = 0o007
	// othersWrite is the right of those to write.
	othersWrite fs.FileMode = 0o002
)

// keptNames are what aerie makes at the top of a data directory.
var keptNames = []string{"token", "mark", "lock", lookedAt, "nats", "views", "cloud", "helm"}

// checkRights sees to it that a data directory is its owner's. What aerie made there and
// this user owns loses the rights of others, and the log says so. A directory of
// somebody else's that others may write is refused, but for a volume's mount point:
// who mounts it sets its rights. The group's rights are never touched: Kubernetes sets
// them at each mount (fsGroup).
func checkRights(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return notWritable(dir, err)
	}
	open := info.Mode()&othersWrite != 0
	if !isMountPoint(dir) {
		if open && !madeHere(dir, info) {
			return fmt.Errorf("take data directory %s: others may write it (mode %o), and so put another token or log there: "+
				"take that right away with chmod o-w %s, or choose another directory with --data-dir", dir, info.Mode().Perm(), dir)
		}
		if madeHere(dir, info) || isEmpty(dir) {
			if err := restrict(dir); err != nil {
				return err
			}
		}
	}
	for _, name := range keptNames {
		if err := restrict(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// isEmpty tells whether nothing is in a directory: then it was made for us.
func isEmpty(dir string) bool {
	found, err := os.ReadDir(dir)
	return err == nil && len(found) == 0
}

// madeHere tells whether aerie has used a directory as this user: it and all that is
// kept there belongs to us.
func madeHere(dir string, info fs.FileInfo) bool {
	mark, err := os.Lstat(filepath.Join(dir, markFile))
	if err != nil || !mark.Mode().IsRegular() || !isOurs(info) {
		return false
	}
	for _, name := range keptNames {
		if kept, err := os.Lstat(filepath.Join(dir, name)); err == nil && !isOurs(kept) {
			return false
		}
	}
	return true
}

// restrict takes the rights of others off what this user owns. A link is left alone: a
// mounted Secret is one.
func restrict(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the rights of %s: %w", path, err)
	}
	mode := info.Mode()
	if !mode.IsRegular() && !mode.IsDir() || mode&othersMay == 0 || !isOurs(info) {
		return nil
	}
	if err := os.Chmod(path, mode&^othersMay); err != nil {
		return fmt.Errorf("take the rights of others off %s: %w: do it with chmod o-rwx %s", path, err, path)
	}
	slog.Warn("others had rights here, and have none any more",
		"path", path, "was", fmt.Sprintf("%o", mode.Perm()), "is", fmt.Sprintf("%o", (mode&^othersMay).Perm()))
	return nil
}
