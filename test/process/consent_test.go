package process

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// theirDataplane is a customer's own account, into which an agent alone goes, and a dataplane in it.
var theirDataplane, _, _ = strings.Cut(insideTheirs, "---\n{kind: tenantinfra")

// People beside an agent are asked before a dataplane is made. What they deny is the dataplane's reason; asked once more they
// approve, and one approval makes all of it. An answer that nobody can read holds up nothing.
func TestPeopleBesideAnAgentAreAsked(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "0")
	p.start()
	dir := t.TempDir()
	file, policy := filepath.Join(dir, "theirs.yaml"), filepath.Join(dir, "policy.yaml")
	overwrite(t, file, theirDataplane)
	overwrite(t, policy, "approve: [create]\n")
	if s := p.cli("apply", "-f", file); s.code != 0 {
		t.Fatalf("apply: %+v", s)
	}
	var invited struct{ Token string }
	if s := p.cli("agent", "invite", "acme/edge", "--dataplane", "edge", "-o", "json"); json.Unmarshal([]byte(s.out), &invited) != nil {
		t.Fatalf("invite: %+v", s)
	}
	a := &agentOf{t: t, dir: filepath.Join(dir, "agent"), log: filepath.Join(dir, "log")}
	a.start("--join", invited.Token, "--policy", policy)
	beside := func(words ...string) string {
		s := finish(aerie(t.Context(), append(append([]string{"agent"}, words...), "--data-dir", a.dir)...))
		if s.code != 0 {
			t.Logf("agent %v: %+v", words, s)
		}
		return s.out
	}
	asked := func() bool { return strings.Contains(beside("pending"), "acme/edge") }
	until(t, "they are asked", asked)
	until(t, "the control plane says who is waited for", func() bool { return strings.Contains(p.cli("why", "dataplane", "acme/edge").out, "approval") })
	beside("deny", "--all", "--because", "not this quarter")
	until(t, "it is told that they have denied it", func() bool { return strings.Contains(p.cli("why", "dataplane", "acme/edge").out, "not this quarter") })
	if s := p.cli("dataplane", "retry", "acme/edge"); s.code != 0 {
		t.Fatalf("retry: %+v", s)
	}
	until(t, "they are asked again", asked)
	if err := os.WriteFile(filepath.Join(a.dir, "consent", "answers", "aaaaaaaa.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	beside("approve", "--all")
	until(t, "it is made", func() bool { return strings.Contains(p.cli("get", "dataplane", "acme/edge").out, "Active") })
	a.kill()
	if s := p.cli("log", "verify"); s.code != 0 {
		t.Errorf("log verify: %+v", s)
	}
}
