package region_test

import (
	"testing"

	"github.com/aeriehq/aerie/cloud/aws/offers"
	sim "github.com/aeriehq/aerie/cloud/sim/offers"
	"github.com/aeriehq/aerie/fsm/region"
)

func TestDistance(t *testing.T) {
	for _, row := range []struct {
		a, b     string
		from, to int64
	}{
		{"eu-central-1", "eu-central", 0, 0},
		{"eu-central-1", "eu-west-1", 1_050, 1_150},     // Frankfurt, Dublin
		{"us-east-1", "eu-central-1", 6_400, 6_700},     // Virginia, Frankfurt
		{"ap-southeast-2", "sa-east-1", 13_000, 13_900}, // Sydney, São Paulo: over the date line
		{"ap-southeast-6", "us-west-1", 10_300, 10_700}, // Auckland, California
	} {
		km, known := region.Distance(row.a, row.b)
		back, _ := region.Distance(row.b, row.a)
		if !known || km < row.from || km > row.to || back != km {
			t.Errorf("from %s to %s: %d km, back %d, want %d to %d", row.a, row.b, km, back, row.from, row.to)
		}
	}
	if _, known := region.Distance("eu-central", "moon-1"); known {
		t.Error("it is known where moon-1 is")
	}
}

// Each region that a cloud of ours has is in the table, so that none is far away for want of a row.
func TestEveryRegionHasAPlace(t *testing.T) {
	names := offers.Regions()
	for _, r := range sim.Regions() {
		names = append(names, r.Name)
	}
	for _, name := range names {
		if _, known := region.Distance(name, name); !known {
			t.Errorf("where is %s?", name)
		}
	}
}
