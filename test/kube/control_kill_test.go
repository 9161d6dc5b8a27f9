package kube_test

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
)

// steps are the commands of one application's life, each of which is an operation on its release.
var steps = []struct {
	name, phase string // where it ends
	command     []string
}{
	{"install", "Deployed", []string{"create", "--spec", `{chart: {name: exporter, version: 0.1.0}, values: {target: a}}`}},
	{"upgrade", "Deployed", []string{"update", "--spec", `{chart: {name: exporter, version: 0.1.0}, values: {target: b}}`}},
	{"rollback", "Deployed", []string{"rollback"}},
	{"uninstall", "Uninstalled", []string{"delete"}},
}

// The control plane is killed, as a process, at any write of each operation on a release, and started again on what it
// had: each operation ends, and no release stays in the middle of one.
func TestControlPlaneKilled(t *testing.T) {
	t.Parallel()
	rig, admin := newRig(t)
	p := newProxy(t, rig)
	c := startControl(t, p.kubeconfig(t), 60)
	base, _, _ := strings.Cut(offer, "---\nkind: application")
	c.run(base, "apply", "-f", "-", "--wait", "--timeout", "2m")
	writes := map[string]int{}
	for _, s := range steps { // once without a kill
		writes[s.name] = c.operate(admin, p, s.command, s.phase, strike{n: math.MaxInt})
	}
	n := often(t)
	for i := range n {
		for _, s := range steps {
			m := moments(writes[s.name], n)[i]
			c.operate(admin, p, s.command, s.phase, m)
			t.Logf("%s %d: killed at write %d of %d, after it: %v", s.name, i, m.n, writes[s.name], m.after)
			c.settled(admin, s.phase)
		}
	}
}

// operate gives a command, kills the server at a moment of what follows from it, starts it again and waits for the end.
// It returns how often was written, if it was not killed.
func (c *control) operate(admin kube.API, p *proxy, command []string, phase string, at strike) int {
	c.Helper()
	struck := make(chan struct{})
	at.namespace, at.do = "zoo--prod/", func() {
		c.kill()
		close(struck)
	}
	before, _ := c.release(admin)
	p.arm(at)
	c.run("", append([]string{"application", command[0], "zoo/prod_exporter"}, command[1:]...)...)
	if at.n != math.MaxInt && c.strikes(p, struck, func() bool {
		version, states := c.release(admin)
		return phase == "Uninstalled" && len(states) == 0 || phase == "Deployed" && version > before && states[len(states)-1] == "deployed"
	}) {
		c.start()
	}
	c.reaches("application", "zoo/prod_exporter", phase)
	return p.counted()
}

// strikes waits for the strike, and says whether it came. What finds something done already does not write again, so all may have
// ended first; only a cluster can tell, since the control plane may just be killed.
func (c *control) strikes(p *proxy, struck <-chan struct{}, ended func() bool) bool {
	c.Helper()
	kubetest.Eventually(c, "it is killed, or has ended", func() bool {
		select {
		case <-struck:
			return true
		default:
			return ended()
		}
	})
	if p.disarm() {
		return false
	}
	<-struck
	return true
}

// release is the newest version of the release and the states of all.
func (c *control) release(admin kube.API) (newest int, states []string) {
	c.Helper()
	found, err := admin.List(c.Context(), kube.Selector{APIVersion: "v1", Kind: "Secret", Namespace: "zoo--prod", Labels: map[string]string{"owner": "helm"}})
	if err != nil {
		c.Fatal(err)
	}
	all := map[int]string{}
	for _, o := range found {
		version, _ := strconv.Atoi(o.Labels()["version"])
		all[version] = o.Labels()["status"]
		newest = max(newest, version)
	}
	for _, version := range slices.Sorted(maps.Keys(all)) {
		states = append(states, all[version])
	}
	return newest, states
}

// settled wants the release to be in no middle.
func (c *control) settled(admin kube.API, phase string) {
	c.Helper()
	_, states := c.release(admin)
	got := strings.Join(states, " ")
	if strings.Contains(got, "pending") || strings.Contains(got, "uninstalling") || phase == "Deployed" && strings.Count(got, "deployed") != 1 || phase == "Uninstalled" && len(states) > 0 {
		c.Errorf("%s, and the release is %s", phase, got)
	}
}
