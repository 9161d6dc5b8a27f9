package process

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/internal/server"
)

// Each cloud is worked in by who can reach it: AWS by a replica that has no simulated cloud, or waits for it while another
// has it. What is to be done in the simulated one waits for who has that.
func TestEachCloudStandsAlone(t *testing.T) {
	a := startAWS(t, "600")
	for _, e := range a.env {
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
	x := natstest.StartExternal(t, 1, nil)
	replica := func(cloudDir string) *server.Control {
		t.Helper()
		c, err := server.Start(server.Settings{DataDir: filepath.Join(t.TempDir(), "data"), HTTP: "127.0.0.1:0", NATSURL: x.URL(), SimSpeed: 600, CloudDir: cloudDir})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	closed := func(c *server.Control) {
		t.Helper()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	account := func(c *server.Control, name, spec string, more ...string) {
		t.Helper()
		told(c, t, 0, "", append([]string{"account", "create", name, "--spec", spec}, more...)...)
	}
	dir := filepath.Join(t.TempDir(), "cloud")

	alone := replica("")
	defer closed(alone)
	account(alone, "-/main", `{"cloud":"sim","number":"1"}`)
	account(alone, "-/home", `{"cloud":"aws","number":"111122223333"}`, "--wait", "--timeout", "1m")
	if out := told(alone, t, 0, "", "get", "account", "main"); !strings.Contains(out, "Verifying") {
		t.Errorf("nobody works in its cloud: %s", out)
	}

	first := replica(dir)
	told(first, t, 0, "kind: account\nname: main\nspec: {cloud: sim, number: \"1\"}\n", "apply", "--wait", "--timeout", "1m", "-f", "-")

	second := replica(dir) // waits for the simulated cloud
	defer closed(second)
	account(second, "-/home2", `{"cloud":"aws","number":"111122223333"}`, "--wait", "--timeout", "1m")
	closed(first)
	account(second, "-/main2", `{"cloud":"sim","number":"2"}`, "--wait", "--timeout", "1m")
}
