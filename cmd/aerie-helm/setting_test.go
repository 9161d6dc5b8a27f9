package main

import (
	"encoding/json"
	"testing"

	"helm.sh/helm/v4/pkg/strvals"

	"github.com/aeriehq/aerie/internal/cli/setting"
)

// FuzzSetIsHelms holds aerie's reading of --set against Helm's own: what both take is the same. Aerie refuses more: names
// that are missing, and what Helm drops without a word.
func FuzzSetIsHelms(f *testing.F) {
	for _, s := range []string{"a=b", "a=1,b=-2,c=true,d=null,e=007,f=1.5,g=", "a.b.c=d", `a\.b=c\,d`, "a={b,1,true}", "a={}", "a={b,}", "a[1].b=c", "a[0][1]=x,a[0][0]=y", "a=0", "a=TRUE", "a= b ", "a=b=c", `a=\{b\}`, "a={b},c=d", "a[0]={x}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ours := map[string]any{}
		if setting.Set(ours, text) != nil {
			return
		}
		theirs, err := strvals.Parse(text)
		if err != nil {
			return
		}
		got, _ := json.Marshal(ours)
		if want, _ := json.Marshal(theirs); string(got) != string(want) {
			t.Errorf("%q: %s, Helm has %s", text, got, want)
		}
	})
}
