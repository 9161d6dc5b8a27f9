// Package journal is a file of JSON lines to which lines are only ever added: the whole state of a
// made-up cloud.
//
// It knows nothing of what the lines mean, and it is not the log of the control plane. Begin with
// Open, which gives every line to a function, and Append. A Journal is not safe for concurrent use,
// and one process has it open at a time. A line is there whole or not at all: what a killed process
// left of its last line is cut off when the file is opened again. Only a line that was appended with
// sync is sure to survive a crash of the machine.
package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// Line is one line. Check finds one that nobody could have written; AppendJSON appends it as JSON, without a line break.
type Line interface {
	Check() error
	AppendJSON(b []byte) ([]byte, error)
}

// Journal is an open file. It is not safe for concurrent use, and one process has it open at a time.
type Journal[L Line] struct {
	file *os.File
	size int64
	line []byte // the one that is written
}

// Open opens or makes the file, which only its owner may read, and gives every whole line of it to fold.
func Open[L Line](path string, fold func(L)) (*Journal[L], error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	size, err := Read(file, fold)
	if err == nil {
		err = file.Truncate(size)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), file.Close())
	}
	return &Journal[L]{file: file, size: size}, nil
}

// Read gives each whole line to each and returns where the last one ends. An error names the line.
func Read[L Line](from io.Reader, each func(L)) (size int64, err error) {
	r := bufio.NewReaderSize(from, 1<<16)
	for n := 1; ; n++ {
		data, err := r.ReadBytes('\n')
		if err == io.EOF {
			return size, nil
		}
		if err != nil {
			return size, err
		}
		l, err := Parse[L](data)
		if err != nil {
			return size, fmt.Errorf("line %d: %w", n, err)
		}
		each(l)
		size += int64(len(data))
	}
}

// Parse reads one line.
func Parse[L Line](data []byte) (l L, err error) {
	if err := json.Unmarshal(bytes.TrimSpace(data), &l); err != nil {
		return l, err
	}
	return l, l.Check()
}

// Append writes a line, whole or not at all: what a full disk let through of it is taken back. Only with sync does it
// survive more than the end of the process.
func (j *Journal[L]) Append(sync bool, l L) error {
	var err error
	if j.line, err = l.AppendJSON(j.line[:0]); err != nil {
		return err
	}
	j.line = append(j.line, '\n')
	_, err = j.file.WriteAt(j.line, j.size)
	if err == nil && sync {
		err = j.file.Sync()
	}
	if err != nil {
		return errors.Join(err, j.file.Truncate(j.size))
	}
	j.size += int64(len(j.line))
	return nil
}

// Close closes the file.
func (j *Journal[L]) Close() error { return j.file.Close() }
