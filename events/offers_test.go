package events_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/aeriehq/aerie/events"
)

// document is a manifest as users write it.
type document struct {
	Kind   events.Kind     `json:"kind"`
	Name   string          `json:"name"`
	Owner  string          `json:"owner"`
	Labels json.RawMessage `json:"labels"`
	Spec   json.RawMessage `json:"spec"`
}

// decoded is a document that is in order.
type decoded struct {
	at   string
	ref  events.Ref
	spec events.Spec
}

var separator = regexp.MustCompile(`(?m)^---$`)

// Every directory of deploy/offers stands alone: it decodes without a fault, and
// what it refers to is in it.
func TestOffersAreInOrder(t *testing.T) {
	dirs, err := filepath.Glob("../deploy/offers/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("there are no offers: %v", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) { checkOffer(t, dir) })
	}
}

func checkOffer(t *testing.T, dir string) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no manifests: %v", err)
	}
	there := map[events.Ref]bool{}
	var all []decoded
	for _, file := range files {
		for _, d := range readOffer(t, file) {
			if there[d.ref] {
				t.Errorf("%s: %s is there twice", d.at, d.ref)
			}
			there[d.ref] = true
			all = append(all, d)
		}
	}
	for _, d := range all {
		for _, to := range events.RefsOf(d.ref, d.spec) {
			if !there[to.Ref] {
				t.Errorf("%s: %s: %s refers to %s, which is not in this directory", d.at, d.ref, to.Field, to.Ref)
			}
		}
	}
}

func readOffer(t *testing.T, file string) (all []decoded) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range separator.Split(string(data), -1) {
		at := fmt.Sprintf("%s:document %d", file, i+1)
		var d document
		if err := yaml.UnmarshalStrict([]byte(text), &d); err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		all = append(all, decoded{at, d.refOf(t, at), d.specOf(t, at)})
	}
	return all
}

func (d document) refOf(t *testing.T, at string) events.Ref {
	t.Helper()
	r := events.Ref{Kind: d.Kind, Owner: d.Owner, ID: d.Name}
	if r.Owner == "" {
		r.Owner = events.Platform
		if r.Kind == events.Customer {
			r.Owner = r.ID
		}
	}
	if faults := r.Check(); len(faults) > 0 {
		t.Fatalf("%s: %v", at, faults)
	}
	return r
}

func (d document) specOf(t *testing.T, at string) events.Spec {
	t.Helper()
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	if err := e.Encode(map[string]json.RawMessage{"labels": d.Labels, "spec": d.Spec}); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	ask, err := events.DecodeAsk(d.Kind, events.VerbCreate, body.Bytes())
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	return ask.(events.Create).Spec
}

// An offer is read by strangers: nothing secret stands in it, only the name of where it is.
func TestOffersHoldNoSecrets(t *testing.T) {
	files, err := filepath.Glob("../deploy/offers/*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "kind: Secret") {
			t.Errorf("%s has a Secret", file)
		}
	}
}
