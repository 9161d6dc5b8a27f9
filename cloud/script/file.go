// Package script is what hurts a made-up cloud while it runs: faults that strike the n-th call, and
// the files in which people write them.
//
// It knows no cloud: what a fault does, and which calls it matches, is up to its user. Begin with
// Faults, then Files, which notices when a file has changed. Neither is safe for concurrent use: the
// cloud calls them under its own lock. Which faults have struck is in memory alone: after a crash the
// counts begin anew, from the files as they are then.
package script

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// File is a file that people write while a cloud runs. Read is given its content whenever that has changed; nil if it is
// gone. A broken file is logged once, and what was there before stays.
type File struct {
	Name string
	Read func(data []byte) error

	stamp string
}

// Files are the files that are looked for in a directory. They are not safe for concurrent use.
type Files struct {
	dir    string
	logger *slog.Logger
	files  []File
	still  time.Time // when the directory changed last, if none of them came with it
}

// Watch are files that have not been read yet.
func Watch(dir string, logger *slog.Logger, files ...File) *Files {
	return &Files{dir: dir, logger: logger, files: files}
}

// tick is longer than that between two times of a file system: within it a change may not show.
const tick = 2 * time.Second

// Look reads what has changed. What was written before is seen; where there is nothing, the directory alone is asked.
func (f *Files) Look() {
	now := time.Now()
	dir, err := os.Stat(f.dir)
	if err == nil && dir.ModTime().Equal(f.still) {
		return
	}
	there := false
	for i := range f.files {
		there = f.look(&f.files[i]) || there
	}
	f.still = time.Time{}
	if err == nil && !there && now.Sub(dir.ModTime()) > tick {
		f.still = dir.ModTime()
	}
}

// look says whether a file is there.
func (f *Files) look(one *File) bool {
	path, stamp := filepath.Join(f.dir, one.Name), ""
	if info, err := os.Stat(path); err == nil {
		stamp = fmt.Sprint(info.ModTime().UnixNano(), info.Size())
	}
	if stamp == one.stamp {
		return stamp != ""
	}
	one.stamp = stamp
	data, err := os.ReadFile(path)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = one.Read(data)
	}
	if err != nil {
		f.logger.Error("what is written there cannot be read; what was before stays", "file", path, "error", err)
		return true
	}
	f.logger.Info("read what is written there", "file", path)
	return true
}

// Done puts a file aside, because what it asks for is done once: x.json becomes x.done.json.
func (f *Files) Done(name string) error {
	path := filepath.Join(f.dir, name)
	return os.Rename(path, strings.TrimSuffix(path, ".json")+".done.json")
}

// Strict decodes JSON that has no field that is unknown.
func Strict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(into)
}
