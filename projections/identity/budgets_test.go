package identity

import (
	"errors"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// TestBudgets: a caller has a budget, his customer has one however many tokens it has, others have theirs, and time gives all back.
func TestBudgets(t *testing.T) {
	told := map[string]int{}
	b := NewBudgets(Budget{Requests: 10, Bytes: 1000, Tails: 2}, func(role ev.Role, what string) { told[string(role)+" "+what]++ })
	now := time.Unix(0, 0)
	b.now = func() time.Time { return now }
	of := func(token, owner string) ev.Caller {
		return ev.Caller{Actor: "token:" + token, Role: ev.RoleCustomerAdmin, Owner: owner}
	}
	asks := func(c ev.Caller, times, bytes int) (taken int) {
		for range times {
			err := b.Spend(c, bytes)
			var r *ev.Refusal
			if err == nil {
				taken++
			} else if !errors.As(err, &r) || r.Code != ev.TooMany || !r.Retryable {
				t.Error(err)
			}
		}
		return taken
	}
	acme, birch := of("a", "acme"), of("b", "birch")
	if n := asks(acme, 1000, 0); n != 100 {
		t.Errorf("%d requests are taken of a caller at once, want 100", n)
	}
	if n := asks(birch, 100, 0); n != 100 {
		t.Errorf("one caller floods, and %d of 100 requests of another are taken", n)
	}
	more := 0
	for _, token := range []string{"c", "d", "e", "f", "g", "h"} {
		more += asks(of(token, "acme"), 1000, 0)
	}
	if more != 300 {
		t.Errorf("with more tokens a customer has %d requests more, want 300", more)
	}
	if n := asks(ev.LocalAdmin(), 5000, 1<<20); n != 5000 {
		t.Errorf("the local admin has a budget of %d", n)
	}
	if n := asks(ev.Caller{Actor: "token:s", Role: ev.RoleOperator, Owner: "-"}, 5000, 0); n != 2000 {
		t.Errorf("the staff have a budget of %d, want 2000", n)
	}
	now = now.Add(time.Second)
	if n := asks(acme, 100, 0); n != 10 {
		t.Errorf("a second gives %d requests back, want 10", n)
	}
	cedar := of("i", "cedar")
	if n := asks(cedar, 20, 5000); n != 2 { // what is begun is taken
		t.Errorf("%d requests of 5,000 bytes are taken of 10,000 bytes", n)
	}
	dogwood := of("j", "dogwood")
	b.Answered(dogwood, 12_000)
	if n := asks(dogwood, 1, 0); n != 0 {
		t.Error("an answer costs nothing")
	}
	now = now.Add(3 * time.Second)
	if n := asks(dogwood, 1, 0); n != 1 {
		t.Error("what an answer cost is not given back")
	}
	done, err := b.OpenTail(birch)
	if _, second := b.OpenTail(birch); err != nil || second != nil {
		t.Fatal(err, second)
	}
	if _, third := b.OpenTail(birch); third == nil {
		t.Error("a third tail is opened of two")
	}
	done()
	if _, again := b.OpenTail(birch); again != nil {
		t.Error(again)
	}
	if told["customer-admin requests"] == 0 || told["customer-admin bytes"] == 0 || told["customer-admin tails"] != 1 || told["operator requests"] != 3000 {
		t.Error(told)
	}
}

// BenchmarkSpend is what each command pays.
func BenchmarkSpend(b *testing.B) {
	all := NewBudgets(Budget{Requests: 1 << 30, Bytes: 1 << 40, Tails: 1}, func(ev.Role, string) {})
	c := ev.Caller{Actor: "token:01J8ZQ6M3N4P5R6S7T8V9W0X1Y", Role: ev.RoleCustomerAdmin, Owner: "acme"}
	for b.Loop() {
		if err := all.Spend(c, 100); err != nil {
			b.Fatal(err)
		}
	}
}
