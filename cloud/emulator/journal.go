package emulator

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"time"

	"github.com/aeriehq/aerie/cloud/journal"
	"github.com/aeriehq/aerie/cloud/kube"
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
	Put     []*Resource   `json:"put,omitempty"`
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

// AppendJSON implements journal.Line.
func (l line) AppendJSON(b []byte) ([]byte, error) {
	data, err := json.Marshal(l)
	return append(b, data...), err
}

// Check finds a line that no emulated cloud wrote.
func (l line) Check() error {
	if l.N <= 0 {
		return errors.New("a line without a call")
	}
	for _, t := range l.Put {
		if t == nil || t.N <= 0 || t.Doc == nil {
			return errors.New("a thing that is none")
		}
	}
	return nil
}

func openJournal(dir string) (*journal.Journal[line], *state, error) {
	s := newState()
	j, err := journal.Open(filepath.Join(dir, journalFile), s.fold)
	return j, s, err
}

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
