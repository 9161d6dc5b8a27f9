package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server"
	"github.com/aeriehq/aerie/projections/state"
)

// doctored passes on what a control plane answers, after change had its way with it.
func doctored(t *testing.T, c *server.Control, change func(path, body string) (int, string)) string {
	t.Helper()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), r.Method, c.APIURL()+r.URL.RequestURI(), nil)
		if err != nil {
			t.Error(err)
			return
		}
		req.Header = r.Header
		req.Header.Del("Accept-Encoding") // what is changed must be read
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Error(err)
			return
		}
		status, text := change(r.URL.Path, string(body))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(web.Close)
	return web.URL
}

func TestVerify(t *testing.T) {
	c := startShared(t)
	cli(c, t, 0, "", "delete", "application", "elm/campus_postgres", "--wait")
	var good verdict
	if err := json.Unmarshal([]byte(cli(c, t, 0, "", "log", "verify", "-o", "json")), &good); err != nil {
		t.Fatal(err)
	}
	if good.Events < 50 || good.Entities < 20 || good.Differences == nil || len(good.Differences) > 0 {
		t.Errorf("a good log: %+v", good)
	}
	if out := cli(c, t, 0, "", "log", "verify"); !strings.HasSuffix(out, " entities: the views equal the log\n") {
		t.Errorf("a good log: %s", out)
	}
	for _, tt := range []struct {
		name, want string
		change     func(path, body string) (int, string)
	}{
		{"another phase", "customer acorn phase Active Closed", func(path, body string) (int, string) {
			return 200, swapIf(path == "/v1/customers", body, `"id":"acorn"`, `"phase":"Active"`, `"phase":"Closed"`)
		}},
		{"another label", "customer acorn labels segment=finance segment=fun", func(path, body string) (int, string) {
			return 200, swapIf(path == "/v1/customers", body, `"id":"acorn"`, `"finance"`, `"fun"`)
		}},
		{"another spec", "dataplane -/eu spec.region \"eu-central\" \"eu-west\"", func(path, body string) (int, string) {
			return 200, swapIf(path == "/v1/dataplanes", body, `"id":"eu"`, `"region":"eu-central"`, `"region":"eu-west"`)
		}},
		{"another condition", "dataplane -/eu condition NetworkReady True False", func(path, body string) (int, string) {
			return 200, swapIf(path == "/v1/dataplanes", body, `"id":"eu"`, `"status":"True"`, `"status":"False"`)
		}},
		{"a sequence that the log does not have", "customer acorn seq ", func(path, body string) (int, string) {
			return 200, swapIf(path == "/v1/customers", body, `"id":"acorn"`, `"seq":`, `"seq":9999999`)
		}},
		{"an entity that is not there", "customer acorn entity Active not there", func(path, body string) (int, string) {
			if path == "/v1/customers/acorn" {
				return 404, `{"code":"not_found"}`
			}
			return 200, swapIf(path == "/v1/customers", body, ``, `"id":"acorn"`, `"id":"acorm"`)
		}},
		{"an end that is none", "application elm/campus_postgres phase Uninstalled Deployed", func(path, body string) (int, string) {
			return 200, swapIf(path == "/v1/applications", body, `"id":"campus_postgres"`, `"phase":"Uninstalled"`, `"phase":"Deployed"`)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errs := runCLI(t.Context(), "", "log", "verify", "--api-url", doctored(t, c, tt.change), "--nats-url", c.NATSURL(), "--token", c.Token)
			if code != 1 || !strings.Contains(single(out), tt.want) || !strings.Contains(errs, "the views differ from the log, differences: ") {
				t.Errorf("exit %d, %s%s", code, out, errs)
			}
		})
	}
}

// single is a table with one space between its columns.
func single(table string) string { return strings.Join(strings.Fields(table), " ") }

// swapIf replaces the first old after a mark.
func swapIf(when bool, body, mark, old, by string) string {
	at := strings.Index(body, mark)
	if !when || at < 0 {
		return body
	}
	return body[:at] + strings.Replace(body[at:], old, by, 1)
}

// TestVerifyCatchesUp begins with views that are far ahead of the fold: the fold comes
// to the sequence of each page before it is compared.
func TestVerifyCatchesUp(t *testing.T) {
	c := startShared(t)
	for _, lie := range []bool{false, true} {
		api := doctored(t, c, func(path, body string) (int, string) {
			return 200, swapIf(lie && path == "/v1/tenants", body, `"id":"prod"`, `"phase":"Active"`, `"phase":"Failed"`)
		})
		cl, err := client.New(api, c.NATSURL(), c.Token)
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		log, err := openLog(t.Context(), cl)
		if err != nil {
			t.Fatal(err)
		}
		v := &verification{cl: cl, log: log, world: state.New(), notes: io.Discard, seen: map[events.Ref]bool{}}
		if err := v.fold(t.Context(), 5); err != nil {
			t.Fatal(err)
		}
		if err := v.readKind(t.Context(), events.Tenant); err != nil {
			t.Fatal(err)
		}
		if len(v.seen) != 8 || v.world.Seq <= 5 {
			t.Fatalf("seen are %d, the fold is at %d", len(v.seen), v.world.Seq)
		}
		if lie != (len(v.found) == 1) {
			t.Errorf("a lie: %v; found %v", lie, v.found)
		}
	}
}

// TestVerifyBootstrap verifies a dataplane that waits for an addon, and one that has it: what a view says of a dataplane for
// its addons, the log says too.
func TestVerifyBootstrap(t *testing.T) {
	c := startTestControl(t)
	cli(c, t, 0, "", "account", "create", "-/main", "--spec", `{"cloud":"sim","number":"1"}`)
	cli(c, t, 0, "", "dataplane", "create", "-/eu", "--spec", `{"account":"-/main","region":"eu-central","bootstrap":["logs"]}`)
	verified := func(want string) {
		t.Helper()
		if out := cli(c, t, 0, "", "log", "verify"); !strings.HasSuffix(out, ": the views equal the log\n") {
			t.Error(out)
		}
		if out := single(cli(c, t, 0, "", "describe", "dataplane", "-/eu")); !strings.Contains(out, want) {
			t.Errorf("want %q in %s", want, out)
		}
	}
	verified("AddonsReady False")
	cli(c, t, 0, "", "addon", "create", "-/eu_logs", "--spec", `{"manifests":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}]}`, "--wait")
	verified("AddonsReady True")
	code, out, _ := runCLI(t.Context(), "", "log", "verify", "--nats-url", c.NATSURL(), "--token", c.Token, "--api-url", doctored(t, c, func(path, body string) (int, string) {
		return 200, swapIf(path == "/v1/dataplanes", body, `"AddonsReady"`, `"status":"True"`, `"status":"False"`)
	}))
	if code != 1 || !strings.Contains(single(out), "condition AddonsReady True False") {
		t.Errorf("exit %d, %s", code, out)
	}
}

func TestVerifyWithoutALog(t *testing.T) {
	s := newStandIn(t)
	code, out, errs := s.run("", "log", "verify")
	if code != 1 || out != "" || !strings.Contains(errs, "has no stream AERIE_EVENTS") {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	for args, want := range map[string]string{"log": "command: is missing", "log verfy": `"verfy" is no command of aerie log`, "log verify x": `"x" is one too many`, "log verify -o yaml": `"yaml" is no format here`} {
		if code, _, errs := runCLI(t.Context(), "", strings.Fields(args)...); code != 2 || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, %s", args, code, errs)
		}
	}
}
