package views

import "testing"

// FuzzFacts reads anything: facts that are written again as they were, or an error.
func FuzzFacts(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 5, 6, 'A', 'c', 't', 'i', 'v', 'e', 0, 0, 3, 'a', '=', 'b'})
	f.Fuzz(func(t *testing.T, data []byte) {
		if read, err := readFacts(data); err == nil && (len(read.phase) > len(data) || len(read.labels) > len(data)) {
			t.Errorf("%q is read as %+v", data, read)
		}
	})
}
