package execute

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
)

// TestALoginForARepository: its password is read for its owner, for its own URL alone, and said nowhere; without a repository
// the server's file is the login, as ever.
func TestALoginForARepository(t *testing.T) {
	r := newSecretsRig(t)
	r.put("acme/charts/password", "hunter22")
	r.charts.Logins = t.TempDir()
	if err := os.Mkdir(filepath.Join(r.charts.Logins, "acme"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.charts.Logins, "acme", "old.json"), []byte(`{"username":"me","password":"hunter33"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	at := func(store, name string) ev.SecretSource {
		return ev.SecretSource{SecretRef: ev.SecretRef{Store: store, Name: name, Key: "password"}}
	}
	repositories := map[string]ev.RepositorySpec{
		"charts":  {URL: "https://charts.example.com/acme", Username: "robot", Password: at("files", "acme/charts")},
		"foreign": {URL: "https://charts.example.com/acme", Password: at("files", "birch/charts")},
		"absent":  {URL: "https://charts.example.com/acme", Password: at("files", "acme/none")},
		"tenants": {URL: "https://charts.example.com/acme", Password: at("tenant", "charts")}, // which no intake takes
	}
	for _, row := range []struct{ owner, credentials, from, password, code string }{
		{"acme", "charts", "https://charts.example.com/acme", "hunter22", ""},
		{"acme", "charts", "https://charts.example.com/acme/stable", "hunter22", ""},
		{"acme", "charts", "https://charts.example.com/acme.evil", "", "config_problem"},
		{"acme", "charts", "https://evil.example.com", "", "config_problem"},
		{"acme", "foreign", "https://charts.example.com/acme", "", "config_problem"},
		{"acme", "absent", "https://charts.example.com/acme", "", "dependency"},
		{"acme", "tenants", "https://charts.example.com/acme", "", "config_problem"},
		{"acme", "old", "https://anywhere.example.com", "hunter33", ""},
		{"acme", "nosuch", "https://anywhere.example.com", "", "config_problem"},
		{"birch", "charts", "https://charts.example.com/acme", "", "config_problem"},
	} {
		task, _ := r.task(row.owner, ev.Application)
		task.repository = func(owner, name string) (ev.RepositorySpec, bool) {
			s, known := repositories[name]
			return s, known && owner == "acme"
		}
		login, err := task.login(t.Context(), ev.Chart{Name: "web", Repository: row.from, Credentials: row.credentials})
		if login.Password != row.password || (err == nil) != (row.code == "") {
			t.Errorf("%+v: %+v %v", row, login, err)
			continue
		}
		if err == nil {
			err = errors.New("401 for robot:" + row.password)
		}
		why, _ := task.reasonAt(queue.Nowhere, &kube.Error{Code: kube.Invalid, Op: "pull", Message: err.Error(), Err: err})
		if said, _ := json.Marshal(why); strings.Contains(string(said), "hunter") {
			t.Errorf("%+v: %s", row, said)
		}
		if row.code != "" {
			if why, _ := task.reasonAt(queue.Nowhere, err); string(why.Code) != row.code {
				t.Errorf("%+v: %s %s", row, why.Code, why.Message)
			}
		}
	}
}

// TestAMirrorIsTakenInstead: charts come from where the agent's policy says, without the login for where they are from, and are the same
// wish: nothing is installed anew when a mirror comes or goes.
func TestAMirrorIsTakenInstead(t *testing.T) {
	r := newSecretsRig(t)
	r.put("acme/charts/password", "hunter22")
	task, _ := r.task("acme", ev.Application)
	task.repository = func(string, string) (ev.RepositorySpec, bool) {
		return ev.RepositorySpec{URL: "https://charts.example.com", Password: ev.SecretSource{SecretRef: ev.SecretRef{Store: "files", Name: "acme/charts", Key: "password"}}}, true
	}
	e := ev.EnsureApplication{Name: "web", Namespace: "acme--prod", Chart: ev.Chart{Name: "web", Version: "1.0.0", Repository: "https://charts.example.com/stable", Credentials: "charts"}}
	plain, err := task.request(t.Context(), helm.Ensure, e, filling{})
	if err != nil || plain.Chart.Repository != e.Chart.Repository || plain.Chart.Login.Password != "hunter22" {
		t.Fatalf("%+v: %v", plain.Chart, err)
	}
	r.charts.Mirrored = func(repository string) string {
		return strings.Replace(repository, "charts.example.com", "mirror.corp.example", 1)
	}
	mirrored, err := task.request(t.Context(), helm.Ensure, e, filling{})
	if err != nil || mirrored.Chart.Repository != "https://mirror.corp.example/stable" || mirrored.Chart.Login.Password != "" || mirrored.Digest != plain.Digest {
		t.Errorf("%+v, digest %s and %s: %v", mirrored.Chart, mirrored.Digest, plain.Digest, err)
	}
}
