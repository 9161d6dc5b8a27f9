package main

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// awsKills is how often the server is killed while an offer comes up in AWS, and again while it goes away.
var awsKills = flag.Int("aws-kills", 5, "kills of the server that works in AWS")

// TestKilledOnAWS kills the real program after calls to an emulated AWS, while an offer comes up and while it goes away,
// and starts it again: nothing may be made twice, and nothing may be left. That a kill at each call comes to that is
// shown by cloud/aws; here it is the whole program.
func TestKilledOnAWS(t *testing.T) {
	if testing.Short() {
		t.Skip("kills the server a dozen times")
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	a := startAWS(t, "300")
	p := a.server("300")
	p.start()
	applied := p.background("apply", "-f", a.offer("shared"), "--wait", "--timeout", "5m")
	a.disturb(p, random, 700)
	if s := applied(); s.code != 0 {
		t.Fatalf("apply: %+v\n%s", s, p.log)
	}
	for _, customer := range []string{"acorn", "birch", "cedar", "dogwood", "elm"} {
		p.cli("delete", "customer", customer, "--cascade")
	}
	emptied := make(chan bool)
	go func() { defer close(emptied); p.drain() }()
	a.disturb(p, random, 500)
	<-emptied
	if twice := a.ledger().Twice(); len(twice) > 0 {
		t.Errorf("made twice: %+v", twice)
	}
	if left := a.ledger().Live(time.Now()); len(left) > 0 {
		t.Errorf("left: %+v", left)
	}
}

// disturb kills the server after calls that chance chooses, spread over as many as there are about to be.
func (a *emulatedAWS) disturb(p *process, random *rand.Rand, calls int) {
	a.t.Helper()
	for range *awsKills {
		a.await(a.calls() + 1 + random.IntN(2*calls / *awsKills))
		p.kill()
		p.start()
	}
}

// calls counts those in the ledger.
func (a *emulatedAWS) calls() int {
	data, _ := os.ReadFile(filepath.Join(a.dir, "ledger.jsonl"))
	return bytes.Count(data, []byte("\n"))
}

// await waits for a call, but not for ever: there may be no more.
func (a *emulatedAWS) await(n int) {
	for end := time.Now().Add(10 * time.Second); a.calls() < n && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // the moment is what the test is about
	}
}

// drain deletes all that the server has, however often the server goes away meanwhile.
func (p *process) drain() {
	for _, kind := range []string{"customer", "tenantinfra", "dataplane", "account"} {
		for end := time.Now().Add(4 * time.Minute); time.Now().Before(end); {
			s := p.cli("get", kind, "-o", "name")
			if s.code == 0 && s.out == "" {
				break
			}
			for name := range bytes.FieldsSeq([]byte(s.out)) {
				p.cli("delete", kind, string(name), "--cascade", "--wait", "--timeout", "1m")
			}
		}
	}
}
