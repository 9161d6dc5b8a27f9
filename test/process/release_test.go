package process

import (
	"flag"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/aeriehq/aerie/internal/natstest"
)

// old is the program of the release before; its aerie-helm stands beside it.
var old = flag.String("old", "", "the path of the program of the release before")

// TestBesideTheReleaseBefore lets a replica of the release before make the log, and one of this work beside it: each is
// killed in turn while tenants come to life, and both read the same in the end. A log that this release made is another
// matter: docs/upgrade.md says what an older replica wants then.
func TestBesideTheReleaseBefore(t *testing.T) {
	if *old == "" {
		t.Skip("needs the program of the release before: -old PATH")
	}
	x := natstest.StartExternal(t, 1, nil)
	cloud := filepath.Join(t.TempDir(), "cloud")
	before, now := newReplica(t, x.URL(), cloud, "120"), newReplica(t, x.URL(), cloud, "120")
	before.program, before.env = *old, []string{"AERIE_HELM=" + filepath.Join(filepath.Dir(*old), "aerie-helm")}
	before.start()
	now.start()
	applied := now.background("apply", "-f", sharedOffer, "--wait", "--timeout", "3m")
	for i, dead := range []*process{before, now, before, now} {
		alive := map[*process]*process{before: now, now: before}[dead]
		dead.kill()
		if s := alive.cli("customer", "create", fmt.Sprintf("kill%d", i), "--timeout", "30s"); s.code != 0 {
			t.Fatalf("with one replica: %+v\n%s", s, alive.log)
		}
		dead.start()
	}
	if s := applied(); s.code != 0 {
		t.Fatalf("apply: %+v\n%s\n%s", s, before.log, now.log)
	}
	equalViews(t, before, now)
	checkLedger(t, cloud)
	if s := now.cli("log", "verify"); s.code != 0 {
		t.Errorf("log verify: %+v", s)
	}
}
