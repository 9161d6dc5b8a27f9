package kube_test

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

// children is how many processes of Helm's the server has.
func (c *control) children() int {
	out, _ := exec.CommandContext(c.Context(), "pgrep", "-P", fmt.Sprint(c.server.Process.Pid)).Output() // 1: there is none
	return len(strings.Fields(string(out)))
}

// An upgrade whose hook hangs is given up at its deadline: its process ends, though its hooks might take an hour, and what
// was deployed before comes back. Another wish ends one too, and comes about.
func TestAHangingReleaseEndsWithItsPhase(t *testing.T) {
	t.Parallel()
	rig, api := newRig(t)
	c := startControl(t, rig.Kubeconfig, 60)
	base, _, _ := strings.Cut(strings.Replace(offer, "region: eu-central", "region: eu-central, drift: report", 1), "---\nkind: application")
	c.run(base, "apply", "-f", "-", "--wait", "--timeout", "2m")
	url, login := repository(t)
	c.knows("zoo", "private", login)
	spec := func(hook string, replicas int) string {
		return fmt.Sprintf("{chart: {name: web, version: 1.0.0, repository: %q, credentials: private, timeout: 3600}, values: {hook: %q, replicas: %d}}", url, hook, replicas)
	}
	c.run("", "application", "create", "zoo/prod_web", "--spec", spec("", 1), "--wait", "--timeout", "1m")
	hangs := func() {
		t.Helper()
		c.run("", "application", "update", "zoo/prod_web", "--spec", spec("hold", 2))
		kubetest.Eventually(t, "its upgrade hangs", func() bool {
			return slices.Contains(statesOf(t, api, "web"), "pending-upgrade") && c.children() == 1
		})
	}
	hangs()
	c.run("", "application", "update", "zoo/prod_web", "--spec", spec("", 2), "--wait", "--timeout", "1m")
	if n := c.children(); n != 0 {
		t.Errorf("%d processes are left beside the upgrade that came about", n)
	}
	hangs()
	kubetest.Eventually(t, "its upgrade is given up", func() bool {
		phase, _ := c.phase("application", "zoo/prod_web")
		return phase == "Failed"
	})
	if n := c.children(); n != 0 {
		t.Errorf("%d processes are left beside the rollback", n)
	}
	if got := strings.Join(statesOf(t, api, "web"), " "); strings.Count(got, "deployed") != 1 || strings.Contains(got, "pending") {
		t.Error("the release is", got)
	}
	d, err := api.Get(t.Context(), "apps/v1", "Deployment", "zoo--prod", "web")
	if err != nil || fmt.Sprint(d["spec"].(map[string]any)["replicas"]) != "2" {
		t.Error("what was deployed before is not back:", d["spec"], err)
	}
	withoutInstaller(t, c, api)
}

// withoutInstaller deletes an application where the account that installs is gone: it ends when that is back, and not before.
func withoutInstaller(t *testing.T, c *control, api kube.API) {
	t.Helper()
	if err := api.Delete(t.Context(), "v1", "ServiceAccount", "zoo--prod", policy.InstallerAccount); err != nil {
		t.Fatal(err)
	}
	c.run("", "application", "delete", "zoo/prod_web")
	c.explains("application", "zoo/prod_web", "dependency")
	c.explains("tenant", "zoo/prod", "drifted")
	c.run("", "tenant", "retry", "zoo/prod")
	c.reaches("application", "zoo/prod_web", "Uninstalled")
	if left := statesOf(t, api, "web"); len(left) > 0 {
		t.Error("left:", left)
	}
}
