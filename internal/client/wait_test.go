package client

import (
	"testing"

	"github.com/aeriehq/aerie/events"
)

func TestDraftIsAtRest(t *testing.T) {
	if !atRest(Entity{Kind: events.Plan, Phase: "Draft"}) || atRest(Entity{Kind: events.Tenant, Phase: "Waiting"}) || atRest(Entity{Kind: events.Tenant, Phase: "Active", Status: Status{Owed: map[string]any{"effect": "x"}}}) {
		t.Error("what is at rest is not what is at rest")
	}
}
