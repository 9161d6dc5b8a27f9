package setting

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestSet(t *testing.T) {
	for _, row := range []struct{ have, text, want, not string }{
		{`{}`, "a=b", `{"a":"b"}`, ""},
		{`{}`, "a=1,b=-2,c=true,d=null,e=007,f=1.5,g=", `{"a":1,"b":-2,"c":true,"d":null,"e":"007","f":"1.5","g":""}`, ""},
		{`{"a":{"x":1}}`, "a.b.c=d", `{"a":{"b":{"c":"d"},"x":1}}`, ""},
		{`{}`, `a\.b=c\,d`, `{"a.b":"c,d"}`, ""},
		{`{}`, "a={b,1,true}", `{"a":["b",1,true]}`, ""},
		{`{}`, "a={b},c=d", `{"a":["b"],"c":"d"}`, ""},
		{`{}`, "a[1].b=c,a[0]=d", `{"a":["d",{"b":"c"}]}`, ""},
		{`{}`, "a[0][1]=x", `{"a":[[null,"x"]]}`, ""},
		{`{"a":[1,2]}`, "a[1]=3", `{"a":[1,3]}`, ""},
		{`{}`, "", `{}`, ""},
		{`{}`, "a", "", "a has no value"},
		{`{}`, "a,b=c", "", "a has no value"},
		{`{}`, "=b", "", "a name is missing"},
		{`{}`, "a.=b", "", "a name is missing"},
		{`{}`, "a[x]=b", "", "[x is no index"},
		{`{}`, "a[9999999]=b", "", "is no index"},
		{`{}`, "a[0]b=c", "", `"b" follows an index`},
		{`{}`, "a={b", "", "a list has no end"},
		{`{}`, "a={b}c", "", "something follows a list"},
		{`{"a":"x"}`, "a.b=c", "", "no object"},
		{`{"a":"x"}`, "a[0]=c", "", "no list"},
		{`{}`, strings.Repeat("a.", 40) + "b=c", "", "more than 30 names"},
	} {
		var values map[string]any
		_ = json.Unmarshal([]byte(row.have), &values)
		err := Set(values, row.text)
		got, _ := json.Marshal(values)
		if row.not == "" && (err != nil || string(got) != row.want) || row.not != "" && (err == nil || !strings.Contains(err.Error(), row.not)) {
			t.Errorf("%q: got %s, %v; want %s%s", row.text, got, err, row.want, row.not)
		}
	}
}

// FuzzSet asks that no text brings it down, and that what is escaped is set as it is.
func FuzzSet(f *testing.F) {
	f.Add("a", "b", "c")
	f.Add("a.b=c,d[0]", "{x}", `\`)
	f.Fuzz(func(t *testing.T, name, inner, value string) {
		_ = Set(map[string]any{}, name)
		values := map[string]any{}
		err := Set(values, escaped(name)+"."+escaped(inner)+"[1]="+escaped(value))
		if name == "" || inner == "" {
			if err == nil {
				t.Errorf("no name, and it became %v", values)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		// Through runes and back: what is no UTF-8 becomes what stands for it.
		within := values[string([]rune(name))].(map[string]any)[string([]rune(inner))].([]any)
		if want := typed(string([]rune(value))); within[1] != want {
			t.Errorf("%q became %#v", value, within[1])
		}
	})
}

func escaped(s string) string {
	return strings.NewReplacer(`\`, `\\`, ".", `\.`, "=", `\=`, ",", `\,`, "[", `\[`, "]", `\]`, "{", `\{`, "}", `\}`).Replace(s)
}
