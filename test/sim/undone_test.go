package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// An application whose upgrade was undone is Failed and says why, while its old release runs. What somebody deletes of that is
// brought back, and the reason stays.
func TestTheOldReleaseIsRepairedAfterAFailedUpgrade(t *testing.T) {
	t.Parallel()
	for _, row := range []sim.ManualChange{
		{Delete: "object", Match: "acme--prod/settings"},
		{Delete: "object", Match: "Namespace acme--prod"},
	} {
		t.Run(row.Match, func(t *testing.T) {
			r := newRig(t)
			inhabited(r, ev.DriftRepair)
			undone := func(e fsm.Entity[fsm.Data], why *fsm.Blocker) bool {
				return e.Phase() == fsm.Failed && why != nil && why.Code == ev.ConfigProblem
			}
			r.perform(`update application acme/prod_pg {"chart":{"name":"pg","version":"1.0.0"}}`) // no charts are installed here
			r.until(ev.Application, fromApp.Path(), time.Minute, undone)
			i := r.inspector()
			quiet := r.seq()
			if i.Inspect(t.Context()); r.seq() != quiet {
				t.Fatalf("where nothing has drifted there are events: %v", r.history(fromApp))
			}
			r.hand(t, row)
			before := len(r.history(fromApp))
			for range 2 { // the namespace, then what is in it
				i.Inspect(t.Context())
				r.until(ev.Tenant, fromProd.Path(), time.Minute, func(e fsm.Entity[fsm.Data], _ *fsm.Blocker) bool { return e.Phase() == fsm.Active })
				r.until(ev.Application, fromApp.Path(), time.Minute, undone)
			}
			did := r.history(fromApp)[before:]
			for _, want := range []string{"drifted ", "repair_started ", "rolled_back "} {
				if !slices.ContainsFunc(did, func(s string) bool { return strings.HasPrefix(s, want) }) {
					t.Errorf("%s is missing in %v", want, did)
				}
			}
			quiet = r.seq()
			if i.Inspect(t.Context()); r.seq() != quiet {
				t.Errorf("it is not as it was: %v", r.history(fromApp))
			}
		})
	}
}
