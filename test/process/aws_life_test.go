package process

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

// emulateAWS is an emulated AWS in the test's own process.
func emulateAWS(t *testing.T, speed float64, around func(http.Handler) http.Handler) (*emulatedAWS, *aws.Server) {
	t.Helper()
	a := &emulatedAWS{t: t, dir: t.TempDir()}
	cloud, err := aws.Open(aws.Options{Dir: a.dir, Speed: speed, Around: around})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	accounts, err := core.ReadAccounts(a.dir)
	if err != nil {
		t.Fatal(err)
	}
	key := accounts[0].Users[0]
	a.url = cloud.URL()
	a.env = []string{
		"AWS_ENDPOINT_URL=" + a.url, "AWS_CA_BUNDLE=" + filepath.Join(a.dir, emulator.CAFile), "AWS_EC2_METADATA_DISABLED=true",
		"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=" + key.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + key.SecretAccessKey,
	}
	a.bootstrap()
	return a, cloud
}

// lifeOfDataplane is what is applied in turn. It is built in the account of a customer, which is entered by a role.
const lifeOfDataplane = `
kind: account
name: main
spec: {cloud: aws, number: "%s", hosting: customer, role: %s, externalId: "%s"}
---
kind: dataplane
name: eu
spec:
  account: main
  region: eu-central-1
  version: "%s"
  network: {range: 10.16.0.0/16, zones: [eu-central-1a, eu-central-1b]}
  cluster: {logging: %t, access: [{principal: "arn:aws:iam::111122223333:role/ops", policy: %s}]}
  systemPool: {machine: %s, min: 1, max: %d}
---
kind: tenantinfra
name: eu_pg-small
spec:
  app: postgres
  size: small
  pools:
    - {name: main, machine: %s, min: 1, max: %d, labels: {tier: %s}}
`

// life is what is asked for in a chapter. The machines are those of the dataplane and of the tenant infra.
func (a *emulatedAWS) life(version string, logging bool, may string, most int, own, machine, tier string) string {
	a.t.Helper()
	role := a.customer.Roles[0]
	file := filepath.Join(a.t.TempDir(), "life.yaml")
	overwrite(a.t, file, fmt.Sprintf(lifeOfDataplane, a.customer.ID, role.Name, role.ExternalID, version, logging, may, own, most, machine, 2*most, tier))
	return file
}

// chapter is one of a dataplane's life.
type chapter struct {
	name string
	do   func(*rage)
}

// chapters are a whole life: it is created, changed, gets other machines, is upgraded and deleted.
func (a *emulatedAWS) chapters() []chapter {
	apply := func(file string) func(*rage) {
		return func(g *rage) { g.must("apply", "-f", file, "--wait", "--timeout", "29m") }
	}
	inVain := a.life("1.34", true, "edit", 4, "s2", "s4", "silver")
	overwrite(a.t, inVain, strings.Replace(a.read(inVain), "access: [", "access: [{principal: nobody}, ", 1))
	return []chapter{
		{"create", apply(a.life("1.34", false, "view", 3, "s2", "s4", "gold"))},
		{"change", apply(a.life("1.34", true, "edit", 4, "s2", "s4", "silver"))},
		{"wish in vain", func(g *rage) { g.refused("config_problem", "apply", "-f", inVain, "--wait", "--timeout", "29m") }},
		{"wish taken back", apply(a.life("1.34", true, "edit", 4, "s2", "s4", "silver"))},
		// One after the other: a kill at a call of the one strikes the other too, and who is struck three times before he could
		// make a thing is told that it is not seen.
		{"replace", apply(a.life("1.34", true, "edit", 4, "s2", "m4", "silver"))},
		{"replace own", apply(a.life("1.34", true, "edit", 4, "m4", "m4", "silver"))},
		{"upgrade", apply(a.life("1.35", true, "edit", 4, "m4", "m4", "silver"))},
		{"volumes", a.volumes},
		{"delete", func(g *rage) {
			for _, e := range []string{"tenantinfra eu_pg-small", "dataplane eu", "account main"} {
				kind, name, _ := strings.Cut(e, " ")
				g.must("delete", kind, name, "--wait", "--timeout", "29m")
			}
		}},
	}
}

// must runs a command over as many lives of the server as it takes. What fails for want of a server is asked again.
func (g *rage) must(args ...string) {
	g.t.Helper()
	for {
		s := g.lives(args...)
		switch {
		case s.code == client.ExitOK, s.code == client.ExitNotFound && args[0] == "delete": // an answer was lost
			return
		case !strings.Contains(s.err, string(events.Unavailable)):
			g.t.Fatalf("%v: %+v\n%s", args, s, g.log)
		}
	}
}

