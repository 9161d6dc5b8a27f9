package document

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"

	"sigs.k8s.io/yaml"

	"github.com/aeriehq/aerie/events"
)

// valuesOf reads all documents of an input, one in a line of JSON, and faults as people see them.
func valuesOf(input string) (values, faults []string) {
	docs, wrong := Split([]byte(input))
	for _, d := range docs {
		v, more := d.Decode()
		if wrong = append(wrong, more...); more == nil {
			data, _ := json.Marshal(v)
			values = append(values, strings.ReplaceAll(string(data), `\u003c`, "<"))
		}
	}
	for _, f := range wrong {
		faults = append(faults, f.Field+": "+f.Text())
	}
	return values, faults
}

func utf16Text(s string, big bool) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune("\ufeff" + s)) {
		if big {
			b.Write([]byte{byte(u >> 8), byte(u)})
		} else {
			b.Write([]byte{byte(u), byte(u >> 8)})
		}
	}
	return b.String()
}

func TestDocuments(t *testing.T) {
	for _, row := range []struct{ name, input, want string }{
		{"JSON documents one after the other", "{\"a\":1}\n{\"a\":2}{\"a\":3}\n\n[4]\n", `{"a":1} {"a":2} {"a":3} [4]`},
		{"JSON on several lines, with tabs and comments between", "{\n\t\"a\": \"\\/\"\n}\n# and\n{\n\t\"b\":\t[]\n}", `{"a":"/"} {"b":[]}`},
		{"JSON after a marker, and YAML after it", "--- {\"a\":1} {\"b\":2}\n---\nc: 3\n", `{"a":1} {"b":2} {"c":3}`},
		{"a pair of escapes, as Python writes emoji", `{"a":"\ud83d\ude00"}`, `{"a":"😀"}`},
		{"YAML with braces", "{a: 1}\n--- # x\n{b: 2}\n", `{"a":1} {"b":2}`},
		{"nothing but comments", "# a\n---\n# b\n...\n---\n\n", ``},
		{"an end and no marker after it", "a: 1\n...\nb: 2\n...\n", `{"a":1} {"b":2}`},
		{"a directive", "%YAML 1.1\n---\na: 1\n...\n%TAG ! !x\n---\nb: 2\n", `{"a":1} {"b":2}`},
		{"a mark before each document", "\ufeffa: 1\n---\n\ufeff# c\nb: 2\n\ufeff---\nc: 3\n...\n\ufeffd: 4\n", `{"a":1} {"b":2} {"c":3} {"d":4}`},
		{"a mark before JSON", "\ufeff{\"a\":1}\ufeff{\"b\":2}", `{"a":1} {"b":2}`},
		{"line ends of other systems", "a: |\r\n  x\r\n  y\r\n---\r\nb: 2\rc: 3\r\n", `{"a":"x\ny\n"} {"b":2,"c":3}`},
		{"UTF-16", utf16Text("a: ü😀\r\n---\r\nb: 2\r\n", false), `{"a":"ü😀"} {"b":2}`},
		{"UTF-16, the other way round", utf16Text("a: 1\n", true), `{"a":1}`},
		{"a marker in a text", "a: |\n  x\n  ---\n  y\n", `{"a":"x\n---\ny\n"}`},

		{"a merge with override", "a: &a {x: 1, z: 3}\nb:\n  <<: *a\n  x: 2\n", `{"a":{"x":1,"z":3},"b":{"x":2,"z":3}}`},
		{"what is merged first wins, and what is explicit before all", "a: [&a {x: 1}, &b {x: 2, z: 3}]\nb: {z: 4, <<: [*a, *b], w: 5}\n", `{"a":[{"x":1},{"x":2,"z":3}],"b":{"w":5,"x":1,"z":4}}`},
		{"a merge of a merge", "a: &a {x: 1}\nb: &b {<<: *a, v: 2}\nc: {<<: *b, v: 3}\n", `{"a":{"x":1},"b":{"v":2,"x":1},"c":{"v":3,"x":1}}`},
		{"a merge in a quoted key", "\"<<\": {a: 1}\n", `{"<<":{"a":1}}`},
		{"numbers as they are written", "[1.30, 1e3, -0, 12345678901234567890123, 9007199254740993]", `[1.30,1e3,-0,12345678901234567890123,9007199254740993]`},
		{"numbers of YAML alone", "[012, 0x1F, 0b11, 1_000, +5, 08, .5, 1., -0o17]", `[10,31,3,1000,5,8,0.5,1,-15]`},
		{"words", "[yes, No, on, y, ~, Null, TRUE, \"yes\", 'on', maybe]", `[true,false,true,true,null,null,true,"yes","on","maybe"]`},
		{"times stay text", "[2001-01-01, 2001-12-14t21:59:43.10-05:00, 12:30:45]", `["2001-01-01","2001-12-14t21:59:43.10-05:00","12:30:45"]`},
		{"a list of entities, as long as it is", "items:\n- {a: \"" + strings.Repeat("x", events.MaxBody) + "\"}\n", `{"items":[{"a":"` + strings.Repeat("x", events.MaxBody) + `"}]}`},
		{"the same in JSON, as the server answers it", "{\n  \"as_of\": {\"seq\": 1},\n  \"items\": [\"" + strings.Repeat("x", events.MaxBody) + "\"]}", `{"as_of":{"seq":1},"items":["` + strings.Repeat("x", events.MaxBody) + `"]}`},
		{"tags", "[!!str 12, !!int \"3\", !!float 1, !!binary aGk=, !!null \"\"]", `["12",3,1,"hi",null]`},
		{"keys that are numbers", "8080: a\n1.5: b\n\"012\": c\n", `{"012":"c","1.5":"b","8080":"a"}`},
		{"an alias of a scalar, as a key too", "a: &k x\n*k : *k\n", `{"a":"x","x":"x"}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			values, faults := valuesOf(row.input)
			if got := strings.Join(values, " "); got != row.want || faults != nil {
				t.Errorf("got  %s %q\nwant %s", got, faults, row.want)
			}
		})
	}
}

func TestDocumentFaults(t *testing.T) {
	deep := strings.Repeat("[", 102) + strings.Repeat("]", 102)
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 10), ","))
	}
	for _, row := range []struct {
		name, input string
		want        []string
	}{
		{"something behind JSON", "{\"a\":1}\ngarbage: [\n", []string{"document: something follows the JSON document before it: put --- before a document in YAML (line 2)"}},
		{"half a document behind JSON", "{\"a\":1}\n\n{\"a\":\n", []string{"document: not JSON, as the document before it: unexpected EOF (line 3)"}},
		{"YAML documents without a marker", "{a: 1}\n{b: 2}\n", []string{"document: not YAML: did not find expected <document start>: put --- between documents (line 2)"}},
		{"garbage behind YAML", "--- {a: 1}\n]\n", []string{"document: not YAML: did not find expected <document start>: put --- between documents (line 2)"}},
		{"JSON that is cut off", "{\"a\": [1,\n", []string{"document: not YAML: did not find expected node content (line 1)"}},
		{"a key that is there twice in JSON", "{\n\"a\": {\"b\": 1,\n\"b\": 2}}", []string{"a.b: this key is there twice (line 3)"}},
		{"a key that is there twice", "a:\n  b: 1\n  c: 2\n  b: 3\n", []string{"a.b: this key is there twice, first in line 2 (line 4)"}},
		{"two in the second document", "a: 1\n---\nb: 1\n---\n# c\nd: [{e: 1, e: 2}]\nf: !x 1\n", []string{"d[0].e: this key is there twice, first in line 6 (line 6)", "f: the tag !x says nothing here: leave it out (line 7)"}},
		{"files joined without a marker", "a: 1\n\ufeffb: 2\n", []string{"\ufeffb: begins with a byte order mark: where files were joined, put --- between them (line 2)"}},
		{"keys YAML reads otherwise", "y: 1\n012: 2\n1e3: 3\n~: 4\n1.30: 5\n0x10: 6\n", []string{
			"y: the key y is read as true: put it in quotes (line 1)", "012: the key 012 is read as 10: put it in quotes (line 2)", "1e3: the key 1e3 is read as 1e3: put it in quotes (line 3)",
			"~: the key ~ is read as null: put it in quotes (line 4)", "1.30: the key 1.30 is read as 1.30: put it in quotes (line 5)", "0x10: the key 0x10 is read as 16: put it in quotes (line 6)"}},
		{"keys that are no text", "? [a]\n: 1\n\"\": 2\n", []string{"document: a key must be a string (line 1)", "document: a key is empty (line 3)"}},
		{"an anchor of another document", "a: &x 1\n---\nb: *x\n", []string{"document: not YAML: unknown anchor 'x' referenced: an anchor is known in its own document only, after its line"}},
		{"an alias within itself", "a: &a\n  b: [*a]\n", []string{"a.b[0]: *a stands within what it stands for (line 2)"}},
		{"a merge within itself", "a: &a\n  <<: *a\n", []string{"a: *a stands within what it stands for (line 2)"}},
		{"a merge of no object", "a: {<<: 1}\nb: {<<: [x]}\n", []string{"a: << wants an object, or a list of objects (line 1)", "b: << wants an object, or a list of objects (line 2)"}},
		{"two merges", "x: &x {}\na:\n  <<: *x\n  <<: *x\n", []string{"a: << is there twice: give it a list (line 4)"}},
		{"a tab before a key", "a:\n\tb: 1\n", []string{"document: not YAML: found character that cannot start any token: indent with spaces, and put what begins with @ or ` in quotes (line 2)"}},
		{"too deep", deep + "\n# {a", []string{"document: nested deeper than 100 (line 1)"}},
		{"too deep in YAML", "a: " + deep + "\n", []string{"document: nested deeper than 100 (line 1)"}},
		{"a few lines that mean gigabytes", bomb, []string{"document: more than 1024 KiB once its aliases are followed (line 1)"}},
		{"half of a pair", "{\"a\":\n\"\\ud83d\"}", []string{`a: has half of a surrogate pair (line 2)`}},
		{"half of a pair in YAML", "a: 1\nb: \"\\ud83d\"\n", []string{"document: not YAML: found invalid Unicode character escape code: half of a surrogate pair is no character (line 2)"}},
		{"Latin-1", "a: 1\nb: M\xfcller\n", []string{"input: not UTF-8 text: save it as UTF-8 (line 2)"}},
		{"UTF-16 without a mark", "a\x00:\x00 \x001\x00", []string{"input: not UTF-8 text: save it as UTF-8 (line 1)"}},
		{"UTF-16 that is cut off", utf16Text("a: 1", false) + "x", []string{"input: begins as UTF-16 text and is none: save it as UTF-8"}},
		{"numbers that JSON has not", "[.inf, -.INF, .nan]", []string{"[0]: .inf is no number that JSON has: put it in quotes (line 1)", "[1]: -.INF is no number that JSON has: put it in quotes (line 1)", "[2]: .nan is no number that JSON has: put it in quotes (line 1)"}},
		{"tags that do not fit", "[!!int x, !!binary \"&\"]\n", []string{`[0]: "x" is no !!int (line 1)`, "[1]: !!binary wants base64: illegal base64 data at input byte 0 (line 1)"}},
		{"collections with tags", "a: !!set {b, c}\n", []string{"a: the tag !!set says nothing here: leave it out (line 1)"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, faults := valuesOf(row.input); !reflect.DeepEqual(faults, row.want) {
				t.Errorf("got  %q\nwant %q", faults, row.want)
			}
		})
	}
}

// Lines are found for every field, in JSON with halves of pairs and tabs too, and through aliases.
func TestLinesOfFields(t *testing.T) {
	for input, want := range map[string]map[string]int{
		"# x\nspec:\n  pools:\n  - name: a\n    max: 1\n  - name: b\n":                {"spec": 2, "spec.pools[0].max": 5, "spec.pools[1].max": 6, "spec.absent.too": 2, "kind": 2},
		"{\n\t\"a\": \"\\ud83d\\ude00\",\n\t\"b\": [\n\t\t1,\n\t\t{\"c\": \"\\/\"}]}": {"a": 2, "b[0]": 4, "b[1].c": 5},
		"a: &a\n  x: 1\nb:\n  <<: *a\n  w: 2\nc: *a\n":                                {"a.x": 2, "b.w": 5, "b.x": 2, "c": 6},
	} {
		docs, _ := Split([]byte(input))
		lines := docs[0].Lines()
		for path, line := range want {
			if got := lines.Of(path); got != line {
				t.Errorf("%q: %s is in line %d, want %d", input, path, got, line)
			}
		}
	}
}

// What is read without a fault is what kubectl and helm would read, and every byte of the input is in a document.
func FuzzDocuments(f *testing.F) {
	for _, seed := range []string{"kind: tenant\nname: prod\nlabels: {tier: gold}\n", "", "---\n...\n---", "%YAML 1.1\n---\na: *b", "a: &a [*a]", "? {a: b}\n: c", "{\"a\":1}{\"b\":2}", "\ufeff---\n\ufeffa: 1", "\xff\xfea\x00", "a: &a {x: 1}\nb: {<<: [*a], x: 2}",
		"- 0x1F\n- 1_0\n- 08\n- +1\n- 1e3\n- .5", "a: |2-\n   x\n# c\n", "!!binary aGk=: 1", "[!!str 1, ! x, !!int '3']", "a: 'x\n  y'\n", "{\"a\":\n\t\"\\ud83d\\ude00\"}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		docs, wrong := Split(data)
		for _, d := range docs {
			got, more := d.Decode()
			wrong = append(wrong, more...)
			if more != nil {
				d.Lines()
				continue
			}
			theirs, err := yaml.YAMLToJSON(d.text)
			if err != nil && strings.Contains(err.Error(), "already set in map") {
				continue // of a merge
			}
			if _, compares := got.(map[string]any); !compares || err != nil || d.json || strings.Contains(string(d.text), "!") {
				continue
			}
			if ours, theirs := floats(t, mustJSON(t, got)), floats(t, theirs); !reflect.DeepEqual(ours, theirs) {
				t.Fatalf("%q reads as %v, elsewhere as %v", d.text, ours, theirs)
			}
		}
		for _, x := range wrong {
			if x.Message == "" || x.Line < 0 || x.Line > 1+strings.Count(string(data), "\n")+strings.Count(string(data), "\r") && !strings.HasPrefix(string(data), "\xff\xfe") && !strings.HasPrefix(string(data), "\xfe\xff") {
				t.Fatalf("a fault that says nothing: %+v", x)
			}
		}
	})
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// floats reads JSON with numbers as other programs have them.
func floats(t *testing.T, data []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(data, &v); err != nil && !strings.Contains(err.Error(), "cannot unmarshal number") {
		t.Fatal(err)
	}
	return v
}
