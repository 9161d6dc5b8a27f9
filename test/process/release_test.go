package process

import (
	"encoding/json"
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/sim"
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

// TestAnAgentOfTheReleaseBefore has an agent of the release before make a dataplane for a control plane of this work. It is upgraded,
// and taken back, while there is something to do: nothing is made twice, nothing fails, and nothing is left.
func TestAnAgentOfTheReleaseBefore(t *testing.T) {
	if *old == "" {
		t.Skip("needs the program of the release before: -old PATH")
	}
	p := newProcess(t, "600")
	p.start()
	dir := t.TempDir()
	asks := func(content string) string {
		file := filepath.Join(dir, "inside-"+content+".yaml")
		overwrite(t, file, strings.Replace(insideTheirs, "data: {a: b}", "data: {a: "+content+"}", 1))
		return file
	}
	apply := func(file string, more ...string) {
		t.Helper()
		if s := p.cli(append([]string{"apply", "-f", file}, more...)...); s.code != 0 {
			t.Fatalf("apply: %+v\nthe server: %s", s, p.log)
		}
	}
	apply(asks("n0"))
	a := &agentOf{t: t, dir: filepath.Join(dir, "agent"), log: filepath.Join(dir, "log"), program: *old,
		env: []string{"AERIE_HELM=" + filepath.Join(filepath.Dir(*old), "aerie-helm")}}
	a.start("--join", p.joinToken("invite", "acme/edge", "--dataplane", "edge"))
	for i, program := range []string{*old, "", *old} {
		file := asks(fmt.Sprint("n", i))
		if apply(file); i > 0 {
			a.kill()
			a.program = program
			a.start()
		}
		apply(file, "--wait", "--timeout", "3m")
	}
	for _, gone := range []string{"tenant acme/prod", "dataplane acme/edge"} {
		p.neededNobody(gone)
		kind, name, _ := strings.Cut(gone, " ")
		if s := p.cli("delete", kind, name, "--cascade", "--wait", "--timeout", "3m"); s.code != 0 {
			t.Fatalf("delete %s: %+v\nthe agent: %s", gone, s, a.says())
		}
	}
	a.kill()
	ledger, err := sim.ReadLedger(filepath.Join(a.dir, "cloud"))
	if err != nil || len(ledger.Twice()) > 0 || len(ledger.Live()) > 0 || len(ledger.Resources) == 0 {
		t.Errorf("twice: %+v, left: %+v, %v", ledger.Twice(), ledger.Live(), err)
	}
	if s := p.cli("log", "verify"); s.code != 0 {
		t.Errorf("log verify: %+v", s)
	}
}

// joinToken is what `agent invite` or `agent rotate` prints.
func (p *process) joinToken(args ...string) string {
	p.t.Helper()
	var made struct{ Token string }
	s := p.cli(append(append([]string{"agent"}, args...), "-o", "json")...)
	if err := json.Unmarshal([]byte(s.out), &made); err != nil || made.Token == "" {
		p.t.Fatalf("agent %v: %+v", args, s)
	}
	return made.Token
}