// refused runs a command over as many lives of the server as it takes until it fails for a reason.
func (g *rage) refused(reason string, args ...string) {
	g.t.Helper()
	for {
		s := g.lives(args...)
		switch {
		case s.code != client.ExitOK && strings.Contains(s.err, reason):
			return
		case s.code == client.ExitOK || !strings.Contains(s.err, string(events.Unavailable)):
			g.t.Fatalf("%v: %+v, want %s\n%s", args, s, reason, g.log)
		}
	}
}

func (a *emulatedAWS) read(file string) string {
	a.t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(data)
}

// twoSweeps is how long two sweeps may take.
const twoSweeps = 4 * time.Minute

// wholeLife lives a dataplane's life under a killer. At its end nothing may have failed for good, been made twice where
// that can be helped, or be left.
func wholeLife(t *testing.T, speed float64, choose func(meeting) bool, faults ...emulator.Fault) *rage {
	t.Helper()
	k := &killer{choose: choose, met: map[string]bool{}, kills: map[string]*struct{ before, after int }{}}
	a, cloud := emulateAWS(t, speed, k.around)
	if err := cloud.Inject(faults...); err != nil {
		t.Fatal(err)
	}
	g := &rage{process: a.server(fmt.Sprint(speed)), killer: k}
	g.startMortal()
	for _, s := range a.chapters() {
		g.enter(s.name)
		began := time.Now()
		s.do(g)
		t.Logf("%s took %s", s.name, time.Since(began).Round(time.Millisecond))
		a.single()
	}
	g.stop()
	a.onceAndGone(g)
	return g
}

// onceAndGone asserts what must hold at the end of a life.
func (a *emulatedAWS) onceAndGone(g *rage) {
	a.t.Helper()
	for _, e := range []string{"account -/main", "dataplane -/eu", "tenantinfra -/eu_pg-small"} {
		kind, name, _ := strings.Cut(e, " ")
		history := strings.Fields(g.lives("history", kind, name, "-o", "name").out)
		if i := slices.IndexFunc(history, func(s string) bool {
			return strings.HasSuffix(s, "failed") && !strings.HasSuffix(s, "attempt_failed") && !(kind == "dataplane" && strings.HasSuffix(s, "update_failed")) || strings.HasSuffix(s, "degraded")
		}); i >= 0 {
			a.t.Errorf("%s needed a person: %s", e, g.lives("why", kind, name).out)
		}
	}
	if told := g.lives("history", "dataplane", "-/eu").out; !strings.Contains(told, "kept "+a.kept) {
		a.t.Errorf("that %s is kept is not told: %s", a.kept, told)
	}
	a.twins()
	left := func() []emulator.Entry {
		return slices.DeleteFunc(a.ledger().Live(time.Now()), func(e emulator.Entry) bool { return e.Name == a.kept && e.Owner() == "" })
	}
	for end := time.Now().Add(twoSweeps); len(left()) > 0 && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
	}
	if left := left(); len(left) > 0 {
		a.t.Errorf("left: %+v", left)
	}
	if !slices.ContainsFunc(a.ledger().Live(time.Now()), func(e emulator.Entry) bool { return e.Name == a.kept }) {
		a.t.Errorf("%s is gone", a.kept)
	}
}

// tokenless are the kinds for which EC2 has neither a token nor a unique name.
var tokenless = []string{"vpc", "internet-gateway", "elastic-ip"}

// single asserts that at most one of what can be made twice has survived.
func (a *emulatedAWS) single() {
	a.t.Helper()
	for _, kind := range tokenless {
		left := slices.DeleteFunc(a.ledger().Live(time.Now()), func(e emulator.Entry) bool { return e.Kind != kind })
		if len(left) > 1 {
			a.t.Errorf("%d of %s have survived", len(left), kind)
		}
	}
}

// twins asserts that nothing was made twice for which the API has a token or a unique name, and that nothing stands on
// what was made twice in spite of all.
func (a *emulatedAWS) twins() {
	a.t.Helper()
	l := a.ledger()
	for _, twin := range l.Twice() {
		if !slices.Contains(tokenless, twin.First.Kind) {
			a.t.Errorf("made twice: %s %s", twin.First.Kind, twin.First.Purpose())
			continue
		}
		a.t.Logf("made twice, as can happen: %s %s", twin.First.Kind, twin.First.Purpose())
		used := func(id string) bool {
			return slices.ContainsFunc(l.Things, func(e emulator.Entry) bool {
				return e.Owner() != "" && e.Name != id && strings.Contains(fmt.Sprint(e.Doc), id)
			})
		}
		if used(twin.First.Name) && used(twin.Second.Name) {
			a.t.Errorf("both are built on: %s %s and %s", twin.First.Kind, twin.First.Name, twin.Second.Name)
		}
	}
}
