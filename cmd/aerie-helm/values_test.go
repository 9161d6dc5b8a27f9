package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"text/template"

	"helm.sh/helm/v4/pkg/strvals"

	"github.com/aeriehq/aerie/internal/cli/setting"
)

// What is set stays whole on its way through the log: a template sees it as it does with Helm's own --set.
func TestWholeNumbersStayWhole(t *testing.T) {
	const set = "tag=20260314,build=1234567890123,replicas=3,list={1,2.5},a.b=-7,zero=0"
	ours := map[string]any{}
	if err := setting.Set(ours, set); err != nil {
		t.Fatal(err)
	}
	logged, err := json.Marshal(ours)
	if err != nil {
		t.Fatal(err)
	}
	var read map[string]any
	if err := json.Unmarshal(logged, &read); err != nil {
		t.Fatal(err)
	}
	helms, err := strvals.Parse(set)
	if err != nil {
		t.Fatal(err)
	}
	shown := template.Must(template.New("").Parse("{{.tag}} {{.build}} {{if gt .replicas 1}}several{{end}} {{.list}} {{.a.b}} {{.zero}}"))
	var got, want bytes.Buffer
	if err := shown.Execute(&got, whole(read)); err != nil {
		t.Fatal(err)
	}
	if err := shown.Execute(&want, helms); err != nil || got.String() != want.String() || !strings.HasPrefix(got.String(), "20260314 1234567890123 several") {
		t.Errorf("shown as %q, Helm shows %q, %v", got.String(), want.String(), err)
	}
}

// What is no whole number, or may not be exact as one, stays as it is.
func TestOtherNumbersStay(t *testing.T) {
	var v any
	if err := json.Unmarshal([]byte(`{"a":[1.5,1e300,9007199254740992,-0.25,"7",null,true,{}]}`), &v); err != nil {
		t.Fatal(err)
	}
	before, _ := json.Marshal(v)
	if after, _ := json.Marshal(whole(v)); !bytes.Equal(before, after) {
		t.Errorf("%s became %s", before, after)
	}
	if got, ok := whole(map[string]any(nil)).(map[string]any); !ok || got != nil {
		t.Errorf("no values became %#v", got)
	}
}
