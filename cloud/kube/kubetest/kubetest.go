// Package kubetest is what every kube.API must do, as tests: the one that only stores and the real one pass the same. It is
// not a test of what aerie makes in a cluster; those stand beside their packages and in test/kube.
//
// Begin with Conform. Its cases run at once, each in a namespace of its own whose name begins with the given prefix, so
// that many may share one cluster. It leaves those namespaces behind: who gives the API clears it away.
package kubetest

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
)

// Conform tests an API with objects in namespaces that begin with a prefix.
func Conform(t *testing.T, api kube.API, prefix string) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &space{T: t, API: api, name: prefix + "-" + c.namespace}
			s.apply(Object("v1", "Namespace", "", s.name, nil), true)
			c.test(s)
		})
	}
}

var cases = []struct {
	name, namespace string
	test            func(*space)
}{
	{"the absent is not found", "absent", absent},
	{"what is applied is there, and applying it again changes nothing", "apply", apply},
	{"trying says what would be, and changes nothing", "try", try},
	{"a field that is not wanted any more goes", "fields", fields},
	{"a resource version is a precondition", "precondition", precondition},
	{"a list has what matches, in order", "list", list},
	{"what is deleted is gone, and deleting it again is success", "delete", remove},
	{"an object is deleted as it was read, or not at all", "unchanged", removeUnchanged},
	{"a namespace goes with what is in it", "namespace", namespace},
	{"an object goes with its owner, also one that comes late", "owner", owner},
	{"what is wrong is refused", "wrong", wrong},
	{"numbers stay what they are", "numbers", numbers},
	{"a cancelled call is unavailable", "cancelled", cancelled},
}

// space is a test in a namespace of its own.
type space struct {
	*testing.T
	kube.API
	name string
}

// Object makes an object as it stands in a manifest.
func Object(apiVersion, kind, namespace, name string, more map[string]any) kube.Object {
	metadata := map[string]any{"name": name}
	if namespace != "" {
		metadata["namespace"] = namespace
	}
	o := kube.Object{"apiVersion": apiVersion, "kind": kind, "metadata": metadata}
	for k, v := range more {
		o[k] = v
	}
	return o
}

func (s *space) config(name string, data map[string]any) kube.Object {
	return Object("v1", "ConfigMap", s.name, name, map[string]any{"data": data})
}

func (s *space) apply(o kube.Object, want bool) {
	s.Helper()
	changed, err := s.Apply(s.Context(), o)
	if err != nil || changed != want {
		s.Fatalf("apply %s: changed %v, want %v: %v", o.Key(), changed, want, err)
	}
}

func (s *space) get(kind, name string) kube.Object {
	s.Helper()
	o, err := s.Get(s.Context(), "v1", kind, s.name, name)
	s.is("", err)
	return o
}

func (s *space) is(want kube.Code, err error) {
	s.Helper()
	if kube.CodeOf(err) != want {
		s.Fatalf("code %q, want %q: %v", kube.CodeOf(err), want, err)
	}
}

func data(o kube.Object) map[string]any {
	d, _ := o["data"].(map[string]any)
	return d
}

func absent(s *space) {
	_, err := s.Get(s.Context(), "v1", "ConfigMap", s.name, "c")
	s.is(kube.NotFound, err)
	_, err = s.Apply(s.Context(), Object("v1", "ConfigMap", s.name+"-no", "c", nil))
	s.is(kube.NotFound, err)
}

func apply(s *space) {
	s.apply(s.config("c", map[string]any{"v": "1"}), true)
	s.apply(s.config("c", map[string]any{"v": "1"}), false)
	s.apply(s.config("c", map[string]any{"v": "2"}), true)
	if got := s.get("ConfigMap", "c"); data(got)["v"] != "2" || got.Namespace() != s.name {
		s.Fatal(got)
	}
}

