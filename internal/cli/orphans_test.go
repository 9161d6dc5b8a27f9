package cli

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/sim"
	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/server"
)

// The world that an older copy of the log knows, and what was made since.
const (
	early = `{kind: account, name: main, spec: {cloud: sim, number: "lab"}}
---
{kind: plan, name: basic, spec: {deployment: resource-shared, apps: [{type: db, size: small}]}}
---
{kind: dataplane, name: north, spec: {account: -/main, region: eu-central}}
---
{kind: tenantinfra, name: north_db, spec: {app: db, size: small, pools: [{name: main, machine: s4, min: 1, max: 3}]}}
---
{kind: customer, name: willow}
---
{kind: tenant, name: live, owner: willow, spec: {plan: basic}}
`
	south = `{kind: dataplane, name: south, spec: {account: -/main, region: us-east, network: {range: 10.64.0.0/16}}}
`
	madeSince = `{kind: tenant, name: prod, owner: willow, spec: {plan: basic}}
---
{kind: tenant, name: kept, owner: willow, spec: {plan: basic}}
---
{kind: application, name: live_web, owner: willow, spec: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {a: b}}]}}
---
{kind: tenantinfra, name: north_mq, spec: {app: mq, size: small, pools: [{name: main, machine: s4, min: 1, max: 3}]}}
---
` + south
)

// orphaned is a control plane on an older copy of its log, beside the cloud as it is.
type orphaned struct {
	*testing.T
	*server.Control
	dir   string
	cloud string // where the simulated cloud is; empty: in dir
	nats  string // the address; empty: any
}

// startOrphaned lives a while, keeps a copy of all but the cloud, lives on, and starts again on the copy.
func startOrphaned(t *testing.T) *orphaned {
	t.Helper()
	o := &orphaned{T: t, dir: filepath.Join(t.TempDir(), "data")}
	older := filepath.Join(t.TempDir(), "older")
	o.start()
	o.cli(0, early, "apply", "-f", "-", "--wait")
	o.stop()
	o.copy(o.dir, older)
	o.start()
	o.cli(0, madeSince, "apply", "-f", "-", "--wait")
	o.stop()
	o.copy(older, o.dir)
	o.start()
	t.Cleanup(o.stop)
	return o
}

func (o *orphaned) start() {
	o.Helper()
	c, err := server.Start(server.Settings{DataDir: o.dir, CloudDir: o.cloud, HTTP: "127.0.0.1:0", NATS: cmp.Or(o.nats, "127.0.0.1:0"), SimSpeed: 1200})
	if err != nil {
		o.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); c.Sweeper() == nil && time.Now().Before(end); time.Sleep(time.Millisecond) { // it works in its cloud
	}
	o.Control = c
}

// cli calls the CLI; it fails the test on another exit code.
func (o *orphaned) cli(want int, stdin string, args ...string) string {
	o.Helper()
	c := o.Control
	return cli(c, o.T, want, stdin, args...)
}

func (o *orphaned) stop() {
	o.Helper()
	if err := o.Control.Close(); err != nil {
		o.Error(err)
	}
}

// copy has a directory hold what another does, but for the cloud.
func (o *orphaned) copy(from, to string) {
	o.Helper()
	if err := os.MkdirAll(to, 0o700); err != nil {
		o.Fatal(err)
	}
	for _, dir := range []string{to, from} {
		all, err := os.ReadDir(dir)
		if err != nil {
			o.Fatal(err)
		}
		for _, e := range all {
			if e.Name() == "cloud" {
				continue
			}
			if dir == to {
				err = os.RemoveAll(filepath.Join(to, e.Name()))
			} else if e.IsDir() {
				err = os.CopyFS(filepath.Join(to, e.Name()), os.DirFS(filepath.Join(from, e.Name())))
			} else {
				var data []byte
				if data, err = os.ReadFile(filepath.Join(from, e.Name())); err == nil {
					err = os.WriteFile(filepath.Join(to, e.Name()), data, 0o600)
				}
			}
			if err != nil {
				o.Fatal(err)
			}
		}
	}
}

// orphans are by what their marks begin with.
func (o *orphaned) orphans(args ...string) map[string]events.Orphan {
	o.Helper()
	var found events.Orphans
	if err := json.Unmarshal([]byte(o.cli(0, "", append([]string{"orphans", "-o", "json"}, args...)...)), &found); err != nil {
		o.Fatal(err)
	}
	if len(found.Unread) > 0 {
		o.Fatalf("not looked into: %+v", found.Unread)
	}
	by := map[string]events.Orphan{}
	for _, f := range found.Items {
		by[strings.TrimSuffix(f.Mark, "/"+f.UID)] = f
	}
	return by
}

// sweep sweeps as if what is there had been so for long.
func (o *orphaned) sweep() {
	o.Helper()
	for range 2 {
		o.Control.Sweeper().Sweep(o.Context(), time.Now().Add(-time.Hour))
		o.Control.Sweeper().Sweep(o.Context(), time.Now())
	}
}

