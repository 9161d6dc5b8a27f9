package emulate

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
)

// Watched is a file that people write while the emulator runs. It is read again whenever it has changed.
type Watched struct {
	path  string
	stamp string
}

// Look hands the file's content to read if it has changed; nil if it is gone. A broken file is logged once, and what was
// there before stays.
func (w *Watched) Look(logger *slog.Logger, read func(data []byte) error) {
	stamp := ""
	if info, err := os.Stat(w.path); err == nil {
		stamp = fmt.Sprint(info.ModTime().UnixNano(), info.Size())
	}
	if stamp == w.stamp {
		return
	}
	w.stamp = stamp
	data, err := os.ReadFile(w.path)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = read(data)
	}
	if err != nil {
		logger.Error("what is written there cannot be read; what was before stays", "file", w.path, "error", err)
		return
	}
	logger.Info("read what is written there", "file", w.path)
}

// Watch is a file that has not been read yet.
func Watch(path string) *Watched { return &Watched{path: path} }
