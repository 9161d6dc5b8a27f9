package emulator

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/journal"
	"github.com/aeriehq/aerie/cloud/script"
)

func TestLedger(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir)
	tagged := func(name, owner, purpose, zone string) {
		do(t, w, func(c *Call) {
			c.Here().Make(Resource{Kind: "thing", Name: name, Tags: map[string]string{OwnerTag: owner, "Name": purpose}, Doc: Doc{"availabilityZone": zone}}, 0)
		})
	}
	tagged("1", "o", "p", "a")
	tagged("2", "o", "p", "b")
	tagged("3", "o", "q", "a")
	tagged("4", "x", "p", "a")
	if twins := open(t, dir).ledger(t).Twice(); len(twins) != 0 {
		t.Errorf("%+v", twins)
	}
	do(t, w, func(c *Call) { c.Drop(c.Here().Find("thing", "", "1")) })
	tagged("5", "o", "p", "a") // anew, not twice
	tagged("6", "o", "p", "a") // twice
	must(t, w.Do(Record{Account: "b", Caller: "me", Home: "a"}, func(*Call) Outcome { return Outcome{Status: 403, Code: "No"} }))
	l := w.ledger(t)
	if twins := l.Twice(); len(twins) != 1 || twins[0].First.Name != "5" || twins[0].Second.Name != "6" || twins[0].Second.By.Caller != "me" {
		t.Errorf("%+v", twins)
	}
	if live := l.Live(time.Now()); len(live) != 5 || live[0].Name != "2" || live[0].Owner() != "o" {
		t.Errorf("%+v", live)
	}
	touched := l.Touched()
	if len(touched) != 2 || touched[0].Calls != 7 || touched[1] != (Change{Caller: "me", Home: "a", Account: "b", Calls: 1, Refused: 1}) {
		t.Errorf("%+v", touched)
	}
}

// TestLiveKnowsTheTime counts what is about to go until it goes, though nobody looks.
func TestLiveKnowsTheTime(t *testing.T) {
	w := open(t, t.TempDir())
	do(t, w, func(c *Call) {
		a := make1(c, "a")
		a.Due = &Scheduled{At: c.After(time.Minute), Set: Doc{"state": "deleted"}, Then: &Scheduled{At: c.After(time.Hour), Gone: true}}
		make1(c, "b").With = a.N
	})
	for after, want := range map[time.Duration]int{0: 2, 2 * time.Minute: 0, 2 * time.Hour: 0} {
		if live := w.ledger(t).Live(w.Now().Add(after)); len(live) != want {
			t.Errorf("after %v: %+v, want %d", after, live, want)
		}
	}
}

func (w *World) ledger(t *testing.T) Ledger {
	t.Helper()
	l, err := ReadLedger(w.options.Dir)
	must(t, err)
	return l
}

// TestAuthority is the same after a restart, and vouches for its servers.
func TestAuthority(t *testing.T) {
	dir := t.TempDir()
	first, err := OpenAuthority(dir)
	must(t, err)
	again, err := OpenAuthority(dir)
	must(t, err)
	if string(first.PEM) != string(again.PEM) {
		t.Fatal("another authority")
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(first.PEM) {
		t.Fatal("no PEM")
	}
	made, err := again.Certificate("cloud.example")
	must(t, err)
	leaf, err := x509.ParseCertificate(made.Certificate[0])
	must(t, err)
	for _, host := range []string{"127.0.0.1", "localhost", "cloud.example", "::1"} {
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: host}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestFaultsAreChecked(t *testing.T) {
	for _, row := range []struct {
		file string
		want bool
	}{
		{`[{"op": "CreateVpc", "code": "InternalError", "times": -1}]`, true},
		{`[{"throttle": true, "retry_after": "3s"}]`, true},
		{`[{"issue": true, "code": "AsgInstanceLaunchFailures"}]`, true},
		{`[{"stale": "1m"}]`, true},
		{`[]`, true},
		{`[{"op": "ec2:*", "cut": true}, {"op": "eks:CreateCluster", "lost": true}]`, true},
		{`[{"op": "eks:CreateVpc", "cut": true}]`, false},
		{`[{"op": "CreateVcp", "cut": true}]`, false},
		{`[{"op": "CreateVpc"}]`, false},
		{`[{"lost": true, "cut": true}]`, false},
		{`[{"stale": "soon"}]`, false},
		{`[{"unknown": true}]`, false},
		{`{}`, false},
	} {
		if _, err := parseFaults([]byte(row.file), []string{"ec2:CreateVpc", "eks:CreateCluster"}); (err == nil) != row.want {
			t.Errorf("%s: %v", row.file, err)
		}
	}
}

func TestFaultsAreCounted(t *testing.T) {
	given, err := parseFaults([]byte(`[{"op": "a:Do", "match": "x", "nth": 2, "times": 2, "code": "C"}]`), []string{"a:Do"})
	must(t, err)
	f := faults{}
	f.Write(given)
	for i, row := range []struct {
		record Record
		want   bool
	}{
		{Record{Service: "a", Op: "Do", Name: "x1"}, false},
		{Record{Service: "b", Op: "Do", Name: "x1"}, false},
		{Record{Service: "a", Op: "Other", Name: "x1"}, false},
		{Record{Service: "a", Op: "Do", Name: "y"}, false},
		{Record{Service: "a", Op: "Do", Region: "x"}, true},
		{Record{Service: "a", Op: "Do", Caller: "x"}, true},
		{Record{Service: "a", Op: "Do", Name: "x"}, false},
	} {
		if _, hit := f.Strike(Calling, row.record); hit != row.want {
			t.Errorf("%d: %v", i, hit)
		}
	}
}

func TestHandsAreChecked(t *testing.T) {
	w := open(t, t.TempDir())
	for _, h := range []ManualChange{{}, {Delete: "thing", Change: "thing", Set: Doc{}}, {Change: "thing"}, {Delete: "none"}, {Delete: "thing", Set: Doc{}}, {Delete: "thing", Advance: Duration{time.Hour}}} {
		if _, err := w.ByHand(h); err == nil {
			t.Errorf("%+v was done", h)
		}
	}
}

// FuzzJournal reads any file as a journal, and folds what it takes for one.
func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"n":1,"put":[{"n":1,"kind":"k","doc":{},"due":{"at":"2026-01-01T00:00:00Z","gone":true}}]}`))
	f.Add([]byte(`{"n":1,"put":[null]}`))
	f.Add([]byte(`{"n":2,"cluster":1,"object":{"kind":"K"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := journal.Parse[line](data)
		if err != nil {
			return
		}
		s := newState()
		s.fold(l)
		s.fold(line{N: l.N + 1, Del: []int64{1}})
		r := ledgerReader{at: map[int64]int{}}
		r.read(l)
		r.Live(time.Now())
		r.Twice()
		r.Touched()
	})
}

// FuzzScripts reads any file as a fault script and as work for hands.
func FuzzScripts(f *testing.F) {
	f.Add([]byte(`[{"op":"x","throttle":true}]`))
	f.Add([]byte(`[{"delete":"thing"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if given, err := parseFaults(data, []string{"a:x"}); err == nil {
			s := faults{}
			s.Write(given)
			s.Strike(Calling, Record{Op: "x"})
		}
		var hands []ManualChange
		if script.Strict(data, &hands) == nil {
			for _, h := range hands {
				_ = h.validate([]string{"thing"})
				h.hits(&Resource{})
			}
		}
	})
}
