package sim

import (
	"bytes"
	"testing"

	"github.com/aeriehq/aerie/cloud/journal"
)

// FuzzJournal: whatever stands in a journal, it folds or is refused, and what folds can be asked.
func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"n":1,"call":{"op":"EnsureNetwork"}}` + "\n" + `{"n":1,"put":{"id":"x","kind":"network","network":{}}}` + "\n"))
	f.Add([]byte(`{"n":1,"cluster":"c","object":{"metadata":[1]}}` + "\n" + `{"n":2,"cluster":"c","key":{"kind":"A"}}` + "\n"))
	f.Add([]byte(`{"n":1,"put":{"id":"x","kind":"pool","cluster":{}}}` + "\n"))
	f.Add([]byte(`{"n":1,"del":"x","object":null}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := LedgerReader{folded: newFolded(), calls: map[int64]int{}, made: map[string]int{}}
		if _, err := journal.Read(bytes.NewReader(data), r.read); err != nil {
			return
		}
		for _, res := range r.folded.state.byID {
			res.observe(res.Since)
			res.observe(res.Until)
		}
		r.ledger.objects = r.folded.objects
		r.ledger.Twice()
		r.ledger.Objects("c")
	})
}

func FuzzFaults(f *testing.F) {
	f.Add([]byte(`[{"op":"Check","retry_after":"1s"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		given, err := parseFaults(data)
		for _, one := range given {
			if err == nil && one.validate() != nil {
				t.Fatal("parsed what is not valid")
			}
		}
	})
}
