package fsm_test

import (
	"bytes"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
	"github.com/aeriehq/aerie/projections/state"
)

// FuzzUnpack reads anything: it is an entity, which is packed and read again as the
// same, or an error.
func FuzzUnpack(f *testing.F) {
	w := state.New()
	for _, one := range fsmtest.TenantHome() {
		if err := w.Apply(fsmtest.Recorded(w, one.Ref, one.Events)); err != nil {
			f.Fatal(err)
		}
	}
	for i, k := range ev.Kinds {
		w.Each(k, func(e fsm.Entity[fsm.Data]) { f.Add(uint8(i), fsm.Machines[k].Pack(nil, e)) })
	}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		m := fsm.Machines[ev.Kinds[int(kind)%len(ev.Kinds)]]
		e, err := m.Unpack(ev.Ref{}, fsm.Packed(data))
		if err != nil {
			return
		}
		again := m.Pack(nil, e)
		back, err := m.Unpack(ev.Ref{}, fsm.Packed(again))
		if err != nil || !bytes.Equal(m.Pack(nil, back), again) {
			t.Errorf("read %+v, and again %+v, %v", e, back, err)
		}
	})
}
