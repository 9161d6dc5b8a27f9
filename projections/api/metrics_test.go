package api_test

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/apitest"
)

func TestMetrics(t *testing.T) {
	s := apitest.New(t)
	s.Customer("acme", nil)
	main := events.Ref{Kind: events.Account, Owner: events.Platform, ID: "main"}
	s.Happen(main, events.Requested[events.AccountSpec]{UID: "a"}, events.VerificationStarted{}, events.AttemptFailed{Reason: events.Reason{Code: events.Unauthorized}})
	s.Config.Metrics.Commanded("ok", time.Millisecond)
	s.Config.Metrics.Commanded("refused", time.Millisecond)
	s.Config.Metrics.Worked("verify_account", "failed", time.Second)
	s.Ask(http.MethodGet, "/v1/tenants", "")
	a := s.Ask(http.MethodGet, "/metrics", "")
	for _, line := range []string{
		`aerie_events_total{kind="customer",type="created"} 1`,
		`aerie_events_total{kind="account",type="attempt_failed"} 1`,
		`aerie_attempts_failed_total{code="unauthorized"} 1`,
		`aerie_commands_total{code="refused"} 1`,
		`aerie_work_total{effect="verify_account",outcome="failed"} 1`,
		`aerie_entities{kind="account",phase="Verifying"} 1`,
		`aerie_entities{kind="account",phase="Requested"} 0`,
		`aerie_swept_total 0`,
		`aerie_log_sequence 4`,
		`aerie_fold_sequence 4`,
		`aerie_streams 0`,
		`aerie_streams_cut_total 0`,
		`aerie_build_info{version="test"} 1`,
		`aerie_command_duration_seconds_count{code="ok"} 1`,
		`aerie_work_duration_seconds_sum{effect="verify_account",outcome="failed"} 1`,
		`aerie_http_request_duration_seconds_count{route="GET /v1/tenants",status="200"} 1`,
	} {
		if !strings.Contains(a.Body, line+"\n") {
			t.Errorf("%s is not in\n%s", line, a.Body)
		}
	}
	faults, err := promlint.New(strings.NewReader(a.Body)).Lint()
	if err != nil || len(faults) > 0 {
		t.Errorf("promlint: %v %v", err, faults)
	}
	for _, prefix := range []string{"go_goroutines ", "process_start_time_seconds "} {
		if !strings.Contains(a.Body, "\n"+prefix) {
			t.Errorf("%s is missing", prefix)
		}
	}
	if promtool, err := exec.LookPath("promtool"); err == nil {
		check := exec.CommandContext(t.Context(), promtool, "check", "metrics")
		check.Stdin = strings.NewReader(a.Body)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("promtool: %v %s", err, out)
		}
	}
	if a := s.Ask(http.MethodGet, "/metrics", "", "Authorization", "Bearer no"); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the token: %d", a.StatusCode)
	}
}
