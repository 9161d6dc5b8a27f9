package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/journal"
	"github.com/aeriehq/aerie/cloud/kube"
)

// journalFile is the one file of a simulated cloud: the ledger of its calls and the store of what they made. A call
// stands in the line of its first effect and its outcome in that of its last or in one after it, so a kill between any
// two lines leaves effects that have their call, and at most one call without an outcome. Where the outcome stands twice
// the later holds: the answer was lost. A torn last line is cut off when the file is opened.
//
// Nothing is synced to the disk: this survives a killed process, not a power cut. And nothing is ever taken out, so the
// file grows with each call, polls too (some 250 bytes); it is folded whole at each start. A ledger that forgot could
// not say what was made twice.
const journalFile = "ledger.jsonl"

// line is one line of the journal. A call that has no effect, or one object as its effect, is one line.
type line struct {
	N       int64       `json:"n"`
	Call    *Call       `json:"call,omitempty"`
	Put     *resource   `json:"put,omitempty"`
	Del     string      `json:"del,omitempty"`     // a resource's ID; a cluster's objects go with it
	Cluster string      `json:"cluster,omitempty"` // the ID of the cluster of Object or Key
	Object  kube.Object `json:"object,omitempty"`
	Key     *kube.Key   `json:"key,omitempty"` // of an object that was deleted
	Done    *Outcome    `json:"done,omitempty"`
}

// folded is what the lines come to.
type folded struct {
	state   *state
	objects map[string]objects // by cluster ID
}

type objects map[kube.Key]kube.Object

func (o objects) all() []kube.Object {
	var all []kube.Object
	for _, one := range o {
		all = append(all, one)
	}
	return all
}

func newFolded() *folded { return &folded{state: newState(), objects: map[string]objects{}} }

// fold is the only way in which the state comes to be, at start from the file and in each call.
func (f *folded) fold(l line) {
	f.state.fold(l)
	switch {
	case l.Del != "":
		delete(f.objects, l.Del)
	case l.Object != nil:
		if f.objects[l.Cluster] == nil {
			f.objects[l.Cluster] = objects{}
		}
		f.objects[l.Cluster][l.Object.Key().Identity()] = l.Object
	case l.Key != nil:
		delete(f.objects[l.Cluster], l.Key.Identity())
	}
}

func (s *state) fold(l line) {
	s.calls = max(s.calls, l.N)
	if l.Put != nil {
		s.put(l.Put)
	}
	if l.Del != "" {
		s.del(l.Del)
	}
}

// AppendJSON implements journal.Line.
func (l line) AppendJSON(b []byte) ([]byte, error) {
	o := l.Object
	l.Object = nil
	data, err := json.Marshal(l)
	if b = append(b, data...); err != nil || o == nil {
		return b, err
	}
	if b, err = o.AppendJSON(append(b[:len(b)-1], `,"object":`...)); err != nil {
		return nil, err
	}
	return append(b, '}'), nil
}

// Check finds a line that no cloud wrote.
func (l line) Check() error {
	if l.N <= 0 {
		return errors.New("a line without a call")
	}
	if r := l.Put; r != nil {
		fits := map[cloud.Kind]bool{
			cloud.KindNetwork: r.Network != nil, cloud.KindCluster: r.Cluster != nil, cloud.KindPool: r.Pool != nil && len(r.Pool.Zones) > 0,
			cloud.KindAddon: r.Addon != nil, kindVolume: r.Volume != nil,
		}
		if !fits[r.Kind] || r.ID == "" {
			return fmt.Errorf("resource %q is none", r.ID)
		}
	}
	return nil
}

func openJournal(dir string) (*journal.Journal[line], *folded, error) {
	f := newFolded()
	j, err := journal.Open(filepath.Join(dir, journalFile), f.fold)
	return j, f, err
}

// Call is one call to the cloud.
type Call struct {
	N       int64     `json:"-"`
	At      time.Time `json:"at"`
	Caller  string    `json:"caller"` // the role, else the account, as which the caller came
	Account string    `json:"account"`
	Region  string    `json:"region,omitempty"`
	Op      string    `json:"op"`
	Cluster string    `json:"cluster,omitempty"` // of a pool, an add-on or an object
	Name    string    `json:"name,omitempty"`
	Outcome *Outcome  `json:"-"` // nil: the process was killed before the call's end
}

// Outcome is how a call ended. A class means that its caller got an error, whatever the call had done before.
type Outcome struct {
	Class   string `json:"class,omitempty"` // of a cloud's error; the code of a Kubernetes API's
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	Phase   string `json:"phase,omitempty"` // what the caller saw
}
