package emulate

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/aeriehq/aerie/kube"
)

// journalFile is the one file of an emulated cloud: the ledger of its calls and the store of what they made. A call is
// one line, with all that it changed and how it ended, and it is written before the call is answered: a kill leaves a
// call done and told, done and not told, or not done. A torn last line is cut off when the file is opened.
//
// What changes something is synced to the disk. Nothing is ever taken out: a ledger that forgot could not say what was
// made twice.
const journalFile = "ledger.jsonl"

// line is one line of the journal.
type line struct {
	N       int64         `json:"n"`
	Call    *Record       `json:"call,omitempty"`
	Put     []*Thing      `json:"put,omitempty"`
	Del     []int64       `json:"del,omitempty"`
	Ahead   time.Duration `json:"ahead,omitempty"`   // how far the clock was advanced by hand
	Cluster int64         `json:"cluster,omitempty"` // of Object or Key
	Object  kube.Object   `json:"object,omitempty"`
	Key     *kube.Key     `json:"key,omitempty"` // of an object that was deleted
}

// changes says whether the line is more than an account.
func (l line) changes() bool {
	return len(l.Put) > 0 || len(l.Del) > 0 || l.Ahead != 0 || l.Cluster != 0
}

type journal struct {
	file *os.File
	size int64
}

func openJournal(dir string) (*journal, *state, error) {
	path := filepath.Join(dir, journalFile)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	s := newState()
	size, err := readLines(file, s.fold)
	if err == nil {
		err = file.Truncate(size) // the torn last line of a kill
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open %s: %w", path, err), file.Close())
	}
	return &journal{file: file, size: size}, s, nil
}

// readLines reads the whole lines and returns where the last one ends.
func readLines(from io.Reader, each func(line)) (size int64, err error) {
	r := bufio.NewReaderSize(from, 1<<16)
	for n := 1; ; n++ {
		data, err := r.ReadBytes('\n')
		if err == io.EOF {
			return size, nil
		}
		if err != nil {
			return size, err
		}
		l, err := parseLine(data)
		if err != nil {
			return size, fmt.Errorf("line %d: %w", n, err)
		}
		each(l)
		size += int64(len(data))
	}
}

func parseLine(data []byte) (l line, err error) {
	if err := json.Unmarshal(bytes.TrimSpace(data), &l); err != nil {
		return line{}, err
	}
	if l.N <= 0 {
		return line{}, errors.New("a line without a call")
	}
	for _, t := range l.Put {
		if t == nil || t.N <= 0 || t.Doc == nil {
			return line{}, errors.New("a thing that is none")
		}
	}
	return l, nil
}

// append writes one line, whole or not at all: what a full disk let through of it is taken back.
func (j *journal) append(l line) error {
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if _, err := j.file.WriteAt(data, j.size); err != nil {
		return errors.Join(err, j.file.Truncate(j.size))
	}
	if l.changes() {
		if err := j.file.Sync(); err != nil {
			return errors.Join(err, j.file.Truncate(j.size))
		}
	}
	j.size += int64(len(data))
	return nil
}

func (j *journal) close() error { return j.file.Close() }

// Record is one call as the ledger has it.
type Record struct {
	N       int64     `json:"-"`
	At      time.Time `json:"at"`
	ID      string    `json:"id"`
	Service string    `json:"service"`
	Op      string    `json:"op"`
	Account string    `json:"account,omitempty"`
	Region  string    `json:"region,omitempty"`
	Caller  string    `json:"caller,omitempty"` // the principal as which the caller came
	Home    string    `json:"home,omitempty"`   // the account from which the caller came there, where that is another
	Name    string    `json:"name,omitempty"`   // of what the call is about
	Status  int       `json:"status,omitempty"`
	Code    string    `json:"code,omitempty"` // of a refusal
	Message string    `json:"message,omitempty"`
	Lost    bool      `json:"lost,omitempty"` // the answer was; what was done is done
}
