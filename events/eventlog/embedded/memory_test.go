package embedded

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
)

// TestSubjectsAreNotRemembered: each answer goes to a subject of its own, so what the server remembered of subjects would be memory for
// nothing, in the account of each agent.
func TestSubjectsAreNotRemembered(t *testing.T) {
	s, err := Start(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	nc, err := s.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if _, err := nc.Subscribe("once.*", func(*nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := nc.Publish(fmt.Sprint("once.", i), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if z, err := s.srv.Subsz(nil); err != nil || z.NumInserts == 0 || z.NumCache > 0 {
		t.Errorf("%+v, %v", z, err)
	}
}
