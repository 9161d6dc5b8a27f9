package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/apitest"
)

func TestMetrics(t *testing.T) {
	s := apitest.New(t)
	s.Customer("acme", nil)
	main := events.Ref{Kind: events.Account, Owner: events.Platform, ID: "main"}
	s.Happen(main, events.Requested[events.AccountSpec]{UID: "a"}, events.VerificationStarted{}, events.AttemptFailed{Reason: events.Reason{Code: events.Unauthorized}})
	s.Config.Metrics.Commanded("ok")
	s.Config.Metrics.Commanded("refused")
	s.Config.Metrics.Worked("verify_account", "failed")
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
	} {
		if !strings.Contains(a.Body, line+"\n") {
			t.Errorf("%s is not in\n%s", line, a.Body)
		}
	}
	if a := s.Ask(http.MethodGet, "/metrics", "", "Authorization", "Bearer no"); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the token: %d", a.StatusCode)
	}
}
