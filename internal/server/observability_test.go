package server

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/workers/command"
)

const observability = "../../deploy/observability/"

// asksFor is where a metric comes from that a server alone does not export.
var asksFor = map[string]string{
	"aerie_log_server_sequence": "--nats-monitor",
	"aerie_log_server_differs":  "several NATS servers",
	"up":                        "Prometheus itself",
}

var named = regexp.MustCompile(`\b(aerie|go|process)_[a-z_]+|\bup\b`)

// rules are the expressions of the alert rules, by name.
func rules(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(observability + "alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string `json:"name"`
			Rules []struct {
				Alert       string            `json:"alert"`
				Expr        string            `json:"expr"`
				For         string            `json:"for"`
				Labels      map[string]string `json:"labels"`
				Annotations map[string]string `json:"annotations"`
			} `json:"rules"`
		} `json:"groups"`
	}
	if err := yaml.UnmarshalStrict(text, &file); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" || r.Expr == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" || r.Labels["severity"] == "" {
				t.Errorf("a rule lacks something: %+v", r)
			}
			if _, err := time.ParseDuration(r.For); r.For != "" && err != nil {
				t.Errorf("%s: %v", r.Alert, err)
			}
			all[r.Alert] = r.Expr
		}
	}
	return all
}

// panels are the expressions of the dashboard, by the title of their panel.
func panels(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(observability + "dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string `json:"title"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, p := range dashboard.Panels {
		for _, of := range p.Targets {
			all[p.Title] += of.Expr + "\n"
		}
	}
	return all
}

// scrape is what a server with an account that was verified exports.
func scrape(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "cloud"), 0o700); err != nil {
		t.Fatal(err)
	}
	denied := []byte(`[{"op": "Check", "match": "222222222222", "times": -1, "class": "denied"}]`)
	if err := os.WriteFile(filepath.Join(dir, "cloud", "faults.json"), denied, 0o600); err != nil {
		t.Fatal(err)
	}
	c := startedIn(t, dir)
	var seq uint64
	for _, r := range []command.Request{
		{Kind: "account", Name: "main", Body: []byte(`{"spec": {"cloud": "sim", "number": "111111111111"}}`)},
		{Kind: "account", Name: "spare", Body: []byte(`{"spec": {"cloud": "sim", "number": "222222222222"}}`)},
		{Kind: "dataplane", Name: "eu", Body: []byte(`{"spec": {"account": "-/spare", "region": "eu-central", "type": "shared", "version": "1.36"}}`)},
	} {
		r.Owner, r.Verb, r.Caller = ev.Platform, ev.VerbCreate, ev.LocalAdmin()
		answer, err := c.Intake.SubmitRequest(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		seq = answer.Seq
	}
	scraped(t, c)   // a request is counted when it has been answered: the next one tells of this one
	for ; ; seq++ { // until one account is Ready, and the dataplane of the other waits
		if err := c.Live.Wait(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
		text := scraped(t, c)
		if strings.Contains(text, `aerie_entities{kind="account",phase="Ready"} 1`) && strings.Contains(text, `aerie_not_ready{kind="account",reason="unauthorized"} 1`) {
			return text
		}
	}
}

func scraped(t *testing.T, c *Control) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.APIURL()+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.Token)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil || a.StatusCode != http.StatusOK {
		t.Fatalf("%v %d", err, a.StatusCode)
	}
	return string(text)
}

// Every metric that the rules and the dashboard name is exported by a running server, and described.
func TestObservabilityNamesWhatThereIs(t *testing.T) {
	text := scrape(t)
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for what, of := range map[string]map[string]string{"alert": rules(t), "panel": panels(t)} {
		if len(of) < 10 {
			t.Errorf("only %d %ss", len(of), what)
		}
		for name, expr := range of {
			if strings.Count(expr, "(") != strings.Count(expr, ")") || strings.Count(expr, "{") != strings.Count(expr, "}") {
				t.Errorf("%s %s: a bracket is missing", what, name)
			}
			for _, metric := range named.FindAllString(expr, -1) {
				if asksFor[metric] == "" && !strings.Contains(text, "\n"+metric+"{") && !strings.Contains(text, "\n"+metric+" ") {
					t.Errorf("%s %s: no server exports %s", what, name, metric)
				}
				whole := regexp.MustCompile("_(bucket|sum|count)$").ReplaceAllString(metric, "")
				if strings.HasPrefix(metric, "aerie_") && !strings.Contains(string(page), "`"+whole+"`") {
					t.Errorf("%s %s: docs/metrics.md does not have %s", what, name, whole)
				}
			}
		}
	}
	for _, line := range []string{
		`aerie_oldest_owed_seconds{account="-/main"} 0`, `aerie_loop_stalled{loop="intake"} 0`, `aerie_jetstream_consumer_pending{consumer="executor",stream="AERIE_WORK"} 0`,
		`aerie_attempts_failed_total{code="quota_exceeded"} 0`, `aerie_owed{effect="await"} 1`, `aerie_not_ready{kind="dataplane",reason="dependency"} 1`, `aerie_drift_total{how="changed",kind="tenant"} 0`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("%s is not in\n%s", line, text)
		}
	}
	for _, start := range []string{`aerie_cloud_call_duration_seconds_count{class="ok",cloud="sim",op="Check"} `, `aerie_round_commands_count `, `aerie_jetstream_bytes{stream="AERIE_EVENTS"} `} {
		if !strings.Contains(text, "\n"+start) {
			t.Errorf("%s is not in\n%s", start, text)
		}
	}
	promtool(t, text, "check", "metrics")
	promtool(t, "", "check", "rules", observability+"alerts.yaml")
	promtool(t, "", "test", "rules", observability+"alerts_test.yaml")
}

// promtool runs Prometheus' own tool, if it is there; make test-extra asks for it.
func promtool(t *testing.T, in string, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("AERIE_EXTRA") != "" {
			t.Error("promtool is not there")
		}
		return
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdin = strings.NewReader(in)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
