package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/internal/server"
	"github.com/aeriehq/aerie/projections/state"
)

// restoredWorld is a dataplane of the control plane's own and one of an agent, each with an application.
const restoredWorld = early + `---
{kind: plan, name: inside, spec: {hosting: customer, deployment: dedicated, apps: [{type: web, size: small}]}}
---
{kind: customer, name: acme, spec: {hosting: customer}}
---
{kind: account, name: theirs, owner: acme, spec: {cloud: sim, number: lab, hosting: customer, access: agent}}
---
{kind: dataplane, name: edge, owner: acme, spec: {account: acme/theirs, region: eu-central, type: dedicated, mode: pull, systemPool: {machine: s2}}}
---
{kind: tenantinfra, name: edge_web, owner: acme, spec: {app: web, size: small, pools: [{name: main, machine: s4, min: 1, max: 3}]}}
---
{kind: tenant, name: prod, owner: acme, spec: {plan: inside}}
---
`

// pages are applications with some content.
func pages(content string, names ...string) (all string) {
	for _, name := range names {
		owner, local, _ := strings.Cut(name, "/")
		all += fmt.Sprintf("{kind: application, name: %s, owner: %s, spec: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}, data: {a: %s}}]}}\n---\n",
			local, owner, strings.ReplaceAll(local, "_", "-"), content)
	}
	return all
}

// TestARestoredLog goes on from a backup beside clusters that newer revisions have reached: what it does there is not refused as
// old, and an agent, which has met that other log, removes and changes nothing until somebody has accepted it.
func TestARestoredLog(t *testing.T) {
	o := &orphaned{T: t, dir: filepath.Join(t.TempDir(), "data"), cloud: t.TempDir(), nats: natstest.Address(t)}
	backup := filepath.Join(t.TempDir(), "backup")
	o.start()
	o.cli(0, restoredWorld[:strings.Index(restoredWorld, "{kind: tenantinfra, name: edge_web")], "apply", "-f", "-")
	runAgent(t, o.cli(0, "", "agent", "invite", "acme/edge", "--dataplane", "edge", "-o", "json"))
	o.cli(0, restoredWorld+pages("first", "willow/live_page", "acme/prod_page", "acme/prod_old"), "apply", "-f", "-", "--wait")
	o.stop()
	if err := os.CopyFS(backup, os.DirFS(o.dir)); err != nil {
		t.Fatal(err)
	}

	o.start()
	more := ""
	for i := range 100 {
		more += fmt.Sprintf("{kind: customer, name: c%d}\n---\n", i)
	}
	o.cli(0, more, "apply", "-f", "-")
	o.cli(0, pages("second", "willow/live_page", "acme/prod_page", "acme/prod_old"), "apply", "-f", "-", "--wait")
	o.stop()

	if err := os.Rename(o.dir, o.dir+".broken"); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := runCLI(t.Context(), "", "restore", "--from", backup, "--data-dir", o.dir); code != 0 || !strings.Contains(out, "epoch") {
		t.Fatalf("%d %s%s", code, out, errs)
	}
	o.start()
	defer o.stop()
	o.waits("agent", "acme", "edge", func(e fsm.Entity[fsm.Data]) bool { return e.Data.(fsm.AgentData).Differs.Now.Epoch > 0 })
	o.cli(0, pages("third", "willow/live_page", "acme/prod_new"), "apply", "-f", "-", "--wait")
	o.cli(0, "", "application", "delete", "acme/prod_old")
	o.cli(0, pages("third", "acme/prod_page"), "apply", "-f", "-")
	for _, name := range []string{"prod_old", "prod_page"} {
		o.waits("application", "acme", name, func(e fsm.Entity[fsm.Data]) bool {
			return e.Attempt != nil && e.Attempt.Code == events.Approval && strings.Contains(e.Attempt.Message, "aerie agent accept acme/edge")
		})
	}
	o.cli(0, "", "agent", "accept", "acme/edge")
	o.cli(0, "", "wait", "application", "acme/prod_old", "--for", "delete")
	o.cli(0, pages("third", "acme/prod_page"), "apply", "-f", "-", "--wait")
	o.cli(0, "", "log", "verify")
}

// runAgent runs an agent in the test by what invite has answered.
func runAgent(t *testing.T, answer string) {
	t.Helper()
	var made invitation
	if err := json.Unmarshal([]byte(answer), &made); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	ended, dir := make(chan error, 1), t.TempDir()
	go func() {
		ended <- server.RunAgent(ctx, server.AgentSettings{Join: made.Token, DataDir: dir, Version: "1"})
	}()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// waits returns when an entity is as it should be.
func (o *orphaned) waits(kind events.Kind, owner, id string, is func(fsm.Entity[fsm.Data]) bool) {
	o.Helper()
	ctx := natstest.Deadline(o.T)
	for {
		var seq uint64
		var e fsm.Entity[fsm.Data]
		o.Live.View(func(w *state.Entities) {
			seq = w.Seq
			e, _ = w.Get(events.Ref{Kind: kind, Owner: owner, ID: id})
		})
		if e.Data != nil && is(e) {
			return
		}
		if err := o.Live.Wait(ctx, seq+1); err != nil {
			o.Fatalf("%s: %v; attempt %+v", e.Ref, err, e.Attempt)
		}
	}
}

// TestRestoreIsCutShort kills it between two of its steps: until the end there is no data directory, and then a whole one.
func TestRestoreIsCutShort(t *testing.T) {
	from, at := t.TempDir(), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	c, err := server.Start(server.Settings{DataDir: from, HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for name, left := range map[string]func(part string) error{
		"nothing":     func(string) error { return nil },
		"a directory": func(part string) error { return os.Mkdir(part, 0o700) },
		"a half": func(part string) error {
			return os.CopyFS(filepath.Join(part, "nats"), os.DirFS(filepath.Join(from, "nats")))
		},
		"all but the epoch": func(part string) error { return os.CopyFS(part, os.DirFS(from)) },
		"all but the name": func(part string) error {
			return os.WriteFile(filepath.Join(part, "epoch"), []byte("99999\n"), 0o600)
		},
	} {
		to := filepath.Join(t.TempDir(), "data")
		if name == "all but the name" {
			if err := os.CopyFS(to+".restoring", os.DirFS(from)); err != nil {
				t.Fatal(err)
			}
		}
		if err := left(to + ".restoring"); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(to); err == nil {
			t.Errorf("%s: it is there before it is whole", name)
		}
		epoch, err := restore(from, to+"/", at)
		if err != nil || epoch != 59*24*60 {
			t.Errorf("%s: epoch %d: %v", name, epoch, err)
		}
		if _, err := restore(from, to, at); err == nil {
			t.Errorf("%s: what is there is written over", name)
		}
		again, err := restore(to, to+"2", at.Add(-time.Hour)) // a clock that was put back
		if err != nil || again != epoch+1 {
			t.Errorf("%s: restored from what was restored: epoch %d: %v", name, again, err)
		}
	}
	over := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(over+".restoring", os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range [][2]string{{t.TempDir(), "x"}, {from, ""}, {over + ".restoring", over}, {from, filepath.Join(from, "data")}} {
		if _, err := restore(wrong[0], wrong[1], at); err == nil {
			t.Errorf("%v is taken", wrong)
		}
	}
	if !isFile(filepath.Join(over+".restoring", "mark")) {
		t.Error("the backup is gone")
	}
	if c, err = server.Start(server.Settings{DataDir: from, HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := restore(from, filepath.Join(t.TempDir(), "data"), at); err == nil {
		t.Error("what a server writes is copied")
	}
}
