package eventlog_test

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/aeriehq/aerie/events/eventlog"
)

func TestDefectiveServers(t *testing.T) {
	for _, good := range []string{"2.12.14", "2.12.15", "2.14.4", "2.14.10", "2.15.0", "2.15.2", "2.16.0", "3.0.0", "", "dev", server.VERSION} {
		if err := eventlog.CheckServer("n1", good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for version, reason := range map[string]string{
		"2.11.9": "no atomic batches", "2.12.0": "several subjects", "2.12.12": "2.12.14", "2.12.13-RC.1": "refuses atomic batches",
		"2.14.0": "2.14.4", "2.14.3": "several subjects of equal length",
	} {
		mustSay(t, eventlog.CheckServer("n1", version), "n1", version, reason)
	}
}
