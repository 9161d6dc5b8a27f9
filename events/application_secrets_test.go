package events

import (
	"fmt"
	"strings"
	"testing"
)

func TestSecretReferences(t *testing.T) {
	values := map[string]any{"a": "${secret:files/acme/db#password}", "b": []any{"x ${secret:tenant/db#user}:${secret:files/acme/db#password} y", 7},
		"c": "$${secret:files/a#b} and $${OTHER} and ${aerie:cluster}"}
	if got := fmt.Sprint(SecretRefs(values)); got != "[files/acme/db#password tenant/db#user]" {
		t.Error(got)
	}
	filled := FillSecrets(values, map[SecretRef]string{{"files", "acme/db", "password"}: "${secret:tenant/db#user}", {"tenant", "db", "user"}: "me"})
	want := map[string]any{"a": "${secret:tenant/db#user}", "b": []any{"x me:${secret:tenant/db#user} y", 7}, "c": "${secret:files/a#b} and $${OTHER} and ${aerie:cluster}"}
	if fmt.Sprint(filled) != fmt.Sprint(want) { // what a secret says is no reference
		t.Error(filled)
	}
}

func TestSecretReferencesThatAreWrong(t *testing.T) {
	chart := Chart{Name: "web", Version: "1.0.0"}
	for name, c := range map[string]struct {
		content Content
		fault   string
	}{
		"fine":              {Content{Chart: chart, Values: map[string]any{"a": "${secret:files/acme/db#.dockerconfigjson}", "b": "$${secret:x}"}}, ""},
		"no key":            {Content{Chart: chart, Values: map[string]any{"a": "${secret:files/db}"}}, "spec.values.a"},
		"a way up":          {Content{Chart: chart, Values: map[string]any{"a": "${secret:files/../etc#passwd}"}}, "spec.values.a"},
		"a way up by key":   {Content{Chart: chart, Values: map[string]any{"a": "${secret:files/db#..}"}}, "spec.values.a"},
		"from the root":     {Content{Chart: chart, Values: map[string]any{"a": "${secret:files//etc#passwd}"}}, "spec.values.a"},
		"never closed":      {Content{Chart: chart, Values: map[string]any{"a": "${secret:files/db#k"}}, "spec.values.a"},
		"a query":           {Content{Chart: chart, Values: map[string]any{"a": "${secret:vault/db?version=1#k}"}}, "spec.values.a"},
		"as a name":         {Content{Chart: chart, Values: map[string]any{"${secret:files/db#k}": "a"}}, "spec.values.${secret:files/db#k}"},
		"in a Secret":       {Content{Manifests: []map[string]any{{"apiVersion": "v1", "kind": "Secret", "stringData": map[string]any{"a": "${secret:files/db#k}"}}}}, ""},
		"in its name":       {Content{Manifests: []map[string]any{{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "${secret:files/db#k}"}}}}, "spec.manifests[0].metadata.name"},
		"in a ConfigMap":    {Content{Manifests: []map[string]any{{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"a": "${secret:files/db#k}"}}}}, "spec.manifests[0].data.a"},
		"in another Secret": {Content{Manifests: []map[string]any{{"apiVersion": "example.com/v1", "kind": "Secret", "data": map[string]any{"a": "${secret:files/db#k}"}}}}, "spec.manifests[0].data.a"},
	} {
		faults := c.content.check()
		if c.fault == "" && len(faults) > 0 || c.fault != "" && (len(faults) != 1 || faults[0].Field != c.fault) {
			t.Errorf("%s: %v", name, faults)
		}
		if strings.Contains(fmt.Sprint(faults), "passwd}") && c.fault == "" {
			t.Error(faults)
		}
	}
}
