package events_test

import (
	"reflect"
	"testing"

	"github.com/aeriehq/aerie/events"
)

func TestPlaceholders(t *testing.T) {
	values := map[string]any{
		"a": "${aerie:cluster}", "b": []any{"x-${aerie:region}-${aerie:cluster}", 1.0, true, nil}, "c": map[string]any{"d": "${HOME} $x"}, "e": map[string]any(nil),
	}
	if names := events.Placeholders(values); !reflect.DeepEqual(names, []string{"cluster", "region"}) {
		t.Error(names)
	}
	want := map[string]any{
		"a": "c1", "b": []any{"x-eu-c1", 1.0, true, nil}, "c": map[string]any{"d": "${HOME} $x"}, "e": map[string]any(nil),
	}
	if got := events.Fill(values, map[string]string{"cluster": "c1", "region": "eu"}); !reflect.DeepEqual(got, want) {
		t.Error(got)
	}
	if values["a"] != "${aerie:cluster}" {
		t.Error("the values themselves were changed")
	}
	spec := events.AddonSpec{Chart: events.Chart{Name: "c", Version: "1.0.0"}, Values: map[string]any{"a": "${aerie:clutser}"}}
	if faults := spec.Check(); len(faults) != 1 || faults[0].Field != "spec.values" {
		t.Error(faults)
	}
}
