package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

const people = `{kind: customer, name: acme, labels: {tier: gold}}
---
{kind: customer, name: birch, labels: {tier: free}}
---
{kind: customer, name: cedar}
`

func TestGetSelects(t *testing.T) {
	c := startControl(t)
	c.do(0, people, "apply", "-f", "-")
	for _, g := range []struct{ args, want string }{
		{"customers -l tier!=gold", "birch cedar"},
		{"customers -l tier=gold", "acme"},
		{"customers -l tier,tier!=gold", "birch"},
		{"customers -l !tier", "cedar"},
		{"customers -l nosuch+notin+(x)", "acme birch cedar"},
		{"customers -l tier+in+(gold,free) -l tier!=free", "acme"},
		{"customer acme cedar acme", "acme cedar"},
		{"customer nobody --ignore-not-found", ""},
		{"customer nobody acme --ignore-not-found", "acme"},
		{"customers --sort-by .seq --no-headers --owner acme", "acme"},
	} {
		args := strings.Fields(g.args)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "+", " ")
		}
		out, _ := c.do(0, "", append([]string{"get", "-o", "name"}, args...)...)
		if got := strings.Join(strings.Fields(out), " "); got != g.want {
			t.Errorf("get %s: %q, want %q", g.args, got, g.want)
		}
	}
	for _, g := range []struct {
		code       int
		args, want string
	}{
		{2, "tenants --owner acne", `owner: there is no customer acne; did you mean "acme"?`},
		{2, "tenants --plan nosuch", "plan: there is no plan -/nosuch; there are no plans yet"},
		{2, "tenants --dataplane nosuch", "dataplane: there is no dataplane -/nosuch"},
		{2, "tenants --phase nosuch", `phase: "nosuch" is not a phase of a tenant`},
		{2, "customers -l a=b=c", `label: "a=b=c" is no label selector: want key=value`},
		{4, "customer acne acme", `there is no customer`},
	} {
		out, errs := c.do(g.code, "", append([]string{"get"}, strings.Fields(g.args)...)...)
		if !strings.Contains(errs, g.want) {
			t.Errorf("get %s: %s, want %s", g.args, errs, g.want)
		}
		if g.code == 4 && !strings.Contains(out, "acme") {
			t.Errorf("what is there is shown all the same: %s", out)
		}
	}
}

