package kube_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/internal/testbudget"
)

var (
	kills = flag.Int("kills", 0, "how often each operation on a release is killed in its middle; 0: as internal/testbudget says")
	seed  = flag.Uint64("seed", 1, "which moments they are killed at")
)

// often is how often that is.
func often(t testing.TB) int {
	t.Helper()
	return testbudget.Of(t, testbudget.KubeKills, *kills)
}

// moments are moments of an operation that writes so often, two at each write, before and after it: all of them before
// one comes again, in an order that the seed chooses.
func moments(writes, n int) (all []strike) {
	r := rand.New(rand.NewPCG(*seed, uint64(writes)))
	for len(all) < n {
		for _, i := range r.Perm(2 * writes) {
			all = append(all, strike{n: i / 2, after: i%2 == 1})
		}
	}
	return all[:n]
}

// operations are an operation on a release in each state of its life, and what was done before it.
var operations = []struct {
	name   string
	before []map[string]any // the values of the revisions before it
	op     helm.Op
	values map[string]any
}{
	{"install", nil, helm.Ensure, nil},
	{"upgrade", []map[string]any{{}}, helm.Ensure, map[string]any{"replicas": 2}},
	{"rollback", []map[string]any{{}, {"replicas": 2}}, helm.Revert, nil},
	{"uninstall", []map[string]any{{}, {"replicas": 2}}, helm.Remove, nil},
}

// A child is killed at any write of an operation, before or after the API server has done it. Whoever comes next brings
// the release to the wished end, and no trace of the middle is left.
func TestKilledAtAnyWrite(t *testing.T) {
	for _, row := range operations {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, rig)
			count := strike{n: math.MaxInt}
			writes := killed(t, p, row.name+"-whole", row.before, row.op, row.values, count)
			for i, m := range moments(writes, often(t)) {
				t.Run(fmt.Sprintf("%d-write-%d-after-%v", i, m.n, m.after), func(t *testing.T) {
					killed(t, p, fmt.Sprintf("%s-%d", row.name, i), row.before, row.op, row.values, m)
				})
			}
		})
	}
}

// killed does what was before, begins an operation, kills it at a moment, and lets another child end it. It returns how
// often the first one wrote.
func killed(t *testing.T, p *proxy, name string, before []map[string]any, op helm.Op, values map[string]any, at strike) int {
	t.Helper()
	ensureTenant(t, tenantOf(name, "one"))
	s := shop{t, name + "--one"}
	for _, v := range before {
		s.done(s.request(helm.Ensure, "1.0.0", v))
	}
	q := s.request(op, "1.0.0", values)
	through := q
	reach := *q.Cluster
	reach.Endpoint, reach.CA = p.URL, p.ca
	through.Cluster = &reach
	child := exec.Command(helm.Program())
	at.namespace, at.do = s.namespace+"/", func() { _ = child.Process.Kill() }
	p.arm(at)
	kill := s.begin(child, through)
	err := child.Wait()
	writes := p.counted()
	kill()
	if whole := at.n == math.MaxInt; whole == (err != nil) {
		t.Fatalf("it was to be killed at write %d of %d: %v", at.n, writes, err)
	}
	s.done(q)
	s.ended(op)
	return writes
}

// done does an operation and wants it done.
func (s shop) done(q helm.Request) {
	s.Helper()
	if _, err := s.run(q); err != nil {
		s.Fatal(q.Op, err)
	}
}

// ended wants the release where an operation leaves it, and no trace of its middle.
func (s shop) ended(op helm.Op) {
	s.Helper()
	states := strings.Join(s.states(), " ")
	if op == helm.Remove {
		if states != "" {
			s.Error("left:", states)
		}
		return
	}
	if strings.Count(states, "deployed") != 1 || strings.Contains(states, "pending") || strings.Contains(states, "uninstalling") {
		s.Error("it is", states)
	}
}
