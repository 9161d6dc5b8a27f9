package callout

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
)

// TestWhoHasNoRoom: of a caller's connections the newest are too many, and so of those of a customer's people; the staff may have more, and
// nobody loses one for another customer's.
func TestWhoHasNoRoom(t *testing.T) {
	t.Parallel()
	s := &Service{}
	s.callers.Actor = func(actor string) (events.Caller, bool) {
		who, owner, known := strings.Cut(strings.TrimPrefix(actor, "token:"), "@")
		role := events.RoleCustomerViewer
		if owner == events.Platform {
			role = events.RoleOperator
		}
		return events.Caller{Actor: "token:" + who + "@" + owner, Owner: owner, Role: role}, known
	}
	began := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	var all []connection
	comes := func(n int, who string) {
		for range n {
			all = append(all, connection{Cid: uint64(len(all)), User: who, Start: began.Add(time.Duration(len(all)) * time.Second), server: "A"})
		}
	}
	comes(49, "token:a@acme")
	comes(600, "token:ops@-")
	comes(60, probeName("PROBE"))
	for i := range 4 {
		comes(45, fmt.Sprintf("token:%d@birch", i))
	}
	comes(3, "token:a@acme")   // one stays
	comes(30, "token:4@birch") // of 200 there are 180
	backwards := make([]connection, 0, len(all))
	for i := range all {
		backwards = append(backwards, all[len(all)-1-i])
	}
	over := map[string]int{}
	for _, c := range s.beyond(backwards) {
		over[c.User]++
		if c.Cid < uint64(len(all)-32) {
			t.Errorf("%s loses connection %d, and has newer ones", c.User, c.Cid)
		}
	}
	if len(over) != 2 || over["token:a@acme"] != 2 || over["token:4@birch"] != 10 {
		t.Error(over)
	}
}