// until waits for a part of an entity's JSON.
func (o *orphaned) until(kind, name, part string) {
	o.Helper()
	out := ""
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if out = o.cli(0, "", "get", kind, name, "-o", "json"); strings.Contains(out, part) {
			return
		}
	}
	o.Fatalf("%s %s has no %s: %s", kind, name, part, out)
}

// TestOrphans starts an older copy of a log beside a newer cloud. What was made since is listed and left alone; what is
// removed makes room for its name, and what is adopted is found as it was made.
func TestOrphans(t *testing.T) {
	o := startOrphaned(t)
	found := o.orphans()
	for mark, want := range map[string]string{
		"willow/tenant/prod": "namespace willow--prod", "willow/tenant/kept": "namespace willow--kept", "willow/application/live_web": "application willow--live/web", "-/tenantinfra/north_mq": "pool ",
	} {
		f := found[mark]
		if len(f.Resources) != 1 || !strings.HasPrefix(f.Resources[0], want) || f.Account != "lab" || f.Region != "eu-central" || (f.Cluster == "") != strings.Contains(mark, "infra") || time.Since(f.Born) > time.Hour {
			t.Errorf("%s: %+v", mark, f)
		}
	}
	if len(found) != 4 {
		t.Errorf("found %+v", found)
	}
	away := o.orphans("--account", "-/main", "--region", "us-east")
	if s := away["-/dataplane/south"]; len(away) != 1 || len(s.Resources) != 3 {
		t.Errorf("in a region that the log does not know: %+v", away)
	}
	if out := o.cli(0, "", "orphans"); !strings.Contains(out, found["willow/tenant/prod"].Mark) {
		t.Errorf("orphans shows\n%s", out)
	}

	o.cli(0, `{kind: tenant, name: prod, owner: willow, spec: {plan: basic}}`, "apply", "-f", "-")
	o.until("tenant", "willow/prod", "belongs to another")
	o.sweep()
	if again := o.orphans(); len(again) != 4 {
		t.Errorf("nobody has decided, and left are %+v", again)
	}
	for _, mark := range []string{"willow/tenant/prod", "willow/application/live_web"} {
		if out := o.cli(0, "", "orphans", "remove", found[mark].Mark); !strings.Contains(out, "disowned") {
			t.Errorf("remove says %s", out)
		}
	}
	o.cli(0, "", "orphans", "remove", away["-/dataplane/south"].Mark, "--account", "-/main", "--region", "us-east", "--dry-run")
	o.sweep()
	o.until("tenant", "willow/prod", `"phase": "Active"`)
	if out := o.cli(0, "", "history", "tenant", "willow/prod"); !strings.Contains(out, "disowned") || !strings.Contains(out, found["willow/tenant/prod"].UID) || !strings.Contains(out, "swept") || !strings.Contains(out, "admin") {
		t.Errorf("its history is\n%s", out)
	}

	before := o.live("us-east") + o.live("eu-central")
	spec := `{app: mq, size: small, pools: [{name: main, machine: s4, min: 1, max: 3}]}`
	o.cli(0, "", "orphans", "adopt", found["-/tenantinfra/north_mq"].Mark, "--spec", spec, "--wait")
	o.cli(0, "", "orphans", "adopt", found["willow/tenant/kept"].Mark, "--spec", "{plan: basic}", "--dataplane", found["willow/tenant/kept"].Dataplane, "--wait")
	o.cli(0, "", "orphans", "adopt", away["-/dataplane/south"].Mark, "--spec", `{account: -/main, region: us-east, network: {range: 10.64.0.0/16}}`, "--wait")
	if after := o.live("us-east") + o.live("eu-central"); after != before {
		t.Errorf("of %d things adopted there are %d", before, after)
	}
	if left := o.orphans(); len(left) > 0 {
		t.Errorf("left: %+v", left)
	}
	o.cli(0, "", "log", "verify")
}

// TestAnOrphanDataplaneIsRemoved removes a dataplane of which the log knows neither name nor region.
func TestAnOrphanDataplaneIsRemoved(t *testing.T) {
	o := startOrphaned(t)
	at := []string{"--account", "-/main", "--region", "us-east"}
	mark := o.orphans(at...)["-/dataplane/south"].Mark
	o.cli(0, "", append([]string{"orphans", "remove", mark}, at...)...)
	for end := time.Now().Add(30 * time.Second); o.live("us-east") > 0 && time.Now().Before(end); {
		o.sweep()
	}
	if n := o.live("us-east"); n > 0 {
		t.Errorf("%d things are left", n)
	}
	if left := o.orphans(at...); len(left) > 0 {
		t.Errorf("left: %+v", left)
	}
	o.cli(0, south, "apply", "-f", "-", "--wait") // its name is free
}

// live is how much there is in a region.
func (o *orphaned) live(region string) (n int) {
	o.Helper()
	l, err := sim.ReadLedger(filepath.Join(o.dir, "cloud"))
	if err != nil {
		o.Fatal(err)
	}
	for _, r := range l.Live() {
		if r.Region == region {
			n++
		}
	}
	return n
}
