package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestReadme does what README.md says, word for word, with and without XDG's variables.
func TestReadme(t *testing.T) {
	for name, xdg := range map[string]bool{"XDG set": true, "XDG unset": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			out := runPage(t, "../../README.md", xdg)
			for _, want := range []string{"tenant acorn/prod: Active", "report on the tenant's namespace", "at rest: Active", `"phase":"Active"`, "update"} {
				if !strings.Contains(out, want) {
					t.Errorf("%q is missing", want)
				}
			}
			if took := time.Since(began); took > 2*time.Minute || t.Failed() {
				t.Errorf("it took %s:\n%s", took, out)
			}
		})
	}
}

// TestPages does what every other page says, word for word, by make test-extra with and without XDG's
// variables.
func TestPages(t *testing.T) {
	ran := 0
	for _, page := range allPages(t) {
		blocks := blocksOf(t, page)
		if page == "../../README.md" || !anyRuns(blocks) {
			continue
		}
		ran++
		modes := map[string]bool{"XDG set": true}
		if os.Getenv("AERIE_EXTRA") != "" { // make test-extra, where the nats CLI is there too
			modes["XDG unset"] = false
		}
		for name, xdg := range modes {
			t.Run(strings.TrimPrefix(page, "../../")+" "+name, func(t *testing.T) {
				t.Parallel()
				if out := runPage(t, page, xdg); t.Failed() || testing.Verbose() {
					t.Log(out)
				}
			})
		}
	}
	if ran < 8 {
		t.Errorf("only %d pages have commands that are run", ran)
	}
}

// runPage runs the commands of a page in their order by one shell, from a directory with a space in its name, with the
// addresses that they have by themselves, in a network of their own.
func runPage(t *testing.T, page string, xdg bool) string {
	t.Helper()
	dir := checkout(t)
	env := []string{"HOME=" + filepath.Join(dir, "home"), "PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH"), "AERIE_HELM=" + os.Getenv("AERIE_HELM")}
	if xdg {
		env = append(env, "XDG_STATE_HOME="+filepath.Join(dir, "state of things"), "XDG_CONFIG_HOME="+filepath.Join(dir, "config"))
	}
	blocks := blocksOf(t, page)
	if strings.Contains(scriptOf(blocks), "nats-server -c ") {
		installNATSServer(t, filepath.Join(dir, "bin"))
	}
	out := inOwnNetwork(t, dir, env, scriptOf(blocks))
	if t.Failed() {
		log, _ := os.ReadFile(filepath.Join(dir, "server.log"))
		t.Logf("server.log:\n%s", log)
	}
	return out
}

// installNATSServer makes a nats-server of the version that aerie embeds, where the machine has none.
func installNATSServer(t *testing.T, dir string) {
	t.Helper()
	if _, err := exec.LookPath("nats-server"); err == nil {
		return
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "nats-server"), "github.com/nats-io/nats-server/v2")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build nats-server: %v: %s", err, out)
	}
}

// checkout makes a directory as a newcomer has it after the build.
func checkout(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "my projects")
	for _, d := range []string{"home", "bin", "deploy"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(dir, "deploy", "offers"), os.DirFS("../../deploy/offers")); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{"aerie": program, "aerie-helm": os.Getenv("AERIE_HELM")} {
		if err := os.Symlink(file, filepath.Join(dir, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	overwrite(t, filepath.Join(dir, "home", ".curlrc"), "fail\nsilent\nshow-error\n") // a refusal is then an error
	return dir
}
