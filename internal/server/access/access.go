// Package access is the log of who has read what: one line of JSON for each answer, in a file for each day.
//
// Reads change nothing, so they are no events; but who looked at a customer's things may be asked later. The lines are kept for a week,
// or for as long as they have room. It knows no views and no HTTP. Begin with Log. Note may be called from any goroutine and never
// waits: what can't be written in time is dropped and counted. Lines of the last second are lost in a crash.
package access

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"
)

// The bounds of what is kept.
const (
	days      = 7
	mostBytes = 256 << 20 // of all files
	fileBytes = 32 << 20  // of one: then the day has another
	waiting   = 4096      // lines that are not written yet
)

// Line is one answer.
type Line struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Route  string    `json:"route"`           // as it is registered, such as GET /v1/tenants/{owner}/{id}
	Owner  string    `json:"owner,omitempty"` // whose things were asked for; empty: nobody's in particular
	Status int       `json:"status"`
	Bytes  int       `json:"bytes"`
	TookMS int64     `json:"took_ms"`
}

// Log writes lines into the files of a directory.
type Log struct {
	dir     string
	lines   chan Line
	dropped atomic.Uint64
	now     func() time.Time
	most    int64 // bytes of one file

	file    *os.File
	to      *bufio.Writer
	name    string // of the file
	written int64
}

// Open makes a log in a directory, which is made if it is not there, for its owner alone.
func Open(dir string) (*Log, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the log of reads: %w", err)
	}
	return &Log{dir: dir, lines: make(chan Line, waiting), now: time.Now, most: fileBytes}, nil
}

// Note writes a line soon. It never waits, and may be called from any goroutine. A line that finds no room, or comes after Run has
// ended, is lost.
func (l *Log) Note(line Line) {
	select {
	case l.lines <- line:
	default:
		l.dropped.Add(1)
	}
}

// Run writes until ctx ends, and then what is left. A file that can't be written is told of, and tried again.
func (l *Log) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case line := <-l.lines:
			l.write(line)
		case <-tick.C:
			l.flush()
		case <-ctx.Done():
			for len(l.lines) > 0 {
				l.write(<-l.lines)
			}
			l.flush()
			l.close()
			return
		}
	}
}

func (l *Log) flush() {
	if n := l.dropped.Swap(0); n > 0 {
		slog.Warn("lines of the log of reads are lost: there were too many at once", "lines", n)
	}
	if l.to == nil {
		return
	}
	if err := l.to.Flush(); err != nil {
		slog.Error("the log of reads is not written", "err", err)
		l.close()
	}
}

func (l *Log) close() {
	if l.file != nil {
		_ = l.file.Close() // it was flushed, or could not be
	}
	l.file, l.to, l.name = nil, nil, ""
}

func (l *Log) write(line Line) {
	data, err := json.Marshal(line)
	if err == nil {
		err = l.turn(l.now().UTC().Format(time.DateOnly))
	}
	if err == nil {
		var n int
		n, err = l.to.Write(append(data, '\n'))
		l.written += int64(n)
	}
	if err != nil {
		l.dropped.Add(1)
		l.close()
	}
}

// turn has the file of a day open that has room.
func (l *Log) turn(day string) error {
	if l.file != nil && filepath.Base(l.name)[:len(day)] == day && l.written < l.most {
		return nil
	}
	if l.file != nil {
		l.flush()
		l.close()
	}
	for n := 0; ; n++ {
		name := filepath.Join(l.dir, fmt.Sprintf("%s.%03d.jsonl", day, n))
		info, err := os.Stat(name)
		if err == nil && info.Size() >= l.most {
			continue
		}
		file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("open the log of reads: %w", err)
		}
		l.file, l.to, l.name, l.written = file, bufio.NewWriterSize(file, 64<<10), name, 0
		if info != nil {
			l.written = info.Size()
		}
		return l.prune()
	}
}

// prune removes the files that are too old, and then the oldest until there is room for another whole one.
func (l *Log) prune() error {
	names, err := filepath.Glob(filepath.Join(l.dir, "*.jsonl"))
	if err != nil {
		return fmt.Errorf("look for old logs of reads: %w", err)
	}
	slices.Sort(names)
	var sizes []int64
	var all int64
	for _, name := range names {
		var size int64
		if info, err := os.Stat(name); err == nil {
			size = info.Size()
		}
		sizes, all = append(sizes, size), all+size
	}
	oldest := l.now().UTC().AddDate(0, 0, -days).Format(time.DateOnly)
	var errs []error
	for i, name := range names {
		if name == l.name || filepath.Base(name) >= oldest && all+l.most <= mostBytes {
			continue
		}
		all -= sizes[i]
		errs = append(errs, os.Remove(name))
	}
	return errors.Join(errs...)
}