// output is what a command that goes on has said so far.
type output struct {
	mu    sync.Mutex
	text  strings.Builder
	wrote chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	select {
	case o.wrote <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// until waits until the output matches.
func (o *output) until(t *testing.T, pattern string) {
	t.Helper()
	for re := regexp.MustCompile(pattern); !re.MatchString(o.String()); {
		select {
		case <-o.wrote:
		case <-time.After(20 * time.Second):
			t.Fatalf("want %s in\n%s", pattern, o.String())
		}
	}
}

// goOn runs a command until the returned function is called, which checks its exit code.
func (c control) goOn(args ...string) (*output, func(code int)) {
	ctx, cancel := context.WithCancel(c.Context())
	o, errs, ended := &output{wrote: make(chan struct{}, 1)}, &output{wrote: make(chan struct{}, 1)}, make(chan int, 1)
	go func() { ended <- Run(ctx, args, strings.NewReader(""), o, errs) }()
	return o, func(code int) {
		c.Helper()
		cancel()
		if got := <-ended; got != code {
			c.Errorf("aerie %s: exit %d, %s%s", strings.Join(args, " "), got, o, errs)
		}
	}
}

func TestGetWatches(t *testing.T) {
	c := startControl(t)
	c.do(0, people, "apply", "-f", "-")
	gold, endGold := c.goOn("get", "customers", "-l", "tier=gold", "-w", "-o", "custom-columns=ID:.id,PHASE:.phase,TIER:.labels.tier")
	one, endOne := c.goOn("get", "customer", "cedar", "-w", "-o", "name")
	gold.until(t, `acme +Active +gold`)
	one.until(t, `cedar`)
	c.do(0, "", "customer", "update", "birch", "--label", "tier=gold")
	gold.until(t, `birch +Active +gold`)
	c.do(0, "", "customer", "update", "birch", "--label", "tier=tin")
	gold.until(t, `birch +Active +tin`) // for the last time
	c.do(0, "", "customer", "update", "birch", "--label", "tier=lead")
	c.do(0, "", "delete", "customer", "acme", "cedar", "--wait")
	gold.until(t, `acme +(Deleted|Closed)`)
	one.until(t, `(cedar\n){2,}`)
	endGold(0)
	endOne(0)
	if got := gold.String(); strings.Contains(got, "cedar") || strings.Contains(got, "lead") || strings.Count(got, "PHASE") != 1 {
		t.Errorf("what does not match is not shown, and the heads once:\n%s", got)
	}
	if got := one.String(); strings.Contains(got, "birch") || strings.Contains(got, "acme") {
		t.Errorf("one alone is watched:\n%s", got)
	}
}

func TestWaitFor(t *testing.T) {
	c := startControl(t)
	c.do(0, people, "apply", "-f", "-")
	if out, _ := c.do(0, "", "wait", "customer", "acme", "birch", "--for", "phase=Active"); out != "customer acme: phase=Active\ncustomer birch: phase=Active\n" {
		t.Error(out)
	}
	c.do(0, "", "wait", "customers", "--all", "--for", "condition=Ready")
	c.do(0, "", "wait", "customers", "-l", "nosuch", "--for", "delete")
	c.do(0, "", "wait", "customer", "nobody", "--for", "delete")
	for _, w := range []struct {
		code       int
		args, want string
	}{
		{4, "customer nobody --for phase=Active", "there is no customer nobody"},
		{4, "customers -l nosuch --for phase=Active", "there are no such customers"},
		{2, "customer acme --for condition=Redy", `a customer has no condition "Redy"; did you mean "Ready"?`},
		{5, "customer acme --for delete --timeout 1ms", "timeout"},
		{5, "customer acme --for condition=Ready=False --timeout 1s", "1 not condition=Ready=False in time"},
		{5, "customer acme --for condition=Ready=False --timeout 1s", "customer acme: Active"},
	} {
		if _, errs := c.do(w.code, "", append([]string{"wait"}, strings.Fields(w.args)...)...); !strings.Contains(errs, w.want) {
			t.Errorf("wait %s: %s", w.args, errs)
		}
	}
	o, end := c.goOn("wait", "customer", "acme", "--for", "delete")
	c.do(0, "", "delete", "customer", "acme")
	o.until(t, "customer acme: delete")
	end(0)
	c.do(4, "", "wait", "customer", "acme", "--for", "condition=Ready")
	c.do(0, `{kind: account, name: main, spec: {cloud: sim, number: "lab"}}
---
{kind: dataplane, name: moon, spec: {account: -/main, region: moon}}`, "apply", "-f", "-")
	if _, errs := c.do(1, "", "wait", "dataplane", "moon", "--for", "phase=Active"); !strings.Contains(errs, "config_problem: dataplane -/moon is Failed") {
		t.Errorf("what will not get there: %s", errs)
	}
	c.do(0, "", "wait", "dataplane", "moon", "--for", "phase=Failed")
}

func TestDeleteSeveral(t *testing.T) {
	c := startControl(t)
	file := filepath.Join(t.TempDir(), "all.yaml")
	if err := os.WriteFile(file, []byte(everyKind), 0o600); err != nil {
		t.Fatal(err)
	}
	c.do(0, "", "apply", "-f", file, "--wait")
	if out, _ := c.do(0, "", "delete", "-f", file, "--dry-run"); !strings.Contains(out, "repository willow/charts: would be: ") || !strings.Contains(out, "customer willow: would be deleted when ") {
		t.Errorf("tried: %s", out)
	}
	c.do(0, "", "delete", "-f", file, "--wait", "--timeout", "2m")
	for _, k := range []string{"accounts", "plans", "dataplanes", "tenantinfras", "tenants", "customers", "applications", "addons", "cells", "cellapplications", "repositories"} {
		if out, _ := c.do(0, "", "get", k, "-o", "name"); out != "" {
			t.Errorf("left: %s", out)
		}
	}
	c.do(0, people, "apply", "-f", "-")
	_, errs := c.do(4, "", "delete", "customer", "acme", "nobody", "nothing")
	if strings.Count(errs, "error: not_found") != 2 {
		t.Errorf("all that are not there are named: %s", errs)
	}
	c.do(0, "", "delete", "customer", "birch", "nobody", "--ignore-not-found")
	if out, _ := c.do(0, "", "get", "customers", "-o", "name"); out != "cedar\n" {
		t.Errorf("left: %s", out)
	}
	read, _ := c.do(0, "", "get", "customer", "cedar", "-o", "yaml")
	c.do(0, "", "delete", "customer", "cedar", "--wait")
	c.do(0, "{kind: customer, name: cedar}", "apply", "-f", "-")
	if _, errs := c.do(3, read, "delete", "-f", "-"); !strings.HasPrefix(errs, "error: conflict: ") {
		t.Errorf("the next of that name: %s", errs)
	}
}

func TestEdit(t *testing.T) {
	c := startControl(t)
	c.do(0, people, "apply", "-f", "-")
	dir := t.TempDir()
	// edits has the editor do something at each call, one after the other; $1 is the file.
	edits := func(scripts ...string) {
		t.Helper()
		for i, s := range scripts {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("edit", i+1)), []byte(s), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		count := filepath.Join(dir, "count")
		_ = os.Remove(count)
		t.Setenv("VISUAL", "")
		t.Setenv("EDITOR", fmt.Sprintf(`f() { echo x >> %[1]s/count; cp "$1" %[1]s/seen$(wc -l < %[1]s/count | tr -d " "); sh %[1]s/edit$(wc -l < %[1]s/count | tr -d " ") "$1"; }; f`, dir))
	}
	seen := func(n int) string {
		data, err := os.ReadFile(filepath.Join(dir, fmt.Sprint("seen", n)))
		if err != nil {
			t.Error(err)
		}
		return string(data)
	}
	edits("true")
	if _, errs := c.do(0, "", "edit", "customer", "acme"); errs != "nothing was changed\n" {
		t.Errorf("nothing: %s", errs)
	}
	if got := seen(1); !strings.HasPrefix(got, "# customer acme: ") || !strings.Contains(got, "kind: customer\nlabels:\n  tier: gold\nname: acme\nspec:\n") {
		t.Errorf("the document:\n%s", got)
	}
	edits(`sed -i 's/tier: gold/tier: "go ld"/; s/displayName/displayname/' "$1"`, `sed -i 's/tier: .*/tier: tin/; s/displayname/displayName/' "$1"`)
	if out, _ := c.do(0, "", "edit", "customer", "acme"); !strings.Contains(out, "customer acme updated") {
		t.Errorf("repaired: %s", out)
	}
	if got := seen(2); !strings.Contains(got, "# error: invalid: ") || !strings.Contains(got, "#   the document:document 1 (customer acme/acme): labels.tier: ") || !strings.Contains(got, `#   the document:document 1 (customer acme/acme): spec.displayname: `) || !strings.Contains(got, `tier: "go ld"`) {
		t.Errorf("the faults are told inside:\n%s", got)
	}
	if out, _ := c.do(0, "", "get", "customer", "acme", "-o", "jsonpath={.labels.tier}"); out != "tin" {
		t.Errorf("the label is %s", out)
	}
	edits(`sed -i 's/tier: .*/tier: "no no"/' "$1"`, "true")
	_, errs := c.do(2, "", "edit", "customer", "acme")
	path := regexp.MustCompile(`what you have written is in (\S+)`).FindStringSubmatch(errs)
	if path == nil {
		t.Fatalf("given up: %s", errs)
	}
	defer os.Remove(path[1])
	if data, err := os.ReadFile(path[1]); err != nil || !strings.Contains(string(data), "no no") {
		t.Errorf("what was written: %v, %s", err, data)
	}
	edits("exit 3")
	if _, errs := c.do(2, "", "edit", "customer", "acme"); !strings.Contains(errs, "exit status 3; nothing was sent") {
		t.Errorf("an editor that fails: %s", errs)
	}
	edits(`sed -i 's/name: acme/name: other/' "$1"`, `: > "$1"`)
	if _, errs := c.do(2, "", "edit", "customer", "acme"); !strings.Contains(errs, "can't change") {
		t.Errorf("another name, then nothing: %s", errs)
	}
}

func TestTailEnds(t *testing.T) {
	c := startControl(t)
	for _, name := range []string{"acme", "birch", "cedar"} { // one after the other: apply sends them at once
		c.do(0, "", "customer", "create", name)
	}
	c.do(0, "", "customer", "update", "acme", "--label", "tier=tin")
	for _, tail := range []struct {
		args string
		want int
	}{
		{"--once", 4},
		{"--once --owner acme", 2},
		{"--once --owner nobody", 0},
		{"--until 2", 2},
		{"--until 2 --owner birch", 1},
		{"--until 3 --after 1", 2},
		{"--until 1 --owner birch", 0},
		{"--until 2020-01-01T00:00:00Z", 0},
		{"--until 0s", 4},
		{"--until 0s --since 1h", 4},
		{"--once --after 4", 0},
	} {
		out, _ := c.do(0, "", append([]string{"tail", "-o", "name"}, strings.Fields(tail.args)...)...)
		if got := strings.Count(out, "\n"); got != tail.want {
			t.Errorf("tail %s: %d events, want %d:\n%s", tail.args, got, tail.want, out)
		}
	}
	if _, errs := c.do(2, "", "tail", "--until", "1000"); !strings.Contains(errs, "--until: 1000: the log ends with 4") {
		t.Error(errs)
	}
	soon := time.Now().Add(2 * time.Second).UTC().Format(time.RFC3339)
	c.do(0, "", "tail", "--until", soon)
}

func TestAnAddressForClientsIsNotTheServersNATS(t *testing.T) {
	for _, c := range []struct {
		url, listen string
		want        bool
	}{
		{"nats://127.0.0.1:4222", listenNATS, true},
		{"127.0.0.1:4222", listenNATS, true},
		{"nats://localhost", listenNATS, true},
		{"tls://token@localhost:4222/", listenNATS, true},
		{"nats://localhost:4333", "0.0.0.0:4333", true},
		{"nats://[::1]:4333", ":4333", true},
		{"nats://127.0.0.1:4223", listenNATS, false},
		{"nats://nats.example.com:4222", listenNATS, false},
		{"nats://a:4222,nats://b:4222", listenNATS, false},
		{"", listenNATS, false},
	} {
		if got := sameAddress(c.url, c.listen); got != c.want {
			t.Errorf("%s at %s: %t", c.url, c.listen, got)
		}
	}
}
