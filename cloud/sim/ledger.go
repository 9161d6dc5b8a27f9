package sim

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/journal"
	"github.com/aeriehq/aerie/cloud/kube"
)

// Ledger is all that ever happened in a simulated cloud.
type Ledger struct {
	Calls     []Call     // in order; what only looked, or changed nothing inside a cluster, is left out
	Resources []Resource // in the order in which they were made
	objects   map[string]objects
}

// Resource is one network, cluster, pool, add-on or volume that was made.
type Resource struct {
	ID      string
	Kind    cloud.Kind
	Account string
	Region  string
	Cluster string // of a pool, an add-on or a volume
	Name    string
	Owner   string
	Made    int64 // the call that made it
	Deleted int64 // the call that saw it gone; 0: it is not
}

// Duplicate is a thing that was made a second time while the first was there.
type Duplicate struct {
	First, Second Resource
}

// ReadLedger reads the ledger of the cloud in a directory, whether somebody runs that cloud or not. It changes nothing.
func ReadLedger(dir string) (Ledger, error) { return NewLedgerReader(dir).Read() }

// NewLedgerReader makes what reads the ledger of the cloud in a directory again and again.
func NewLedgerReader(dir string) *LedgerReader {
	return &LedgerReader{path: filepath.Join(dir, journalFile), folded: newFolded(), calls: map[int64]int{}, made: map[string]int{}}
}

// Read reads what has been added since, and gives back the whole ledger. That is good until it is read again.
func (r *LedgerReader) Read() (Ledger, error) {
	file, err := os.Open(r.path)
	if err != nil {
		return Ledger{}, err
	}
	defer file.Close()
	size, err := journal.Read(io.NewSectionReader(file, r.at, math.MaxInt64-r.at), r.read)
	if err != nil {
		return Ledger{}, fmt.Errorf("read %s: %w", r.path, err)
	}
	r.at, r.ledger.objects = r.at+size, r.folded.objects
	return r.ledger, nil
}

// LedgerReader reads a ledger that grows. One goroutine uses it at a time.
type LedgerReader struct {
	path   string
	at     int64 // how much of the file was read
	ledger Ledger
	folded *folded
	calls  map[int64]int // where in the ledger
	made   map[string]int
}

func (r *LedgerReader) read(l line) {
	r.folded.fold(l)
	if l.Call != nil {
		l.Call.N = l.N
		r.calls[l.N] = len(r.ledger.Calls)
		r.ledger.Calls = append(r.ledger.Calls, *l.Call)
	}
	if i, ok := r.calls[l.N]; ok && l.Done != nil {
		r.ledger.Calls[i].Outcome = l.Done
	}
	if p := l.Put; p != nil {
		if _, known := r.made[p.ID]; !known {
			r.made[p.ID] = len(r.ledger.Resources)
			r.ledger.Resources = append(r.ledger.Resources, Resource{
				ID: p.ID, Kind: p.Kind, Account: p.Account, Region: p.Region, Cluster: p.parent(), Name: p.Name, Owner: p.Owner, Made: p.Made})
		}
	}
	if i, ok := r.made[l.Del]; ok {
		r.ledger.Resources[i].Deleted = l.N
	}
}

// Live is what is left: all that was made and that no call has seen gone. What is being deleted counts until a call
// looks at it, or at its account and region, after its end.
func (l Ledger) Live() []Resource {
	return slices.DeleteFunc(slices.Clone(l.Resources), func(r Resource) bool { return r.Deleted != 0 })
}

// Twice is everything that was made while the same was there: the same owner mark, kind and name, wherever.
func (l Ledger) Twice() []Duplicate {
	type purpose struct {
		owner         string
		kind          cloud.Kind
		cluster, name string
	}
	last := map[purpose]Resource{}
	var twins []Duplicate
	for _, r := range l.Resources {
		p := purpose{r.Owner, r.Kind, r.Cluster, r.Name}
		first, before := last[p]
		if before && (first.Deleted == 0 || first.Deleted > r.Made) {
			twins = append(twins, Duplicate{first, r})
		}
		if !before || first.Deleted != 0 && (r.Deleted == 0 || r.Deleted > first.Deleted) {
			last[p] = r
		}
	}
	return twins
}

// Objects are the Kubernetes objects of the clusters of that name or ID that are left, by kind, namespace and name.
func (l Ledger) Objects(cluster string) []kube.Object {
	var found []kube.Object
	for _, r := range l.Live() {
		if r.Kind == cloud.KindCluster && (r.Name == cluster || r.ID == cluster) {
			found = append(found, l.objects[r.ID].all()...)
		}
	}
	slices.SortFunc(found, func(a, b kube.Object) int {
		x, y := a.Key(), b.Key()
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
	})
	return found
}
