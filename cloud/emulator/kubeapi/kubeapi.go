// Package kubeapi serves a store of objects as a Kubernetes API: discovery, server-side apply, get,
// list and delete, for the built-in kinds and those of stored custom resource definitions. It says in
// its version that it only stores: nothing runs there, and nothing is admitted, defaulted or watched.
//
// Begin with Serve; upstream.go passes requests on to a real cluster instead. It keeps nothing between
// requests: what may run at once, and what is there after a crash, is up to the store that Serve is
// given.
package kubeapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
)

// call is one request.
type call struct {
	http    *http.Request
	body    []byte
	api     kube.API
	version string // of Kubernetes
}

// Answer is what a request comes to.
type Answer struct {
	Status int
	Body   any
}

// What says what a request is about, for who writes it down or judges it: the verb, the namespace and the name.
type What struct {
	Op        string // Apply, Get, List, Delete, Discover or Other
	Namespace string
	Name      string
}

// Read says what a request to a path of the API is about.
func Read(method, path string) What {
	at, ok := parse(path)
	if !ok {
		return What{Op: "Discover"}
	}
	name := at.resource
	if at.name != "" {
		name += "/" + at.name
	}
	if at.namespace != "" {
		name = at.namespace + "/" + name
	}
	w := What{Op: "Other", Namespace: at.namespace, Name: name}
	switch {
	case method == http.MethodGet && at.name != "":
		w.Op = "Get"
	case method == http.MethodGet:
		w.Op = "List"
	case method == http.MethodDelete:
		w.Op = "Delete"
	case method == http.MethodPatch, method == http.MethodPost, method == http.MethodPut:
		w.Op = "Apply"
	}
	return w
}

// Serve answers a request, whose path within the API is given, from a store.
func Serve(r *http.Request, path string, body []byte, api kube.API, version string) Answer {
	c := &call{http: r, body: body, api: api, version: version}
	answer, err := c.serve(path)
	if err != nil {
		return refusal(err)
	}
	return answer
}

// Write sends an answer.
func (a Answer) Write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.Status)
	_ = json.NewEncoder(w).Encode(a.Body) // a client that is gone is no concern of ours
}

func ok(body any) (Answer, error) { return Answer{http.StatusOK, body}, nil }

type object = map[string]any

func (c *call) serve(path string) (Answer, error) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case path == "/version":
		return c.sayVersion()
	case path == "/livez", path == "/readyz", path == "/healthz":
		return ok("ok")
	case path == "/api":
		return ok(object{"kind": "APIVersions", "versions": []string{"v1"}, "serverAddressByClientCIDRs": []any{}})
	case path == "/apis":
		return c.sayGroups()
	case len(parts) == 2 && parts[0] == "api":
		return c.sayKinds(parts[1])
	case len(parts) == 2 && parts[0] == "apis":
		return c.sayGroup(parts[1])
	case len(parts) == 3 && parts[0] == "apis":
		return c.sayKinds(parts[1] + "/" + parts[2])
	}
	at, found := parse(path)
	if !found {
		return Answer{}, absent(path)
	}
	return c.resource(at)
}

func (c *call) sayVersion() (Answer, error) {
	major, minor, _ := strings.Cut(c.version, ".")
	return ok(object{"major": major, "minor": minor, "gitVersion": "v" + c.version + ".1" + kube.StoreOnlySuffix, "platform": "linux/amd64"})
}

func (c *call) sayGroups() (Answer, error) {
	groups, err := c.groups()
	if err != nil {
		return Answer{}, err
	}
	all := []any{}
	for _, name := range sortedKeys(groups) {
		all = append(all, group(name, groups[name]))
	}
	return ok(object{"kind": "APIGroupList", "apiVersion": "v1", "groups": all})
}

func (c *call) sayGroup(name string) (Answer, error) {
	groups, err := c.groups()
	if err != nil {
		return Answer{}, err
	}
	if groups[name] == nil {
		return Answer{}, absent("API group " + name)
	}
	g := group(name, groups[name])
	g["kind"], g["apiVersion"] = "APIGroup", "v1"
	return ok(g)
}

func group(name string, versions []string) object {
	var all []any
	for _, v := range versions {
		all = append(all, object{"groupVersion": name + "/" + v, "version": v})
	}
	return object{"name": name, "versions": all, "preferredVersion": all[len(all)-1]}
}

// verbs are what is served of every kind.
var verbs = []string{"create", "delete", "get", "list", "patch", "update"}

func (c *call) sayKinds(groupVersion string) (Answer, error) {
	kinds, err := c.kinds(groupVersion)
	if err != nil {
		return Answer{}, err
	}
	if len(kinds) == 0 {
		return Answer{}, absent("API " + groupVersion)
	}
	all := []any{}
	for _, k := range kinds {
		all = append(all, object{"name": k.resource, "singularName": strings.ToLower(k.kind), "kind": k.kind, "namespaced": !k.clusterScoped, "verbs": verbs})
	}
	return ok(object{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": groupVersion, "resources": all})
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