func try(s *space) {
	looks := func(v string, is, wouldBe any) {
		s.Helper()
		before, after, err := s.Try(s.Context(), s.config("c", map[string]any{"v": v}))
		s.is("", err)
		if data(before)["v"] != is || data(after)["v"] != wouldBe || (is == wouldBe) != reflect.DeepEqual(before, after) {
			s.Fatalf("%v, would be %v", before, after)
		}
	}
	looks("1", nil, nil)
	s.apply(s.config("c", map[string]any{"v": "1"}), true)
	looks("1", "1", "1")
	looks("2", "1", "2")
	if got := s.get("ConfigMap", "c"); data(got)["v"] != "1" {
		s.Fatal(got)
	}
	_, _, err := s.Try(s.Context(), s.config("No", nil))
	s.is(kube.Invalid, err)
}

func fields(s *space) {
	s.apply(s.config("c", map[string]any{"a": "1", "b": "1"}), true)
	s.apply(s.config("c", map[string]any{"b": "1"}), true)
	if got := data(s.get("ConfigMap", "c")); len(got) != 1 || got["b"] != "1" {
		s.Fatal(got)
	}
}

func precondition(s *space) {
	at := func(o kube.Object, version any) kube.Object {
		o["metadata"].(map[string]any)["resourceVersion"] = version
		return o
	}
	version := func() any { return s.get("ConfigMap", "c")["metadata"].(map[string]any)["resourceVersion"] }
	s.apply(s.config("c", map[string]any{"v": "1"}), true)
	old := version()
	s.apply(at(s.config("c", map[string]any{"v": "2"}), old), true)
	_, err := s.Apply(s.Context(), at(s.config("c", map[string]any{"v": "3"}), old))
	s.is(kube.Conflict, err)
	_, err = s.Apply(s.Context(), at(s.config("new", nil), old))
	s.is(kube.Conflict, err)
	if got := data(s.get("ConfigMap", "c")); got["v"] != "2" {
		s.Fatal(got)
	}
}

func list(s *space) {
	for _, name := range []string{"b", "c", "a"} {
		o := s.config(name, nil)
		o["metadata"].(map[string]any)["labels"] = map[string]any{"of": s.name, "vowel": map[bool]any{true: "yes", false: "no"}[name == "a"]}
		s.apply(o, true)
	}
	for want, labels := range map[string]map[string]string{
		"abc": {"of": s.name}, "bc": {"of": s.name, "vowel": "no"}, "": {"of": s.name, "vowel": "maybe"},
	} {
		for _, in := range []string{s.name, ""} {
			found, err := s.List(s.Context(), kube.Selector{APIVersion: "v1", Kind: "ConfigMap", Namespace: in, Labels: labels})
			s.is("", err)
			got := ""
			for _, o := range found {
				got += o.Name()
			}
			if got != want {
				s.Errorf("%v in %q: %q, want %q", labels, in, got, want)
			}
		}
	}
	_, err := s.List(s.Context(), kube.Selector{Kind: "ConfigMap"})
	s.is(kube.Invalid, err)
}

func remove(s *space) {
	s.apply(s.config("c", nil), true)
	for range 2 {
		s.is("", s.Delete(s.Context(), "v1", "ConfigMap", s.name, "c"))
	}
	_, err := s.Get(s.Context(), "v1", "ConfigMap", s.name, "c")
	s.is(kube.NotFound, err)
}

func removeUnchanged(s *space) {
	s.is(kube.Invalid, s.DeleteUnchanged(s.Context(), s.config("c", nil)))
	s.apply(s.config("c", map[string]any{"v": "1"}), true)
	read := s.get("ConfigMap", "c")
	s.apply(s.config("c", map[string]any{"v": "2"}), true)
	s.is(kube.Conflict, s.DeleteUnchanged(s.Context(), read))
	s.is("", s.Delete(s.Context(), "v1", "ConfigMap", s.name, "c"))
	s.apply(s.config("c", map[string]any{"v": "1"}), true)
	s.is(kube.Conflict, s.DeleteUnchanged(s.Context(), read)) // it is another one
	read = s.get("ConfigMap", "c")
	for range 2 {
		s.is("", s.DeleteUnchanged(s.Context(), read))
	}
	_, err := s.Get(s.Context(), "v1", "ConfigMap", s.name, "c")
	s.is(kube.NotFound, err)
}

