package process

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/internal/testbudget"
)

// insideAWS is what is applied in turn in a customer's account of AWS that an agent alone enters.
const insideAWS = `
{kind: customer, name: acme, spec: {hosting: customer}}
---
{kind: account, name: theirs, owner: acme, spec: {cloud: aws, number: "%s", hosting: customer, access: agent}}
---
{kind: dataplane, name: edge, owner: acme, spec: {account: acme/theirs, region: eu-central-1, type: dedicated, mode: pull, systemPool: {machine: s2, min: 1, max: %d}}}
---
{kind: tenantinfra, name: edge_web, owner: acme, spec: {app: web, size: small, pools: [{name: main, machine: s4, min: 1, max: %d}]}}
---
{kind: plan, name: inside, spec: {hosting: customer, deployment: dedicated, apps: [{type: web, size: small}]}}
---
{kind: tenant, name: prod, owner: acme, spec: {plan: inside}}
---
{kind: application, name: prod_site, owner: acme, spec: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: page}, data: {most: "%d"}}]}}
`

// mortal is an agent that a killer kills at calls to its cloud, and that is started again each time.
type mortal struct {
	*agentOf
	*killer
	server *process
}

// startMortal starts the agent: with a token, or by its key.
func (m *mortal) startMortal(token ...string) {
	m.t.Helper()
	if len(token) > 0 {
		token = append([]string{"--join"}, token...)
	}
	m.start(token...)
	m.mu.Lock()
	m.victim = m.cmd.Process
	m.mu.Unlock()
}

// stopMortal kills the agent from outside.
func (m *mortal) stopMortal() {
	m.mu.Lock()
	m.victim = nil
	m.mu.Unlock()
	m.agentOf.kill()
}

// must runs a command to its end, over as many lives of the agent as it takes.
func (m *mortal) must(args ...string) said {
	m.t.Helper()
	done := make(chan said, 1)
	go func() { done <- m.server.cliWithin(longestChapter, args...) }()
	for {
		select {
		case s := <-done:
			if s.code != 0 {
				m.t.Fatalf("%v: %+v\nthe agent: %s\nthe server: %s", args, s, m.says(), m.server.log)
			}
			return s
		case err := <-m.done:
			m.mu.Lock()
			byItself := m.victim != nil
			m.mu.Unlock()
			if byItself {
				m.t.Fatalf("the agent ended by itself: %v\n%s", err, m.says())
			}
			m.startMortal()
		}
	}
}

// TestAnAgentIsKilledAtEachCallToAWS lives the life of a customer's dataplane in an account that an agent alone enters, and has the
// agent killed at each call to the cloud, before it has its effect and after that and before its answer. It also loses its disk, and
// has a second one of the same key beside it. Nothing is made twice, nothing fails, nothing is left, and the control plane, whose own
// keys are good in that cloud, makes no call at all: it verifies, reads the catalogue, makes and sweeps nothing there.
func TestAnAgentIsKilledAtEachCallToAWS(t *testing.T) {
	if testing.Short() {
		t.Skip("lives a dataplane's whole life")
	}
	t.Parallel()
	parts, first, last, speed := partsOf(t, testbudget.AgentParts)
	for part := first; part < last; part++ {
		t.Logf("part %d of %d", part, parts)
		lifeInside(t, speed, everyCall(part, parts))
	}
}

func lifeInside(t *testing.T, speed float64, choose func(meeting) bool) {
	t.Helper()
	k := &killer{choose: choose, met: map[string]bool{}, kills: map[string]*struct{ before, after int }{}}
	a, _ := emulateAWS(t, speed, k.around)
	dir := t.TempDir()
	m := &mortal{killer: k, server: a.server(fmt.Sprint(speed)),
		agentOf: &agentOf{t: t, dir: filepath.Join(dir, "agent"), log: filepath.Join(dir, "log"), env: a.theirs()}}
	m.server.start()
	asks := func(most int) string {
		file := filepath.Join(dir, fmt.Sprintf("inside%d.yaml", most))
		overwrite(t, file, fmt.Sprintf(insideAWS, a.customer.ID, most, most, most))
		return file
	}
	chapter := func(name string, do func()) {
		k.mu.Lock()
		k.stage = name
		k.mu.Unlock()
		began := time.Now()
		do()
		t.Logf("%s took %s", name, time.Since(began).Round(time.Millisecond))
	}
	m.must("apply", "-f", asks(3))
	m.startMortal(m.server.joinToken("invite", "acme/edge", "--dataplane", "edge"))
	chapter("create", func() { m.must("apply", "-f", asks(3), "--wait", "--timeout", "29m") })
	chapter("verify", func() {
		m.must("account", "retry", "acme/theirs", "--wait", "--timeout", "29m")
		until(t, "the catalogue is told", func() bool {
			return strings.Contains(m.must("history", "account", "acme/theirs").out, "catalogue_changed")
		})
	})
	chapter("change", func() { m.must("apply", "-f", asks(4), "--wait", "--timeout", "29m") })
	chapter("disk lost", func() {
		m.stopMortal()
		if err := os.RemoveAll(m.dir); err != nil {
			t.Fatal(err)
		}
		m.startMortal(m.server.joinToken("rotate", "acme/edge"))
		m.must("apply", "-f", asks(5), "--wait", "--timeout", "29m")
	})
	chapter("a second one", func() { m.replaced(asks(6)) })
	chapter("delete", func() {
		m.must("delete", "tenant", "acme/prod", "--cascade", "--wait", "--timeout", "29m")
		m.must("delete", "dataplane", "acme/edge", "--cascade", "--wait", "--timeout", "29m")
	})
	m.stop()
	m.gone(a)
	m.must("delete", "customer", "acme", "--cascade", "--wait", "--timeout", "29m")
	m.stopMortal()
	k.tell(t)
}

