package eventlog_test

import (
	"strings"
	"testing"

	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestACopyThatIsStoredLate waits for what its server has agreed to and not stored yet.
func TestACopyThatIsStoredLate(t *testing.T) {
	p := open(t)
	p.append(t, decision(change(prod, 0, began{"u1"})))
	looks, err := p.nc.SubscribeSync("$JS.API.DIRECT.GET." + eventlog.Stream)
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan eventlog.Copy, 1)
	go func() {
		c, err := eventlog.ReadCopy(natstest.Deadline(t), p.nc, 2)
		if err != nil {
			t.Error(err)
		}
		read <- c
	}()
	for range 2 { // the second look finds nothing more
		if _, err := looks.NextMsgWithContext(natstest.Deadline(t)); err != nil {
			t.Fatal(err)
		}
	}
	p.append(t, decision(change(free, 0, began{"u2"})))
	if c := <-read; c.Events != 2 || c.Last != 2 {
		t.Errorf("%+v", c)
	}
}

// TestCompareCopies names the server that differs from what most have.
func TestCompareCopies(t *testing.T) {
	whole := func(name string) eventlog.Copy { return eventlog.Copy{Server: name, Events: 9, Last: 9, Sum: "a"} }
	for want, odd := range map[string]eventlog.Copy{
		"":                      whole("n3"),
		"ends at 7 of 9":        {Server: "n3", Events: 7, Last: 7, Sum: "b"},
		"8 events of 9":         {Server: "n3", Events: 8, Last: 9, Sum: "c"},
		"another content":       {Server: "n3", Events: 9, Last: 9, Sum: "d"},
		"not as it was written": {Server: "n3", Events: 9, Last: 9, Sum: "e", Wrong: "event 4 is not as it was written"},
		"it does not answer":    {Server: "n3", Wrong: "it does not answer"},
	} {
		copies := []eventlog.Copy{whole("n1"), odd, whole("n2")}
		if err := eventlog.Compare(copies); err != nil {
			t.Errorf("%s: %v", want, err)
		}
		if copies[0].Wrong+copies[2].Wrong != "" || !strings.Contains(copies[1].Wrong, want) || want == "" && copies[1].Wrong != "" {
			t.Errorf("%s: %+v", want, copies)
		}
	}
	if err := eventlog.Compare([]eventlog.Copy{whole("n1"), {Server: "n2", Sum: "b"}, {Server: "n3", Sum: "c"}}); err == nil {
		t.Error("nobody can say which is right")
	}
}
