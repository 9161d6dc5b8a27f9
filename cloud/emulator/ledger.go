package emulator

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/aeriehq/aerie/cloud/journal"
)

// The tags by which things are told whose they are and what for.
const (
	OwnerTag = "aerie.io/owner"
	nameTag  = "aerie.io/name"
)

// Ledger is all that ever happened in an emulated cloud.
type Ledger struct {
	Calls  []Record // in order
	Things []Entry  // in the order in which they were made
	ahead  time.Duration
}

// Entry is one thing that was made, as it was last.
type Entry struct {
	Resource
	By   Record // the call that made it
	Gone int64  // the number of the call that saw it gone; 0: it is not
}

// Owner is whose it is, by its tag.
func (e Entry) Owner() string { return e.Tags[OwnerTag] }

// Purpose is what its owner calls it: its name tags where it has any, else its own name; empty where the cloud made that up.
func (e Entry) Purpose() string {
	tagged := cmp.Or(e.Tags["Name"], e.Tags[nameTag])
	if tagged == "" && !e.IsID {
		return e.Parent + "/" + e.Name
	}
	return tagged
}

// ReadLedger reads the ledger of the cloud in a directory, whether somebody runs that cloud or not. It changes nothing.
func ReadLedger(dir string) (Ledger, error) {
	path := filepath.Join(dir, journalFile)
	file, err := os.Open(path)
	if err != nil {
		return Ledger{}, err
	}
	defer file.Close()
	r := ledgerReader{at: map[int64]int{}}
	if _, err := journal.Read(file, r.read); err != nil {
		return Ledger{}, fmt.Errorf("read %s: %w", path, err)
	}
	return r.Ledger, nil
}

type ledgerReader struct {
	Ledger
	at map[int64]int // the place in Things by N
}

func (r *ledgerReader) read(l line) {
	r.ahead += l.Ahead
	var by Record
	if l.Call != nil {
		by = *l.Call
		by.N = l.N
		r.Calls = append(r.Calls, by)
	}
	for _, t := range l.Put {
		if t.Account == "" { // the cloud's own, such as sessions
			continue
		}
		i, known := r.at[t.N]
		if !known {
			i = len(r.Things)
			r.at[t.N] = i
			r.Things = append(r.Things, Entry{By: by})
		}
		r.Things[i].Resource = *t
	}
	for _, n := range l.Del {
		if i, known := r.at[n]; known {
			r.Things[i].Gone = l.N
		}
	}
}

// Live is what is left at a time by the wall: all that was made and is not gone, but for what is only still shown as
// deleted, and for what is kept about the past.
func (l Ledger) Live(now time.Time) (left []Entry) {
	ended := map[int64]bool{}
	for _, e := range l.Things {
		if e.Gone != 0 || e.Resource.Gone || e.ends(now.Add(l.ahead)) || ended[e.With] {
			ended[e.N] = true
		} else if e.Kind != "update" {
			left = append(left, e)
		}
	}
	return left
}

// ends says whether a thing is gone, or a past one, by the time that is given.
func (e Entry) ends(now time.Time) bool {
	state := e.Doc["state"]
	for d := e.Due; d != nil && !now.Before(d.At); d = d.Then {
		if d.Gone {
			return true
		}
		if s, given := d.Set["state"]; given {
			state = s
		}
	}
	return state == "deleted"
}

// Duplicate is a thing that was made a second time while the first was there.
type Duplicate struct{ First, Second Entry }

// Twice is everything with an owner that was made while the same of the same owner was there, wherever: of the same kind,
// purpose, and zone if it is in one.
func (l Ledger) Twice() (twins []Duplicate) {
	type purpose struct{ owner, kind, purpose, zone string }
	last := map[purpose]Entry{}
	for _, e := range l.Things {
		zone, _ := e.Doc["availabilityZone"].(string)
		p := purpose{e.Owner(), e.Kind, e.Purpose(), zone}
		if p.owner == "" {
			continue
		}
		first, before := last[p]
		if before && (first.Gone == 0 || first.Gone > e.By.N) {
			twins = append(twins, Duplicate{first, e})
		}
		if !before || first.Gone != 0 && (e.Gone == 0 || e.Gone > first.Gone) {
			last[p] = e
		}
	}
	return twins
}

// Change is what one principal did in one account.
type Change struct {
	Caller  string
	Home    string // the account from which it came, where that is another
	Account string
	Calls   int
	Refused int
}

// Touched is which caller touched which account, in the order of their first calls.
func (l Ledger) Touched() (touches []Change) {
	for _, c := range l.Calls {
		if c.Caller == "" || c.Account == "" {
			continue
		}
		i := slices.IndexFunc(touches, func(t Change) bool { return t.Caller == c.Caller && t.Account == c.Account })
		if i < 0 {
			i = len(touches)
			touches = append(touches, Change{Caller: c.Caller, Home: c.Home, Account: c.Account})
		}
		touches[i].Calls++
		if c.Code != "" {
			touches[i].Refused++
		}
	}
	return touches
}
