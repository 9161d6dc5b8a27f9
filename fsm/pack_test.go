package fsm

import (
	"bytes"
	"testing"

	ev "github.com/aeriehq/aerie/events"
)

// FuzzUnpack reads anything: it is an entity, which is packed and read again as the
// same, or an error.
func FuzzUnpack(f *testing.F) {
	w := NewWorld()
	for _, one := range tenantHome() {
		if err := w.Apply(recorded(w, one.ref, one.events)); err != nil {
			f.Fatal(err)
		}
	}
	for i, k := range ev.Kinds {
		w.Each(k, func(e Entity[Data]) { f.Add(uint8(i), Machines[k].pack(nil, e)) })
	}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		m := Machines[ev.Kinds[int(kind)%len(ev.Kinds)]]
		e, err := m.unpack(ev.Ref{}, packed(data))
		if err != nil {
			return
		}
		again := m.pack(nil, e)
		back, err := m.unpack(ev.Ref{}, packed(again))
		if err != nil || !bytes.Equal(m.pack(nil, back), again) {
			t.Errorf("read %+v, and again %+v, %v", e, back, err)
		}
	})
}
