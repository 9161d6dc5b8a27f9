package aws_test

import (
	"cmp"
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/aeriehq/aerie/cloud/cloudtest"
	"github.com/aeriehq/aerie/internal/testbudget"
)

var (
	// stride is how many of the calls at which a process may be killed are passed over: 1 tries each.
	stride = flag.Int("stride", 0, "kill at every so-manieth call; 0: as internal/testbudget says")
	// first is the first of them.
	first = flag.Int("first", 0, "kill first at this call, as the test prints it; 0 is any")
)

// TestKilledAtEachCall begins anywhere, so that in time each call is tried; make soak tries all.
func TestKilledAtEachCall(t *testing.T) {
	every := testbudget.Of(t, testbudget.AWSCalls, *stride)
	from := cmp.Or(*first, 1+rand.IntN(every))
	t.Logf("-first %d -stride %d", from, every)
	cloudtest.Killed(t, from, every, func(t *testing.T) cloudtest.Rig { return start(t).conformance() })
}
