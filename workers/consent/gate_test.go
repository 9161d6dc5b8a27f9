package consent

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

var edge = ev.Ref{Kind: ev.Dataplane, Owner: "acme", ID: "edge"}

// change is a piece of work for the dataplane: the same digest is the same content.
func change(effect ev.Effect, digest string, seq uint64, spec int) Change {
	return Change{Work: ev.Work{Ref: edge, UID: "u", Revision: seq, Digest: digest, Effect: effect.Effect(), Args: json.RawMessage(`{}`)}, Place: "edge", Spec: spec}
}

func opened(t *testing.T, dir, policy string) *Gate {
	t.Helper()
	p, err := ReadPolicy([]byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	g, err := Open(dir, "acme/edge", p)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// is holds an answer of the gate to what is wanted: empty, or the code and a part of the sentence.
func is(t *testing.T, name string, err error, code ev.ReasonCode, part string) {
	t.Helper()
	var held *Held
	switch {
	case code == "" && err != nil:
		t.Errorf("%s: %v", name, err)
	case code != "" && (!errors.As(err, &held) || held.Reason.Code != code || !strings.Contains(held.Reason.Message, part) || held.Reason.Fault != ev.ByUser):
		t.Errorf("%s: %+v, want %s: %s", name, err, code, part)
	}
}

// say answers all that is asked, beside the agent, and has the agent look.
func say(t *testing.T, g *Gate, answer string) {
	t.Helper()
	p, err := ReadPending(g.dir)
	if err != nil || len(p.Items) != 1 {
		t.Fatalf("pending: %+v %v", p, err)
	}
	if err := Say(g.dir, []string{p.Items[0].ID}, answer, "kim", "no budget"); err != nil {
		t.Fatal(err)
	}
	g.Look()
}

// What a policy asks about waits for an answer, which covers one change and nothing else, and outlives the process.
func TestQuestions(t *testing.T) {
	dir := t.TempDir()
	const policy = "approve: [create, update, delete]"
	g := opened(t, dir, policy)
	network, cluster := change(ev.EnsureNetwork{}, "n1", 3, 1), change(ev.EnsureCluster{}, "c1", 5, 1)
	woken := 0
	defer g.WhenAnswered(func() { woken++ })()
	is(t, "verifying changes nothing", g.May(change(ev.VerifyAccount{}, "v", 1, 1)), "", "")
	first := g.May(network)
	is(t, "a first one", first, ev.Approval, `people beside agent acme/edge are asked to approve "create" of dataplane acme/edge, since `)
	g = opened(t, dir, policy) // killed, and there again
	g.now = func() time.Time { return time.Now().Add(time.Hour) }
	if again := g.May(network); again == nil || again.Error() != first.Error() {
		t.Errorf("asked again: %v, want %v", again, first)
	}
	g.WhenAnswered(func() { woken++ })
	say(t, g, Approved)
	if woken != 1 {
		t.Errorf("woken %d times", woken)
	}
	g = opened(t, dir, policy)
	is(t, "approved", g.May(network), "", "")
	is(t, "another effect of the same change", g.May(cluster), "", "")
	is(t, "the same effect with another content", g.May(change(ev.EnsureCluster{}, "c2", 6, 1)), ev.Approval, `"create"`)
	g.Still("edge", func(ev.Ref) bool { return false })
	if p, err := ReadPending(dir); err != nil || len(p.Items) != 0 {
		t.Errorf("withdrawn: %+v %v", p, err)
	}
	g.Done(network.Work, "network_ready")
	is(t, "the same again is a repair", g.May(network), "", "")
	is(t, "another content is an update", g.May(change(ev.EnsureNetwork{}, "n2", 7, 2)), ev.Approval, `"update"`)
	g.Still("edge", func(ev.Ref) bool { return false })
	is(t, "an end", g.May(change(ev.RemoveOwned{}, "r", 9, 2)), ev.Approval, `"delete"`)
	if err := Say(dir, []string{"other"}, Approved, "kim", ""); err == nil || !strings.Contains(err.Error(), "no such question") {
		t.Errorf("an answer to nothing: %v", err)
	}
	log, err := os.ReadFile(filepath.Join(logDir(dir), time.Now().UTC().Format(time.DateOnly)+".000.jsonl"))
	for _, what := range []string{`"asked"`, `"approved"`, `"begun"`, `"done"`, `"by":"kim"`} {
		if err != nil || !strings.Contains(string(log), what) {
			t.Errorf("the log has no %s: %v", what, err)
		}
	}
}

// An answer that was given while the agent did not run is taken up at its start, and noted.
func TestAnsweredWhileDown(t *testing.T) {
	dir := t.TempDir()
	g := opened(t, dir, "approve: [create]")
	network := change(ev.EnsureNetwork{}, "n", 3, 1)
	is(t, "asked", g.May(network), ev.Approval, "asked to approve")
	p, err := ReadPending(dir)
	if err != nil || len(p.Items) != 1 {
		t.Fatalf("pending: %+v %v", p, err)
	}
	if err := Say(dir, []string{p.Items[0].ID}, Approved, "kim", ""); err != nil {
		t.Fatal(err)
	}
	g = opened(t, dir, "approve: [create]")
	is(t, "approved", g.May(network), "", "")
	if log := logged(t, g); !strings.Contains(log, `"approved"`) {
		t.Errorf("the log: %s", log)
	}
}

func logged(t *testing.T, g *Gate) string {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(logDir(g.dir), time.Now().UTC().Format(time.DateOnly)+".000.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return string(log)
}

// What is asked with another content has another id, and who answers the old one is told so.
func TestWhatIsAskedChanges(t *testing.T) {
	dir := t.TempDir()
	g := opened(t, dir, "approve: [update]")
	id := func() string {
		p, err := ReadPending(dir)
		if err != nil || len(p.Items) != 1 {
			t.Fatalf("pending: %+v %v", p, err)
		}
		return p.Items[0].ID
	}
	is(t, "asked", g.May(change(ev.EnsureCluster{}, "x", 3, 2)), ev.Approval, "asked to approve")
	first := id()
	is(t, "changed", g.May(change(ev.EnsureCluster{}, "y", 4, 2)), ev.Approval, "asked to approve")
	second := id()
	var refused *ev.Refusal
	err := Say(dir, []string{first}, Approved, "kim", "")
	if !errors.As(err, &refused) || refused.Code != ev.NotFound || len(refused.Details) != 1 ||
		refused.Details[0].Message != "what "+first+" asked has changed: it is "+second+" now" {
		t.Errorf("an answer to what was asked before: %+v", err)
	}
	if err := Say(dir, []string{second}, Approved, "kim", ""); err != nil {
		t.Fatal(err)
	}
	is(t, "changed before the answer is taken up", g.May(change(ev.EnsureCluster{}, "x", 3, 2)), ev.Approval, "asked to approve")
	if again := id(); again == first || again == second {
		t.Errorf("an id is used again: %s", again)
	}
	g.Look()
	is(t, "nothing was approved", g.May(change(ev.EnsureCluster{}, "x", 5, 2)), ev.Approval, "asked to approve")
	if log := logged(t, g); !strings.Contains(log, `"too late"`) {
		t.Errorf("the log: %s", log)
	}
}

// An approval is for what was shown: another removal is asked about, and so is waking who was put to sleep.
func TestApprovalsDoNotWiden(t *testing.T) {
	for _, c := range []struct {
		first, then ev.Effect
		asked       bool
	}{
		{ev.RetirePools{}, ev.RemoveOwned{}, true},
		{ev.SuspendTenant{}, ev.ResumeTenant{}, true},
		{ev.LeaveTenant{}, ev.RemoveTenant{}, true},
		{ev.LeaveTenant{}, ev.ForgetTenant{}, false},
		{ev.EnsureNetwork{}, ev.EnsureCluster{}, false},
	} {
		g := opened(t, t.TempDir(), "approve: [create, delete, suspend]")
		is(t, c.first.Effect(), g.May(change(c.first, "1", 3, 1)), ev.Approval, "asked to approve")
		say(t, g, Approved)
		is(t, c.first.Effect(), g.May(change(c.first, "1", 4, 1)), "", "")
		code := map[bool]ev.ReasonCode{true: ev.Approval}[c.asked]
		is(t, c.first.Effect()+" and then "+c.then.Effect(), g.May(change(c.then, "2", 5, 1)), code, "asked to approve")
	}
}

// An approval is used up by what it was given for.
func TestApprovalsAreForOnce(t *testing.T) {
	dir := t.TempDir()
	const policy = "approve: [repair, update, suspend]"
	g := opened(t, dir, policy)
	network, sleeps := change(ev.EnsureNetwork{}, "n", 3, 1), change(ev.SuspendTenant{}, "s", 3, 1)
	is(t, "the first", g.May(network), "", "")
	g.Done(network.Work, "network_ready")
	for _, c := range []Change{network, sleeps, network, sleeps} {
		is(t, c.Effect, g.May(c), ev.Approval, "asked to approve")
		say(t, g, Approved)
		is(t, c.Effect+" is approved", g.May(c), "", "")
		g = opened(t, dir, policy)
		is(t, c.Effect+" was not done before the agent died", g.May(c), "", "")
		g.Done(c.Work, "done")
		g = opened(t, dir, policy)
	}
	is(t, "what was done is no longer approved", g.May(network), ev.Approval, `"repair"`)
	g.Still("edge", func(ev.Ref) bool { return false })

	one, other := change(ev.EnsureCluster{}, "1", 3, 2), change(ev.EnsureCluster{}, "2", 4, 2)
	for _, c := range []Change{one, other, one} {
		is(t, "there and back", g.May(c), ev.Approval, `"update"`)
		say(t, g, Approved)
		is(t, "there and back", g.May(c), "", "")
		g.Done(c.Work, "cluster_ready")
	}
}

// All steps of a move are one question, and another move is another.
func TestAMoveIsOneQuestion(t *testing.T) {
	g := opened(t, t.TempDir(), "approve: [move]")
	step := func(move, step string, seq uint64) Change {
		e := ev.MoveTenant{Move: move, Step: step, Since: time.Unix(int64(seq), 0)}
		c := change(e, move+step, seq, int(seq)) // the spec may change on the way
		var err error
		if c.Args, err = ev.Encode(e); err != nil {
			t.Fatal(err)
		}
		return c
	}
	is(t, "asked", g.May(step("m1", ev.StepReserve, 3)), ev.Approval, `"move"`)
	say(t, g, Approved)
	for seq, name := range []string{ev.StepReserve, ev.StepPrepare, ev.StepEvict} {
		c := step("m1", name, uint64(seq)+4)
		is(t, name, g.May(c), "", "")
		g.Done(c.Work, "done")
	}
	is(t, "another move", g.May(step("m2", ev.StepReserve, 9)), ev.Approval, `"move"`)
}

// A denial is told once, also if the first report is lost; who asks again after that is asked about anew.
func TestDenied(t *testing.T) {
	dir := t.TempDir()
	g := opened(t, dir, "approve: [delete]")
	is(t, "asked", g.May(change(ev.RemoveOwned{}, "r", 9, 1)), ev.Approval, "asked to approve")
	say(t, g, Denied)
	denied := g.May(change(ev.RemoveOwned{}, "r", 10, 1)) // that it waits is an event meanwhile
	is(t, "denied", denied, ev.Unauthorized, `people beside agent acme/edge denied "delete" of dataplane acme/edge at `)
	var held *Held
	if errors.As(denied, &held); !held.Reason.Denied || held.Reason.LacksRights() || !held.Reason.Final() || !strings.HasSuffix(denied.Error(), ": no budget") {
		t.Errorf("a denial is %+v", held.Reason)
	}
	g = opened(t, dir, "approve: [delete]")
	is(t, "the report was lost", g.May(change(ev.RemoveOwned{}, "r", 10, 1)), ev.Unauthorized, "denied")
	is(t, "tried again", g.May(change(ev.RemoveOwned{}, "r", 12, 1)), ev.Approval, "asked to approve")
}

// Nothing is changed while the agent is paused, nor in a freeze; what waits says so on this side too.
func TestFreezesAndPauses(t *testing.T) {
	dir := t.TempDir()
	g := opened(t, dir, `
zone: Europe/Berlin
freeze:
- {from: "2026-12-20T00:00:00Z", until: "2027-01-05T00:00:00Z", because: end of the year}
- {from: "2027-01-05T00:00:00Z", until: "2027-01-06T00:00:00Z"}
- {days: [fri], from: "18:00", until: "06:00"}
- {days: [sat]}`)
	at := func(s string) func() time.Time {
		now, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return func() time.Time { return now }
	}
	network := change(ev.EnsureNetwork{}, "n", 3, 1)
	for now, until := range map[string]string{
		"2026-12-19T23:59:59Z": "",                                      // Sunday in Berlin
		"2027-01-04T12:00:00Z": "2027-01-06T00:00:00Z: end of the year", // they follow on each other
		"2026-12-04T16:59:59Z": "",                                      // a Friday, 17:59 there
		"2026-12-04T17:00:00Z": "2026-12-05T23:00:00Z",                  // the night, and then Saturday
		"2026-12-05T22:59:00Z": "2026-12-05T23:00:00Z",
		"2026-12-05T23:00:00Z": "",
	} {
		g.now = at(now)
		err := g.May(network)
		if until == "" {
			is(t, now, err, "", "")
			continue
		}
		is(t, now, err, ev.Approval, "agent acme/edge is in a freeze of the customer's until "+until)
		is(t, now, g.May(change(ev.VerifyAccount{}, "v", 1, 1)), "", "")
	}
	g.now = at("2026-12-01T12:00:00Z")
	if err := SetPaused(dir, "kim", "an incident"); err != nil {
		t.Fatal(err)
	}
	g.Look()
	is(t, "paused", g.May(network), ev.Approval, "agent acme/edge was paused by people at its side at ")
	is(t, "nor is anything verified", g.May(change(ev.VerifyAccount{}, "v", 1, 1)), ev.Approval, ": an incident")
	if p, err := ReadPending(dir); err != nil || p.Paused == nil || p.Paused.By != "kim" || len(p.Waiting) != 1 {
		t.Errorf("pending: %+v %v", p, err)
	}
	if err := Continue(dir); err != nil {
		t.Fatal(err)
	}
	g.Look()
	is(t, "it goes on", g.May(network), "", "")
}

// A pause that can't be read is one, at the start and later, until it is gone.
func TestAPauseThatCanNotBeRead(t *testing.T) {
	dir := t.TempDir()
	g := opened(t, dir, "")
	network := change(ev.EnsureNetwork{}, "n", 3, 1)
	if err := os.WriteFile(pauseFile(dir), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	g.Look()
	is(t, "later", g.May(network), ev.Approval, "was paused by people at its side at ")
	g = opened(t, dir, "")
	is(t, "at the start", g.May(network), ev.Approval, ": the file that says so can't be read")
	if err := Continue(dir); err != nil {
		t.Fatal(err)
	}
	g.Look()
	is(t, "it goes on", g.May(network), "", "")
}

// A freeze holds, however far its end is.
func TestALongFreeze(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	from, until := now.Add(-time.Hour).Format(time.RFC3339), now.AddDate(3, 0, 0).Format(time.RFC3339)
	g := opened(t, t.TempDir(), `freeze: [{from: "`+from+`", until: "`+until+`"}, {days: [mon, tue, wed, thu, fri, sat, sun]}]`)
	is(t, "three years", g.May(change(ev.EnsureNetwork{}, "n", 3, 1)), ev.Approval, "in a freeze of the customer's until "+until)
}

// All that is wrong with a policy is said at once.
func TestPolicyFaults(t *testing.T) {
	_, err := ReadPolicy([]byte(`{approve: [creat], zone: Mars, freeze: [{from: "2027-01-01T00:00:00Z"}, {days: [today]}, {days: [mon], from: "25:00"}],
mirror: {"http://a.example": "https://b.example", "https://c.example": "oci://me:hunter22@d.example"}}`))
	var refused *ev.Refusal
	if !errors.As(err, &refused) || len(refused.Details) != 7 || strings.Contains(fmt.Sprintf("%+v", refused), "hunter22") {
		t.Errorf("%+v", err)
	}
	if _, err := ReadPolicy([]byte(`{ask: all}`)); err == nil {
		t.Error("a word that is none is taken")
	}
}

func TestMirrors(t *testing.T) {
	g := opened(t, t.TempDir(), `mirror:
  https://charts.example.com: https://mirror.corp.example/charts/
  https://charts.example.com/public/: oci://registry.corp.example/public
  oci://registry.example.com/acme: oci://registry.corp.example/acme`)
	for repository, want := range map[string]string{
		"https://charts.example.com":           "https://mirror.corp.example/charts",
		"https://charts.example.com/stable":    "https://mirror.corp.example/charts/stable",
		"https://charts.example.com/public/pg": "oci://registry.corp.example/public/pg",
		"https://charts.example.com.evil":      "",
		"https://charts.example.com/../x":      "",
		"oci://registry.example.com/acme":      "oci://registry.corp.example/acme",
		"oci://registry.example.com":           "",
	} {
		if got := g.Mirrored(repository); got != want {
			t.Errorf("%s is fetched from %q, want %q", repository, got, want)
		}
	}
}

// What is not on the list does not leave, nor do secrets, nor calls without leave.
func TestWhatCrosses(t *testing.T) {
	g := opened(t, t.TempDir(), "activity: false")
	g.Secrets().Add("hunter2-hunter2")
	report := `{"ref":{"Kind":"dataplane","Owner":"acme","ID":"edge"},"uid":"u","revision":18446744073709551615,"digest":"d","shoe_size":44,
		"outcome":"network_ready","event":{"network":"n","id":"vpc-1","password":"x"},"calls":[{"api":"A"}],
		"failure":{"message":"login hunter2-hunter2 failed","stack":"main.go"},"saw":{"Calls":[{"api":"B"}],"Found":[]}}`
	out, err := g.Cross("report", "aerie.report.x", []byte(report))
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"shoe_size", "password", "stack", "hunter2", `"api"`} {
		if strings.Contains(string(out), gone) {
			t.Errorf("%s leaves: %s", gone, out)
		}
	}
	for _, there := range []string{`"revision":18446744073709551615`, `"vpc-1"`, `login [secret] failed`} {
		if !strings.Contains(string(out), there) {
			t.Errorf("%s does not leave: %s", there, out)
		}
	}
	seen, err := g.Cross(ev.AskSeen, "aerie.seen.x", []byte(`{"repaired":[{"failed":"hunter2-hunter2 1",
		"found":[{"what":"hunter2-hunter2 2","how":"hunter2-hunter2 3"}]}]}`))
	if err != nil || strings.Contains(string(seen), "hunter2") || strings.Count(string(seen), "[secret]") != 3 {
		t.Errorf("of repairs leaves %s: %v", seen, err)
	}
	if _, err := g.Cross("report", "aerie.report.x", []byte(`{"outcome":"confession","event":{}}`)); err == nil {
		t.Error("an outcome that is not on the list leaves")
	}
	log, err := os.ReadFile(filepath.Join(logDir(g.dir), time.Now().UTC().Format(time.DateOnly)+".000.jsonl"))
	if err != nil || !strings.Contains(string(log), `"kept back"`) || !strings.Contains(string(log), "report.shoe_size") || !strings.Contains(string(log), `"sent"`) {
		t.Errorf("the log: %s %v", log, err)
	}
}

// An answer that says nothing keeps no other from being heard: it is set aside and told, and its question is asked on.
func TestAnAnswerThatSaysNothing(t *testing.T) {
	dir := t.TempDir()
	g := opened(t, dir, "approve: [create]")
	is(t, "asked", g.May(change(ev.EnsureNetwork{}, "n1", 3, 1)), ev.Approval, "")
	p, err := ReadPending(dir)
	if err != nil || len(p.Items) != 1 {
		t.Fatalf("%+v %v", p, err)
	}
	id := p.Items[0].ID
	for name, said := range map[string]string{"aaaaaaaa": `{"id":`, "bbbbbbbb": `{"id":"cccccccc","answer":"approved"}`, id: `{"id":"` + id + `","answer":"perhaps"}`} {
		if err := os.WriteFile(answerFile(dir, name), []byte(said), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g.Look()
	is(t, "still asked", g.May(change(ev.EnsureNetwork{}, "n1", 3, 1)), ev.Approval, "")
	if left, _ := filepath.Glob(answerFile(dir, "*")); len(left) != 0 {
		t.Errorf("looked at for ever: %v", left)
	}
	if err := os.WriteFile(answerFile(dir, "aaaaaaaa"), []byte(`{`), 0o600); err != nil {
		t.Fatal(err)
	}
	say(t, g, Approved)
	is(t, "answered", g.May(change(ev.EnsureNetwork{}, "n1", 3, 1)), "", "")
	if err := os.WriteFile(answerFile(dir, "aaaaaaaa"), []byte(`{`), 0o600); err != nil {
		t.Fatal(err)
	}
	opened(t, dir, "") // one that starts is not kept from it
}
