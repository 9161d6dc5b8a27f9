package agents

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm/fsmtest"
	"github.com/aeriehq/aerie/projections/state"
)

// What stood by the log before is compared with this one, entity by entity; of others than the agent's customer nothing is said.
func TestHowStands(t *testing.T) {
	w := fsmtest.WorldOf(t, fsmtest.History(fsmtest.Platform(),
		fsmtest.DataplaneIs("-/old", fsmtest.AsIs, ev.DeletionRequested{}, ev.Deleted{})))
	eu, old := fsmtest.RefOf("dataplane -/eu"), fsmtest.RefOf("dataplane -/old")
	item, ok := stands(w, eu, queue.Partition{Owner: "-", Dataplane: "eu"})
	digest, err := ev.DigestOfMade(item.Made)
	if !ok || err != nil {
		t.Fatalf("%+v %v", item, err)
	}
	is := ev.Stood{Place: "eu", Ref: eu, UID: item.UID, Digest: digest}
	for name, row := range map[string]struct {
		change func(*ev.Stood)
		owner  string
		want   string
	}{
		"as it is":          {func(*ev.Stood) {}, "-", ""},
		"another content":   {func(s *ev.Stood) { s.Digest = "x" }, "-", ev.StandsOther},
		"at another place":  {func(s *ev.Stood) { s.Place = "us" }, "-", ev.StandsOther},
		"made since":        {func(s *ev.Stood) { s.UID = "since" }, "-", ev.StandsUnknown},
		"a name made since": {func(s *ev.Stood) { s.Ref.ID = "since" }, "-", ev.StandsUnknown},
		"has ended":         {func(s *ev.Stood) { s.Ref, s.UID = old, uidOf(w, old) }, "-", ev.StandsEnded},
		"another's":         {func(s *ev.Stood) { s.UID = "since" }, "acme", ""},
		"no name":           {func(s *ev.Stood) { s.Ref.ID = "" }, "-", ""},
	} {
		one := is
		row.change(&one)
		if got := howStands(w, row.owner, one); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

func uidOf(w *state.Entities, ref ev.Ref) string {
	e, _ := w.Get(ref)
	return e.UID
}
