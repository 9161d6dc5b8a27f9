package consent

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Line is one line of the local log: what was asked, said, done and sent.
type Line struct {
	At       time.Time       `json:"at"`
	What     string          `json:"what"` // asked, approved, denied, too late, held, begun, done, sent, kept back
	Entity   string          `json:"entity,omitempty"`
	Effect   string          `json:"effect,omitempty"`
	Class    Class           `json:"class,omitempty"`
	Digest   string          `json:"digest,omitempty"`
	Question string          `json:"question,omitempty"`
	By       string          `json:"by,omitempty"`
	Because  string          `json:"because,omitempty"`
	Message  string          `json:"message,omitempty"`
	Subject  string          `json:"subject,omitempty"` // to which it was sent
	Args     json.RawMessage `json:"args,omitempty"`    // of what was asked for
	Sent     json.RawMessage `json:"sent,omitempty"`
}

// How much of the log is kept: files of a day, the oldest of which go.
const (
	keepFiles = 60
	fileBytes = 32 << 20
)

// journal writes lines into a file for each day, and another one when that is full. A line that can't be written is told of,
// and stops nothing.
type journal struct {
	dir string
	now func() time.Time
	mu  sync.Mutex
}

func (j *journal) add(l Line) {
	j.mu.Lock()
	defer j.mu.Unlock()
	l.At = j.now().UTC()
	if err := j.write(l); err != nil {
		slog.Error("the local log is not written", "err", err)
	}
}

func (j *journal) write(l Line) error {
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	name, begins, err := j.file(l.At.Format(time.DateOnly))
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if closed := f.Close(); err == nil {
		err = closed
	}
	if begins && err == nil {
		err = j.prune()
	}
	return err
}

// file is the newest one of a day, or the next one where that is full: those before it may be gone.
func (j *journal) file(day string) (name string, begins bool, err error) {
	path := func(n int) string { return filepath.Join(j.dir, fmt.Sprintf("%s.%03d.jsonl", day, n)) }
	all, err := filepath.Glob(filepath.Join(j.dir, day+".*.jsonl"))
	if err != nil || len(all) == 0 {
		return path(0), true, err
	}
	newest := slices.Max(all)
	info, err := os.Stat(newest)
	if err != nil || info.Size() < fileBytes {
		return newest, false, err
	}
	var n int
	_, err = fmt.Sscanf(filepath.Base(newest), day+".%d.jsonl", &n)
	return path(n + 1), true, err
}

// prune removes the oldest files.
func (j *journal) prune() error {
	files, err := filepath.Glob(filepath.Join(j.dir, "*.jsonl")) // in the order of their names
	if err != nil {
		return err
	}
	for _, f := range files[:max(0, len(files)-keepFiles)] {
		if err := os.Remove(f); err != nil {
			return err
		}
	}
	return nil
}