// stop ends the killing.
func (m *mortal) stop() {
	m.mu.Lock()
	m.choose = nil
	m.mu.Unlock()
}

// theirs is the environment of a machine in the customer's account, which has the rights of the template there.
func (a *emulatedAWS) theirs() []string {
	a.t.Helper()
	accounts, err := core.ReadAccounts(a.dir)
	if err != nil {
		a.t.Fatal(err)
	}
	user := &accounts[1].Users[0]
	user.Policies = accounts[1].Roles[0].Policies
	if err := core.WriteAccounts(a.dir, accounts); err != nil {
		a.t.Fatal(err)
	}
	return append(slices.Clone(a.env), "AWS_ACCESS_KEY_ID="+user.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+user.SecretAccessKey)
}

// replaced has a second agent of the same key stand by, and take over from the first, which dies while it changes something.
func (m *mortal) replaced(file string) {
	m.t.Helper()
	m.mu.Lock()
	choose, dead := m.choose, m.victim == nil
	m.choose = nil // a call is one of either
	m.mu.Unlock()
	if dead {
		<-m.done
		m.startMortal()
	}
	first, before := m.agentOf, len(m.says())
	second := &agentOf{t: m.t, dir: m.dir + "2", log: m.log + "2", env: m.env}
	if err := os.CopyFS(second.dir, os.DirFS(m.dir)); err != nil {
		m.t.Fatal(err)
	}
	second.start()
	const standsBy = "this one stands by"
	until(m.t, "one of two stands by", func() bool {
		return strings.Contains(second.says(), standsBy) || strings.Contains(first.says()[before:], standsBy)
	})
	works, rests := first, second
	if !strings.Contains(second.says(), standsBy) {
		works, rests = second, first
	}
	m.must("apply", "-f", file)
	works.kill()
	m.agentOf = rests
	m.mu.Lock()
	m.victim, m.choose = rests.cmd.Process, choose
	m.mu.Unlock()
	m.must("apply", "-f", file, "--wait", "--timeout", "29m")
}

// gone asserts that nobody needed a person, that nothing was made twice that the API can make once, that nothing is left once the
// agent has swept, and that nobody but the agent made a call.
func (m *mortal) gone(a *emulatedAWS) {
	m.t.Helper()
	for _, e := range []string{"account acme/theirs", "dataplane acme/edge", "tenantinfra acme/edge_web", "tenant acme/prod", "application acme/prod_site"} {
		m.server.neededNobody(e)
	}
	a.twins()
	left := func() []emulator.Entry { return a.ledger().Live(time.Now()) }
	for end := time.Now().Add(twoSweeps); len(left()) > 0 && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
	}
	if left := left(); len(left) > 0 {
		m.t.Errorf("left: %+v", left)
	}
	them := fmt.Sprintf("arn:aws:iam::%s:user/them", a.customer.ID)
	touched := a.ledger().Touched()
	for _, one := range touched {
		if one.Caller != them || one.Account != a.customer.ID || one.Refused > 0 && one.Calls == one.Refused {
			m.t.Errorf("%s has made %d calls in %s", one.Caller, one.Calls, one.Account)
		}
	}
	if len(touched) != 1 {
		m.t.Errorf("nobody has made the calls: %+v", touched)
	}
}

// neededNobody asserts that nothing of an entity has failed for good.
func (p *process) neededNobody(e string) {
	p.t.Helper()
	kind, name, _ := strings.Cut(e, " ")
	history := strings.Fields(p.cli("history", kind, name, "-o", "name").out)
	if len(history) == 0 || slices.ContainsFunc(history, func(s string) bool {
		return strings.HasSuffix(s, "failed") && !strings.HasSuffix(s, "attempt_failed") || strings.HasSuffix(s, "degraded")
	}) {
		p.t.Errorf("%s needed a person: %s", e, p.cli("why", kind, name).out)
	}
}
