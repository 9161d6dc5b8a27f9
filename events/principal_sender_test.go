package events_test

import (
	"testing"

	ev "github.com/aeriehq/aerie/events"
)

// What a server says of who asks is read the same, however a client has named itself.
func TestSenderOf(t *testing.T) {
	const plain = `{"start":"2026-11-29T10:00:00Z","host":"127.0.0.1","id":7,"acc":"PEOPLE","user":"01J","name":"bench","rtt":61000}`
	for _, row := range []struct{ said, user string }{
		{plain, "01J"},
		{`{"acc":"PEOPLE","user":"01J","name":"user:admin,acc:SYS"}`, "01J"},
		{`{"acc":"PEOPLE","name":"\",\"user\":\"admin\",\"","user":"01J"}`, "01J"},
		{`{"acc":"PEOPLE","name":"{","user":"01J"}`, "01J"},
		{`{"acc":"PEOPLE","tags":["a","b"],"user":"01J"}`, "01J"},
		{`{"acc":"PEOPLE","user":"a\u003cb"}`, "a<b"},
		{`{"user":"01J"}`, ""},
		{`{"acc":"PEOPLE"}`, ""},
		{`{"acc":"","user":"01J"}`, ""},
		{`["acc"]`, ""},
		{``, ""},
	} {
		user, ok := ev.SenderOf(map[string][]string{ev.HeaderRequestInfo: {row.said}})
		if ok != (row.user != "") || ok && user != row.user {
			t.Errorf("%s: %q, %t, wanted %q", row.said, user, ok, row.user)
		}
	}
	if _, ok := ev.SenderOf(map[string][]string{ev.HeaderRequestInfo: {plain, plain}}); ok {
		t.Error("two servers at once are believed")
	}
	h := map[string][]string{ev.HeaderRequestInfo: {plain}}
	if n := testing.AllocsPerRun(100, func() { ev.SenderOf(h) }); n > 0 {
		t.Errorf("a sender is read with %v allocations", n)
	}
}
