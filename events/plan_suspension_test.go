package events_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/aeriehq/aerie/events"
)

// Who names one of the programs of a suspension names the other, and no password.
func TestProgramsOfSuspensions(t *testing.T) {
	program := func(name string) *events.PlanJob {
		return &events.PlanJob{Image: "power:1", Env: map[string]string{name: "hunter2"}}
	}
	both := events.ApplicationSuspension{Suspend: program("MODE"), Resume: program("PASSWORD")}
	one := events.ApplicationSpec{Manifests: []map[string]any{{"kind": "Service"}}, Suspension: &both}
	plan := events.PlanSpec{Apps: []events.PlanApp{{Type: "pg", Size: "small"}}, Suspension: &events.PlanSuspension{Suspend: both.Suspend, Resume: both.Resume, Egress: []string{"10.0.0.1/8"}}}
	for _, row := range []struct {
		spec events.Spec
		want string
	}{{one, "[]"}, {plan, `[{spec.suspension.egress[0] "10.0.0.1/8" is no range such as 203.0.113.0/24}]`}} {
		if got := fmt.Sprint(row.spec.Check()); got != row.want {
			t.Errorf("%T: %s, want %s", row.spec, got, row.want)
		}
		data, err := json.Marshal(row.spec)
		if err != nil {
			t.Fatal(err)
		}
		for how, found := range map[string][]events.LiteralSecret{"as it is": events.LiteralSecrets(row.spec), "as JSON": events.LiteralSecretsIn(data)} {
			if len(found) != 1 || found[0].Field != "spec.suspension.resume.env.PASSWORD" {
				t.Errorf("%T, %s: %+v", row.spec, how, found)
			}
		}
	}
	long, most := *both.Suspend, *both.Suspend
	long.Deadline, most.Deadline = "3601s", "60m"
	one.Suspension = &events.ApplicationSuspension{Suspend: &long, Resume: &most}
	plan.Suspension = &events.PlanSuspension{Suspend: &most, Resume: &long}
	if got, want := fmt.Sprint(one.Check(), plan.Check()), "[{spec.suspension.suspend.deadline 3601s is too long: at most 1h}] "+
		"[{spec.suspension.resume.deadline 3601s is too long: at most 1h}]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	one.Suspension = &events.ApplicationSuspension{Suspend: both.Suspend}
	plan.Suspension = &events.PlanSuspension{Resume: both.Resume}
	if got, want := fmt.Sprint(one.Check(), plan.Check()), "[{spec.suspension.resume is missing: what is stopped must be run again}] "+
		"[{spec.suspension.suspend is missing: nothing would be stopped that could be run again}]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
