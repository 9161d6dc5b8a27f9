package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
)

// TestLogSecrets: what a release before has taken is listed by its place, and not shown.
func TestLogSecrets(t *testing.T) {
	c := startTestControl(t)
	t.Setenv("AERIE_API_URL", c.APIURL())
	t.Setenv("AERIE_NATS_URL", c.NATSURL())
	t.Setenv("AERIE_TOKEN", c.Token)
	cli := control{t}
	if said, _ := cli.do(0, "", "log", "secrets"); !strings.HasPrefix(said, "no secret") {
		t.Error(said)
	}
	ask, err := events.DecodeAsk(events.Application, events.VerbCreate, []byte(`{"spec":{"manifests":[
		{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"password":"hunter22","other":"${secret:tenant/a#b}"}},
		{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"id":"AKIAIOSFODNN7EXAMPLE"}}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	ref := events.Ref{Kind: events.Application, Owner: "acme", ID: "prod_web"}
	spec := ask.(events.Create).Spec.(events.ApplicationSpec)
	appended, err := c.Log.Append(t.Context(), eventlog.Decision{
		Envelope: events.Envelope{Time: time.Now(), Actor: events.ActorAdmin, CommandID: "old"},
		Changes:  []events.Change{{Ref: ref, Events: []events.Event{events.Requested[events.ApplicationSpec]{UID: "u", Spec: spec}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Views.Await(t.Context(), appended[0].Seq); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"text", "json"} {
		said, _ := cli.do(0, "", "log", "secrets", "-o", format)
		for _, want := range []string{"acme/prod_web", "spec.manifests[0].stringData.password", "is the value of a Secret", "spec.manifests[1].data.id", "holds an access key of AWS"} {
			if !strings.Contains(said, want) {
				t.Errorf("%s is not in %s", want, said)
			}
		}
		if strings.Contains(said, "hunter22") || strings.Contains(said, "AKIA") || strings.Contains(said, "stringData.other") {
			t.Error(said)
		}
	}
}
