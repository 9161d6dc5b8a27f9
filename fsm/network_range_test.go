package fsm

import (
	"testing"
)

func TestTheNetworkRangeIsKept(t *testing.T) {
	given := DataplaneData{}
	if a, b := given.networkRange("u1"), given.networkRange("u1"); a != b || a == "" {
		t.Errorf("%q and %q", a, b)
	}
	given.Spec.Network.Range = "10.1.0.0/16"
	if got := given.networkRange("u1"); got != "10.1.0.0/16" {
		t.Errorf("got %q", got)
	}
}
