package api_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/api"
	"github.com/aeriehq/aerie/projections/apitest"
)

func TestTheNATSDocumentHoldsTogether(t *testing.T) {
	doc := documentOf(apitest.New(t), t, "/asyncapi.json")
	if doc["asyncapi"] != "3.0.0" || at(doc, "info", "version") != "test" || at(doc, "info", "title") != "aerie" {
		t.Errorf("head: %v %v", doc["asyncapi"], doc["info"])
	}
	checkReferences(t, doc)
	if got := at(doc, "components", "messages", "tenant.requested", "headers", "$ref"); got != "#/components/schemas/"+api.ToldHeaders {
		t.Errorf("headers of an event: %v", got)
	}
	for name, c := range doc["channels"].(map[string]any) {
		address, _ := at(c, "address").(string)
		for parameter := range at(c, "parameters").(map[string]any) {
			if !strings.Contains(address, "{"+parameter+"}") {
				t.Errorf("%s: %s has no place for %s", name, address, parameter)
			}
		}
		if got := len(at(c, "parameters").(map[string]any)); got != strings.Count(address, "{") {
			t.Errorf("%s: %s has %d parameters", name, address, got)
		}
	}
}

func TestTheNATSDocumentHasEveryCommand(t *testing.T) {
	d := api.DescribeNATS(events.Builtin, fsm.Vocabulary())
	for _, k := range events.Kinds {
		for _, on := range []string{"commands.", "queue."} {
			if got := at(d.Channels[on+string(k)], "parameters", "verb", "enum"); !slices.Equal(got.([]string), events.Verbs(k)) {
				t.Errorf("%s%s: %v", on, k, got)
			}
		}
	}
	body := `{"labels":{"tier":"gold"},"spec":{"plan":"free"}}`
	if faults := faultsOf(t, d.Asked, at(d.Messages["tenant.create"], "payload"), body); len(faults) > 0 {
		t.Errorf("%s: %v", body, faults)
	}
	if faults := faultsOf(t, d.Asked, at(d.Messages["tenant.create"], "payload"), `{"spec":{"plan":7}}`); len(faults) == 0 {
		t.Error("a plan may be a number")
	}
}

// TestEveryEventIsAsTheNATSDocumentSays holds what real lives left in the log against it.
func TestEveryEventIsAsTheNATSDocumentSays(t *testing.T) {
	l, d := apitest.NewLife(t, 3), api.DescribeNATS(events.Builtin, fsm.Vocabulary())
	for range 500 {
		l.Step()
	}
	for _, m := range l.Stored() {
		checkEvent(t, d, m)
	}
}

func checkEvent(t *testing.T, d *api.AsyncDocument, m *jetstream.RawStreamMsg) {
	t.Helper()
	tokens := strings.Split(m.Subject, ".") // aerie.evt.<owner>.<kind>.<id>.<type>
	channel, name := d.Channels["events."+tokens[3]], tokens[3]+"."+tokens[5]
	address := strings.NewReplacer("{owner}", tokens[2], "{id}", tokens[4], "{type}", tokens[5]).Replace(at(channel, "address").(string))
	if address != m.Subject || !slices.Contains(at(channel, "parameters", "type", "enum").([]string), tokens[5]) || at(channel, "messages", name) == nil {
		t.Errorf("%s: not of its channel, which is %s", m.Subject, address)
	}
	known := at(d.Of("test"), "components", "schemas", api.ToldHeaders, "properties").(api.Object)
	for header := range m.Header {
		if known[header] == nil && !strings.HasPrefix(header, "Nats-") { // those are JetStream's
			t.Errorf("%s: its header %s is not in the document", m.Subject, header)
		}
	}
	for header := range known {
		if m.Header.Get(header) == "" && m.Header[header] == nil && header != "traceparent" {
			t.Errorf("%s: it has no %s", m.Subject, header)
		}
	}
	if faults := faultsOf(t, d.Told, at(d.Messages[name], "payload"), string(m.Data)); len(faults) > 0 {
		t.Errorf("%s: %s: %v", m.Subject, m.Data, faults)
	}
}

// faultsOf is what a schema has against some JSON.
func faultsOf(t *testing.T, r huma.Registry, schema any, text string) []error {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	schema.(*huma.Schema).PrecomputeMessages()
	var res huma.ValidateResult
	huma.Validate(r, schema.(*huma.Schema), huma.NewPathBuffer(nil, 0), huma.ModeWriteToServer, v, &res)
	return res.Errors
}
