package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// epochFile has the epoch that began when the directory was put back from a backup.
const epochFile = "epoch"

// firstEpoch is the time from which epochs count, in minutes. So one that begins later is higher, whatever the backup knows.
var firstEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// BeginEpoch notes in a directory that was put back from a backup that an epoch begins with it, and which: the minutes since 2026, or one
// more than the directory's last. It is on disk when it returns. Two restores of one backup within a minute get the same epoch.
func BeginEpoch(dir string, now time.Time) (epoch uint64, err error) {
	before, err := epochIn(dir)
	if err != nil {
		return 0, err
	}
	epoch = max(before+1, uint64(max(1, now.Sub(firstEpoch)/time.Minute)))
	if err := WriteWhole(filepath.Join(dir, epochFile), fmt.Appendf(nil, "%d\n", epoch)); err != nil {
		return 0, fmt.Errorf("begin epoch %d in %s: %w", epoch, dir, err)
	}
	return epoch, nil
}

// RestoredEpoch is the one that began when the directory was put back from a backup; 0 if it never was.
func (g *Guard) RestoredEpoch() (uint64, error) {
	if g.dir == "" { // of who only reads the log
		return 0, nil
	}
	return epochIn(g.dir)
}

func epochIn(dir string) (epoch uint64, err error) {
	path := filepath.Join(dir, epochFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err == nil {
		epoch, err = strconv.ParseUint(strings.TrimSpace(string(data)), 10, 24)
	}
	if err != nil {
		return 0, fmt.Errorf("read the epoch of a restored directory: %w: restore it anew", err)
	}
	return epoch, nil
}

// KeepStill keeps servers from a data directory that is only read, until release; it is an error if one uses it. A directory that no
// server ever used needs nothing, and "" is none.
func KeepStill(dir string) (release func() error, err error) {
	path := filepath.Join(dir, "lock")
	if _, err := os.Stat(path); dir == "" || errors.Is(err, fs.ErrNotExist) {
		return func() error { return nil }, nil
	}
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	free, err := lock.TryRLock()
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", dir, err)
	case !free:
		return nil, fmt.Errorf("read %s: a server uses it: stop that one first", dir)
	}
	return lock.Unlock, nil
}
