package fsm_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

var rewrite = flag.Bool("update", false, "rewrite the files of testdata")

// wireDir keeps how every event stands in the log. A diff there is a migration:
// logs are for ever.
const wireDir = "../events/testdata/wire"

func TestEveryEventOnTheWire(t *testing.T) {
	known := map[string]bool{}
	for kind, all := range fsm.Vocabulary() {
		for _, e := range all {
			for version := 1; version < ev.Version(e); version++ {
				name := wireName(kind, e, version)
				known[name] = true
				t.Run(strings.TrimSuffix(name, ".json"), func(t *testing.T) { checkUpcast(t, filepath.Join(wireDir, name), e.(ev.Versioned), version) })
			}
			name := wireName(kind, e, ev.Version(e))
			known[name] = true
			t.Run(strings.TrimSuffix(name, ".json"), func(t *testing.T) { checkWire(t, filepath.Join(wireDir, name), e) })
		}
	}
	files, err := os.ReadDir(wireDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !known[f.Name()] {
			t.Errorf("%s is of no event of the vocabulary: an event that was ever written must stay readable", f.Name())
		}
	}
}

// wireName is the file of a version of an event; the first has none in its name.
func wireName(k ev.Kind, e ev.Event, version int) string {
	name := string(k) + "." + e.Type()
	if version > 1 {
		name += fmt.Sprintf(".v%d", version)
	}
	return name + ".json"
}

// checkUpcast reads an event as it was written once.
func checkUpcast(t *testing.T, path string, e ev.Versioned, version int) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal("an encoding that was ever written is kept: ", err)
	}
	body := json.RawMessage(data)
	for _, step := range e.Older()[version-1:] {
		if body, err = step(body); err != nil {
			t.Fatal(err)
		}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(reflect.New(reflect.TypeOf(e)).Interface()); err != nil {
		t.Errorf("version %d becomes %s: %v", version, body, err)
	}
}

func checkWire(t *testing.T, path string, e ev.Event) {
	filled := reflect.New(reflect.TypeOf(e)).Elem()
	fill(filled, "")
	got, err := json.MarshalIndent(filled.Interface(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *rewrite {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: write it with go test ./fsm -update", err)
	}
	if string(got) != string(want) {
		t.Fatalf("%s is written as\n%swant\n%s", e.Type(), got, want)
	}
	back := reflect.New(reflect.TypeOf(e))
	if err := json.Unmarshal(want, back.Interface()); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back.Elem().Interface(), filled.Interface()) {
		t.Errorf("read back it is %+v, want %+v", back.Elem(), filled)
	}
}

// fill gives every field a value that tells it from others, so that none is left out.
func fill(v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), name)
	case reflect.Struct:
		fillStruct(v)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), name)
	case reflect.Map:
		one := reflect.New(v.Type().Elem()).Elem()
		fill(one, name)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("key"), one)
	case reflect.Interface:
		v.Set(reflect.ValueOf("a " + name))
	case reflect.String:
		v.SetString("a " + name)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(len(name)))
	case reflect.Uint64:
		v.SetUint(uint64(len(name)))
	}
}

func fillStruct(v reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)))
		return
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		fill(v.Field(i), name)
	}
}
