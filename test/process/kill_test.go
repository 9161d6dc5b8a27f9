package process

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/sim"
	"github.com/aeriehq/aerie/events"
)

// kills is how often the server is killed while the shared offer comes up.
const kills = 50

// TestKilledServerEndsTheSame kills the real program at random moments of the
// shared offer and starts it again. The end must be that of a server that was
// left alone, and nothing in the cloud may have been made twice.
func TestKilledServerEndsTheSame(t *testing.T) {
	if testing.Short() {
		t.Skip("kills the server 50 times")
	}
	t.Parallel()
	quiet := newProcess(t, "600")
	quiet.start()
	if s := quiet.cli("apply", "-f", sharedOffer, "--wait"); s.code != 0 {
		t.Fatalf("apply: %+v\n%s", s, quiet.log)
	}
	want := quiet.end()

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	p := newProcess(t, "120")
	p.start()
	applied := p.background("apply", "-f", sharedOffer, "--wait", "--timeout", "5m")
	for range kills {
		time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond) // the random moment itself
		p.kill()
		for random.IntN(3) == 0 { // not all live to serve
			p.stillborn(time.Duration(random.IntN(100)) * time.Millisecond)
		}
		p.start()
	}
	if s := applied(); s.code != 0 {
		t.Fatalf("apply: %+v\n%s", s, p.log)
	}
	if got := p.end(); got != want {
		t.Errorf("after %d kills the end differs:\n%s", kills, difference(want, got))
	}
	ledger, err := sim.ReadLedger(filepath.Join(p.dir, "cloud"))
	if err != nil {
		t.Fatal(err)
	}
	if twice := ledger.Twice(); len(twice) > 0 {
		t.Errorf("made twice: %+v", twice)
	}
	if made, live := len(ledger.Resources), len(ledger.Live()); made != live {
		t.Errorf("%d resources were made, %d are left", made, live)
	}
}

// sharedOffer is the offer that the demo shows.
const sharedOffer = "../../deploy/offers/shared"

// end is what all views and the cloud's ledger say at the end, without what
// differs between two runs of the same story.
func (p *process) end() string {
	p.t.Helper()
	if s := p.cli("log", "verify"); s.code != 0 {
		p.t.Errorf("log verify: %+v", s)
	}
	var b strings.Builder
	for _, k := range events.Kinds {
		s := p.cli("get", string(k), "-o", "json")
		if s.code != 0 {
			p.t.Fatalf("get %s: %+v", k, s)
		}
		var list struct {
			Items []any `json:"items"`
		}
		if err := json.Unmarshal([]byte(s.out), &list); err != nil {
			p.t.Fatal(err)
		}
		data, err := json.MarshalIndent(mask(list.Items), "", " ")
		if err != nil {
			p.t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n", data)
	}
	ledger, err := sim.ReadLedger(filepath.Join(p.dir, "cloud"))
	if err != nil {
		p.t.Fatal(err)
	}
	var resources []string
	for _, r := range ledger.Live() {
		resources = append(resources, fmt.Sprintf("%s of %s, %d objects", r.Kind, masked(r.Owner), len(ledger.Objects(r.Name))))
	}
	slices.Sort(resources)
	return b.String() + strings.Join(resources, "\n")
}

// mask hides what two runs never share: uids, sequences, times, and names that
// follow from a uid.
func mask(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			switch key {
			case "uid", "seq", "created", "since", "at", "why":
				v[key] = "…"
			default:
				v[key] = mask(inner)
			}
		}
	case []any:
		for i := range v {
			v[i] = mask(v[i])
		}
	case string:
		return masked(v)
	}
	return v
}

var unstable = regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{26}|-[a-z2-7]{13}\b|\b10\.\d+\.0\.0/16|cl-[0-9a-f]{8}`)

func masked(s string) string { return unstable.ReplaceAllString(s, "…") }

// difference is the first lines in which two texts differ.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d:\nwant %s\ngot  %s", i+1,
				strings.Join(w[max(0, i-5):min(len(w), i+5)], "\n     "), strings.Join(g[max(0, i-5):min(len(g), i+5)], "\n     "))
		}
	}
	return fmt.Sprintf("%d lines and %d lines", len(w), len(g))
}

// TestKilledBeforeTheFirstEvent leaves an empty block behind, which nats-server
// drops at the next start: the log then begins in block 2, and that is no damage.
func TestKilledBeforeTheFirstEvent(t *testing.T) {
	p := newProcess(t, "0")
	for range 3 {
		p.start()
		p.kill()
	}
	p.start()
	if s := p.cli("apply", "-f", sharedOffer, "--wait"); s.code != 0 {
		t.Fatalf("apply: %+v", s)
	}
	p.kill()
	p.start()
	if s := p.cli("apply", "-f", sharedOffer); s.code != 0 || strings.Contains(s.out, "created") {
		t.Errorf("apply again: %+v", s)
	}
}
