package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

// offersNow changes what the emulated AWS offers, and waits until aerie has noted it.
func (a *emulatedAWS) offersNow(p *process, text string) {
	a.t.Helper()
	noted := func() int {
		return strings.Count(p.cli("history", "account", "main", "-o", "name").out, "catalogue_changed")
	}
	before := noted()
	overwrite(a.t, filepath.Join(a.dir, core.CatalogueFile), text)
	for end := time.Now().Add(2 * time.Minute); noted() == before; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			a.t.Fatalf("what AWS offers is not noted: %s\n%s", text, p.log)
		}
	}
}

// TestCatalogueOfAWSChanges has AWS take a version of Kubernetes and a machine type off its shelves: they can't be asked for
// any more, what is there with them stays and can be changed, and when they are back they can be had.
func TestCatalogueOfAWSChanges(t *testing.T) {
	t.Parallel()
	a, _ := emulateAWS(t, 0, nil)
	p := a.server("600")
	p.start()
	apply := func(file string, args ...string) said {
		return p.cli(append([]string{"apply", "-f", file, "--timeout", "2m"}, args...)...)
	}
	if s := apply(a.life("1.34", false, "view", 3, "s2", "s4", "gold"), "--wait"); s.code != 0 {
		t.Fatalf("apply: %+v\n%s", s, p.log)
	}
	a.offersNow(p, `{"gone": ["1.35", "c6i.xlarge"]}`)
	if s := p.cli("dataplane", "upgrade", "eu", "--version", "1.35"); s.code != client.ExitInvalid || !strings.Contains(s.err, "1.35") || !strings.Contains(s.err, "1.36") {
		t.Errorf("a version that has gone: %+v", s)
	}
	another := filepath.Join(t.TempDir(), "another.yaml")
	overwrite(t, another, "kind: tenantinfra\nname: eu_more\nspec: {app: mysql, size: small, pools: [{name: main, machine: c6i.xlarge}, {name: back, machine: s2, alternatives: [s4]}]}\n")
	if s := apply(another); s.code != client.ExitInvalid || !strings.Contains(s.err, "spec.pools[0].machine") || !strings.Contains(s.err, "spec.pools[1].alternatives") {
		t.Errorf("a machine type that has gone: %+v", s)
	}
	if s := apply(a.life("1.34", true, "edit", 4, "s2", "s4", "silver"), "--wait"); s.code != 0 {
		t.Errorf("what is there is changed: %+v\n%s", s, p.log)
	}

	if err := os.Remove(filepath.Join(a.dir, core.CatalogueFile)); err != nil {
		t.Fatal(err)
	}
	a.offersNow(p, `{"gone": ["1.30"]}`)
	if s := p.cli("dataplane", "upgrade", "eu", "--version", "1.35", "--wait", "--timeout", "2m"); s.code != 0 {
		t.Errorf("a version that is back: %+v\n%s", s, p.log)
	}
	if s := apply(another, "--wait"); s.code != 0 {
		t.Errorf("a machine type that is back: %+v\n%s", s, p.log)
	}

	// Whether aerie has noted yet that it is gone or not, it is refused by one or the other, and can be taken back.
	overwrite(t, filepath.Join(a.dir, core.CatalogueFile), `{"gone": ["1.36"]}`)
	if s := p.cli("dataplane", "upgrade", "eu", "--version", "1.36", "--wait", "--timeout", "2m"); s.code == 0 || !strings.Contains(s.err, "1.36") {
		t.Errorf("a version that goes away meanwhile: %+v", s)
	}
	if s := p.cli("dataplane", "upgrade", "eu", "--version", "1.35", "--wait", "--timeout", "2m"); s.code != 0 {
		t.Errorf("the wish is taken back: %+v\n%s", s, p.log)
	}
	if s := p.cli("log", "verify"); s.code != 0 {
		t.Errorf("log verify: %+v", s)
	}
}

// TestWhatAWSOffersAgainIsMade has AWS take the machine type of a dataplane off its shelves, and then somebody its machines: it is
// Degraded, and says so, until the type is back. Nobody retries it.
func TestWhatAWSOffersAgainIsMade(t *testing.T) {
	t.Parallel()
	a, p := awsWith(t, strings.Replace(oneDataplane, "region: eu-central-1}", "region: eu-central-1, systemPool: {machine: s4, min: 1, max: 3}}", 1))
	a.offersNow(p, `{"gone": ["c6i.xlarge"]}`)
	overwrite(t, filepath.Join(a.dir, "by-hand.json"), `[{"delete":"nodegroup"}]`)
	if e := p.until("dataplane", "eu", in("Degraded")); e.Status.Reason == nil || e.Status.Reason.Code != events.ConfigProblem || e.Status.Reason.Retried {
		t.Errorf("without its machines it says %+v", e.Status.Reason)
	}
	a.offersNow(p, `{"gone": ["1.30"]}`)
	p.until("dataplane", "eu", well)
	if history := p.cli("history", "dataplane", "eu", "-o", "name").out; strings.Count(history, "retry_requested") != 1 {
		t.Errorf("it went on once: %s", history)
	}
	a.endsWell(p)
}
