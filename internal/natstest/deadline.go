package natstest

import (
	"context"
	"testing"
	"time"
)

// Patience is how long a test waits for what must come. A busy machine stands still for seconds, and only a test that
// fails waits for all of it.
const Patience = time.Minute

// Deadline is a context of Patience that ends with the test.
func Deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	t.Cleanup(cancel)
	return ctx
}

// Receive is the next value of a channel; the test ends if none comes within Patience.
func Receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(Patience):
		t.Fatal("nothing came")
	}
	panic("unreachable")
}
