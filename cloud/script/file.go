// Package script is what hurts a made-up cloud while it runs: faults that strike the n-th call, and the files in which
// people write them.
package script

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
)

// File is a file that people write while a cloud runs. It is read again whenever it has changed. It is not safe for
// concurrent use.
type File struct {
	path  string
	stamp string
}

// Watch is a file that has not been read yet.
func Watch(path string) *File { return &File{path: path} }

// Look hands the file's content to read if it has changed; nil if it is gone. A broken file is logged once, and what was
// there before stays.
func (f *File) Look(logger *slog.Logger, read func(data []byte) error) {
	stamp := ""
	if info, err := os.Stat(f.path); err == nil {
		stamp = fmt.Sprint(info.ModTime().UnixNano(), info.Size())
	}
	if stamp == f.stamp {
		return
	}
	f.stamp = stamp
	data, err := os.ReadFile(f.path)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = read(data)
	}
	if err != nil {
		logger.Error("what is written there cannot be read; what was before stays", "file", f.path, "error", err)
		return
	}
	logger.Info("read what is written there", "file", f.path)
}

// Done puts the file aside, because what it asks for is done once: x.json becomes x.done.json.
func (f *File) Done() error {
	return os.Rename(f.path, strings.TrimSuffix(f.path, ".json")+".done.json")
}

// Strict decodes JSON that has no field that is unknown.
func Strict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(into)
}
