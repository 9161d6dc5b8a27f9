package projections

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/events"
)

func TestMetrics(t *testing.T) {
	s := start(t)
	s.customer("acme", nil)
	main := events.Ref{Kind: events.Account, Owner: events.Platform, ID: "main"}
	s.happen(main, events.Requested[events.AccountSpec]{UID: "a"}, events.VerificationStarted{}, events.AttemptFailed{Reason: events.Reason{Code: events.Unauthorized}})
	s.http.Metrics.Commanded("ok")
	s.http.Metrics.Commanded("refused")
	s.http.Metrics.Worked("verify_account", "failed")
	a := s.ask(http.MethodGet, "/metrics", "")
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
		if !strings.Contains(a.body, line+"\n") {
			t.Errorf("%s is not in\n%s", line, a.body)
		}
	}
	if a := s.ask(http.MethodGet, "/metrics", "", "Authorization", "Bearer no"); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the token: %d", a.StatusCode)
	}
}
