package aws_test

import (
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/aeriehq/aerie/cloud/cloudtest"
)

// stride is how many of the calls at which a process may be killed are passed over: 1 tries each.
var stride = flag.Int("stride", 50, "kill at every so-manieth call")

// TestKilledAtEachCall begins anywhere, so that in time each call is tried; make soak tries all.
func TestKilledAtEachCall(t *testing.T) {
	first := 1 + rand.IntN(*stride)
	t.Logf("first %d, stride %d", first, *stride)
	cloudtest.Killed(t, first, *stride, func(t *testing.T) cloudtest.Rig { return start(t).conformance() })
}
