package kubeapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/emulator/kubeapi"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
	"github.com/aeriehq/aerie/cloud/kube/memory"
)

// store is a store with two namespaces and a few objects.
func store(t testing.TB) *memory.Store {
	t.Helper()
	m, err := memory.New([]kube.Object{
		kubetest.Object("v1", "Namespace", "", "a", nil), kubetest.Object("v1", "Namespace", "", "b", nil),
		config("a", "one", "x"), config("a", "two", "y"), config("b", "one", "x"),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func config(namespace, name, label string) kube.Object {
	o := kubetest.Object("v1", "ConfigMap", namespace, name, nil)
	o["metadata"].(map[string]any)["labels"] = map[string]any{"l": label}
	return o
}

// ask is the status of an answer and its JSON.
func ask(t testing.TB, api kube.API, method, target, contentType, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Content-Type", contentType)
	a := kubeapi.Serve(r, r.URL.Path, []byte(body), api, "1.35")
	w := httptest.NewRecorder()
	a.Write(w)
	var v any
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != a.Status {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return w.Code, w.Body.String()
}

func TestServe(t *testing.T) {
	const apply = "application/apply-patch+yaml"
	for _, row := range []struct {
		name, method, target, contentType, body string
		status                                  int
		has                                     string
	}{
		{"the version says that it only stores", "GET", "/version", "", "", 200, `"gitVersion":"v1.35.1-stores-only"`},
		{"it is ready", "GET", "/readyz", "", "", 200, "ok"},
		{"the core API", "GET", "/api", "", "", 200, `"versions":["v1"]`},
		{"the groups", "GET", "/apis", "", "", 200, `"groupVersion":"apps/v1"`},
		{"a group, the newest version preferred", "GET", "/apis/autoscaling", "", "", 200, `"preferredVersion":{"groupVersion":"autoscaling/v2"`},
		{"the kinds of a group", "GET", "/apis/networking.k8s.io/v1", "", "", 200, `"name":"networkpolicies"`},
		{"a group that is none", "GET", "/apis/none/v1", "", "", 404, `"reason":"NotFound"`},
		{"an object", "GET", "/api/v1/namespaces/a/configmaps/one", "", "", 200, `"name":"one"`},
		{"a namespace", "GET", "/api/v1/namespaces/a", "", "", 200, `"kind":"Namespace"`},
		{"the absent", "GET", "/api/v1/namespaces/a/configmaps/x", "", "", 404, `"status":"Failure"`},
		{"a kind that is none", "GET", "/api/v1/namespaces/a/wishes", "", "", 404, "wishes"},
		{"a part of an object", "GET", "/api/v1/namespaces/a/pods/p/log", "", "", 404, "pods/log"},
		{"a list of one namespace", "GET", "/api/v1/namespaces/b/configmaps", "", "", 200, `"kind":"ConfigMapList"`},
		{"a list by label", "GET", "/api/v1/configmaps?labelSelector=l+in+(y)", "", "", 200, `"name":"two"`},
		{"a selector that is none", "GET", "/api/v1/configmaps?labelSelector=((", "", "", 400, "BadRequest"},
		{"a watch", "GET", "/api/v1/configmaps?watch=true", "", "", 405, "MethodNotAllowed"},
		{"a token that is none", "GET", "/api/v1/configmaps?continue=x", "", "", 410, "Expired"},
		{"an apply", "PATCH", "/api/v1/namespaces/a/configmaps/new?fieldManager=m", apply, "{apiVersion: v1, kind: ConfigMap, metadata: {name: new}, data: {k: v}}", 200, `"k":"v"`},
		{"an apply into no namespace", "PATCH", "/api/v1/namespaces/x/configmaps/new", apply, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"new"}}`, 404, "NotFound"},
		{"an apply of another object", "PATCH", "/api/v1/namespaces/a/configmaps/new", apply, `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"new"}}`, 400, "not the one of the path"},
		{"an apply of nothing", "PATCH", "/api/v1/namespaces/a/configmaps/new", apply, "", 400, "BadRequest"},
		{"an apply at another version", "PATCH", "/api/v1/namespaces/a/configmaps/one", apply, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"one","resourceVersion":"77"}}`, 409, "Conflict"},
		{"an apply of what is wrong", "PATCH", "/api/v1/namespaces/a/configmaps/No", apply, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"No"}}`, 422, "Invalid"},
		{"another patch", "PATCH", "/api/v1/namespaces/a/configmaps/one", "application/merge-patch+json", "{}", 415, "UnsupportedMediaType"},
		{"a create", "POST", "/api/v1/namespaces/a/configmaps", "application/json", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"new"}}`, 200, `"name":"new"`},
		{"a create of what is there", "POST", "/api/v1/namespaces/a/configmaps", "application/json", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"one"}}`, 409, "AlreadyExists"},
		{"a replacement", "PUT", "/api/v1/namespaces/a/configmaps/one", "application/json", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"one"}}`, 200, `"name":"one"`},
		{"a replacement of nothing", "PUT", "/api/v1/namespaces/a/configmaps/x", "application/json", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}`, 404, "NotFound"},
		{"a delete", "DELETE", "/api/v1/namespaces/a/configmaps/one", "", "", 200, `"status":"Success"`},
		{"a delete of the absent", "DELETE", "/api/v1/namespaces/a/configmaps/x", "", "", 404, "NotFound"},
		{"a delete of all", "DELETE", "/api/v1/namespaces/a/configmaps", "", "", 405, "MethodNotAllowed"},
		{"what is no path of it", "GET", "/metrics", "", "", 404, "NotFound"},
	} {
		t.Run(row.name, func(t *testing.T) {
			status, body := ask(t, store(t), row.method, row.target, row.contentType, row.body)
			if status != row.status || !strings.Contains(body, row.has) {
				t.Errorf("%d %s, want %d with %s", status, body, row.status, row.has)
			}
		})
	}
}

// TestPages lists one by one.
func TestPages(t *testing.T) {
	var seen []string
	api, next := store(t), ""
	for {
		_, body := ask(t, api, "GET", "/api/v1/configmaps?limit=1&continue="+next, "", "")
		var page struct {
			Metadata struct{ Continue string }
			Items    []kube.Object
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil || len(page.Items) != 1 {
			t.Fatal(body, err)
		}
		seen = append(seen, page.Items[0].Key().String())
		if next = page.Metadata.Continue; next == "" {
			break
		}
	}
	if got := strings.Join(seen, ", "); got != "ConfigMap a/one, ConfigMap a/two, ConfigMap b/one" {
		t.Error(got)
	}
}

func TestRead(t *testing.T) {
	for _, row := range []struct {
		method, path string
		want         kubeapi.What
	}{
		{"GET", "/version", kubeapi.What{Op: "Discover"}},
		{"GET", "/api/v1", kubeapi.What{Op: "Discover"}},
		{"GET", "/api/v1/namespaces/a", kubeapi.What{Op: "Get", Name: "namespaces/a"}},
		{"PATCH", "/apis/apps/v1/namespaces/a/deployments/d", kubeapi.What{Op: "Apply", Namespace: "a", Name: "a/deployments/d"}},
		{"GET", "/apis/apps/v1/deployments", kubeapi.What{Op: "List", Name: "deployments"}},
		{"DELETE", "/api/v1/namespaces/a/secrets/s", kubeapi.What{Op: "Delete", Namespace: "a", Name: "a/secrets/s"}},
	} {
		if got := kubeapi.Read(row.method, row.path); got != row.want {
			t.Errorf("%s %s: %+v, want %+v", row.method, row.path, got, row.want)
		}
	}
}

// FuzzServe asks for anything, and gets an answer.
func FuzzServe(f *testing.F) {
	f.Add("GET", "/api/v1/namespaces/a/configmaps", "limit=1", "")
	f.Add("PATCH", "/api/v1/namespaces/a/configmaps/c", "", "{metadata: []}")
	f.Add("POST", "/apis/apps/v1/namespaces/a/deployments", "", `{"metadata":{"name":1}}`)
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Method, r.URL.Path, r.URL.RawQuery = method, path, query
		r.Header.Set("Content-Type", "application/apply-patch+yaml")
		if a := kubeapi.Serve(r, path, []byte(body), store(t), "1.35"); a.Status < 200 || a.Status > 599 || a.Body == nil {
			t.Fatalf("%+v", a)
		}
		kubeapi.Read(method, path)
	})
}