func namespace(s *space) {
	s.apply(s.config("c", nil), true)
	s.is("", s.Delete(s.Context(), "v1", "Namespace", "", s.name))
	for kind, in := range map[string]string{"Namespace": "", "ConfigMap": s.name} {
		Eventually(s, kind+" is gone", func() bool {
			name := map[string]string{"Namespace": s.name, "ConfigMap": "c"}[kind]
			_, err := s.Get(s.Context(), "v1", kind, in, name)
			return kube.CodeOf(err) == kube.NotFound
		})
	}
	s.is("", s.Delete(s.Context(), "v1", "Namespace", "", s.name))
}

func owner(s *space) {
	owned := func(name string, by kube.Object) kube.Object {
		o := s.config(name, nil)
		o.Metadata()["ownerReferences"] = []any{by.OwnerReference()}
		return o
	}
	goes := func(name string) {
		s.Helper()
		Eventually(s, name+" is gone", func() bool {
			_, err := s.Get(s.Context(), "v1", "ConfigMap", s.name, name)
			return kube.CodeOf(err) == kube.NotFound
		})
	}
	s.apply(s.config("owner", nil), true)
	first := s.get("ConfigMap", "owner")
	s.apply(owned("early", first), true)
	s.apply(owned("early", first), false)
	s.apply(owned("of-early", s.get("ConfigMap", "early")), true)
	s.is("", s.Delete(s.Context(), "v1", "ConfigMap", s.name, "owner"))
	goes("early")
	goes("of-early")
	s.apply(s.config("owner", map[string]any{"v": "another"}), true)
	s.apply(owned("of-another", s.get("ConfigMap", "owner")), true)
	s.apply(owned("late", first), true)
	goes("late")
	s.get("ConfigMap", "of-another")
}

func wrong(s *space) {
	for _, o := range []kube.Object{
		Object("v1", "ConfigMap", s.name, "No", nil),
		Object("v1", "ConfigMap", "", "c", nil),
		Object("v1", "", s.name, "c", nil),
		Object("", "ConfigMap", s.name, "c", nil),
		Object("v1", "Namespace", "", "a.b", nil),
	} {
		_, err := s.Apply(s.Context(), o)
		s.is(kube.Invalid, err)
	}
}

func numbers(s *space) {
	s.apply(Object("v1", "Service", s.name, "s", map[string]any{"spec": map[string]any{
		"clusterIP": "None", "ports": []any{map[string]any{"port": int64(5432), "protocol": "TCP"}}}}), true)
	spec, _ := s.get("Service", "s")["spec"].(map[string]any)
	ports, _ := spec["ports"].([]any)
	if len(ports) != 1 || ports[0].(map[string]any)["port"] != int64(5432) {
		s.Fatalf("%T %v", ports, ports)
	}
}

func cancelled(s *space) {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	_, err := s.Get(ctx, "v1", "ConfigMap", s.name, "c")
	s.is(kube.Unavailable, err)
	_, err = s.Apply(ctx, s.config("c", nil))
	s.is(kube.Unavailable, err)
}

// longest is how long Eventually waits: far longer than anything takes, so that a test which hangs says for what, and its package
// doesn't end by its own time with all that runs beside it.
const longest = 6 * time.Minute

// Eventually waits for something that a cluster brings about in its own time.
func Eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	tick, end := time.NewTicker(50*time.Millisecond), time.After(longest)
	defer tick.Stop()
	for !so() {
		select {
		case <-t.Context().Done():
			t.Fatal("never: " + what)
		case <-end:
			t.Fatalf("not within %v: %s", longest, what)
		case <-tick.C:
		}
	}
}
