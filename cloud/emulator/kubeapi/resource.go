package kubeapi

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/aeriehq/aerie/cloud/kube"
)

// location is what a path of the API names.
type location struct {
	groupVersion, namespace, resource, name, part string
}

// parse reads a path: /api/v1 or /apis/GROUP/VERSION, then perhaps /namespaces/NAMESPACE, then /RESOURCE, perhaps /NAME
// and perhaps a part of that.
func parse(path string) (at location, ok bool) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case len(parts) > 2 && parts[0] == "api":
		at.groupVersion, parts = parts[1], parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		at.groupVersion, parts = parts[1]+"/"+parts[2], parts[3:]
	default:
		return at, false
	}
	if len(parts) > 2 && parts[0] == "namespaces" {
		at.namespace, parts = parts[1], parts[2:]
	}
	if len(parts) > 3 {
		return at, false
	}
	parts = append(parts, "", "")
	at.resource, at.name, at.part = parts[0], parts[1], parts[2]
	return at, true
}

// resource answers what is asked of objects.
func (c *call) resource(at location) (Answer, error) {
	kinds, err := c.kinds(at.groupVersion)
	if err != nil {
		return Answer{}, err
	}
	for _, k := range kinds {
		switch {
		case k.resource == at.resource && at.part == "":
			return c.on(k, at)
		case at.groupVersion == "v1" && at.resource == "pods" && at.part == "eviction" && c.http.Method == http.MethodPost:
			return c.evict(at)
		}
	}
	return Answer{}, absent(at.groupVersion + " " + strings.Trim(at.resource+"/"+at.part, "/"))
}

func (c *call) on(k kind, at location) (Answer, error) {
	key := kube.Key{APIVersion: at.groupVersion, Kind: k.kind, Namespace: at.namespace, Name: at.name}
	switch method := c.http.Method; {
	case method == http.MethodGet && at.name != "":
		o, err := c.api.Get(c.http.Context(), key.APIVersion, key.Kind, key.Namespace, key.Name)
		return Answer{http.StatusOK, o}, err
	case method == http.MethodGet:
		return c.list(key)
	case method == http.MethodDelete && at.name != "":
		return c.remove(key)
	case method == http.MethodPatch && k.kind == "Node" && c.http.Header.Get("Content-Type") == merged:
		return c.cordon(key)
	case method == http.MethodPatch && at.name != "", method == http.MethodPut && at.name != "", method == http.MethodPost && at.name == "":
		return c.put(key)
	}
	return Answer{}, refused(http.StatusMethodNotAllowed, "MethodNotAllowed", "the server does not allow this method on the requested resource")
}

// applied is the content type of a server-side apply.
const applied = "application/apply-patch+yaml"

// merged is the content type of a merge patch, which is served for what cordons a node alone.
const merged = "application/merge-patch+json"

// cordon keeps new pods off a node, or not any more.
func (c *call) cordon(key kube.Key) (Answer, error) {
	patch, err := kube.Decode(c.body)
	if err != nil {
		return Answer{}, err
	}
	if err := c.api.Cordon(c.http.Context(), key.Name, patch.Closed()); err != nil {
		return Answer{}, err
	}
	o, err := c.api.Get(c.http.Context(), key.APIVersion, key.Kind, key.Namespace, key.Name)
	return Answer{http.StatusOK, o}, err
}

// evict asks for the end of a pod.
func (c *call) evict(at location) (Answer, error) {
	if _, err := c.api.Get(c.http.Context(), "v1", "Pod", at.namespace, at.name); err != nil {
		return Answer{}, err
	}
	err := c.api.Evict(c.http.Context(), at.namespace, at.name)
	var held *kube.Error
	if errors.As(err, &held) && held.Code == kube.Held {
		body := status(http.StatusTooManyRequests, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.")
		body["details"] = object{"causes": []any{object{"reason": "DisruptionBudget", "message": held.Message}}}
		return Answer{http.StatusTooManyRequests, body}, nil
	}
	if err != nil {
		return Answer{}, err
	}
	return Answer{http.StatusCreated, status(http.StatusCreated, "", "")}, nil
}

// put stores an object, applied, made or replaced.
func (c *call) put(key kube.Key) (Answer, error) {
	if kind := c.http.Header.Get("Content-Type"); c.http.Method == http.MethodPatch && kind != applied {
		return Answer{}, refused(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "of patches only "+applied+" is served here, not "+kind)
	}
	o, err := decode(c.body)
	if err != nil {
		return Answer{}, err
	}
	if key.Name == "" {
		key.Name = o.Name()
	}
	if given := o.Key(); given != key && !(given.Namespace == "" && kube.Key{APIVersion: given.APIVersion, Kind: given.Kind, Namespace: key.Namespace, Name: given.Name} == key) {
		return Answer{}, refused(http.StatusBadRequest, "BadRequest", "the object "+given.String()+" is not the one of the path, "+key.String())
	}
	if key.Namespace != "" {
		o["metadata"].(object)["namespace"] = key.Namespace
	}
	_, err = c.api.Get(c.http.Context(), key.APIVersion, key.Kind, key.Namespace, key.Name)
	switch there := err == nil; {
	case there && c.http.Method == http.MethodPost:
		return Answer{}, refused(http.StatusConflict, "AlreadyExists", key.String()+" already exists")
	case !there && c.http.Method == http.MethodPut:
		return Answer{}, err
	}
	if c.http.URL.Query().Get("dryRun") == "All" {
		_, wouldBe, err := c.api.Try(c.http.Context(), o)
		if wouldBe == nil {
			wouldBe = o
		}
		return Answer{http.StatusOK, wouldBe}, err
	}
	// Who writes replaces the whole object here, and so is the only one who has set anything of it.
	o["metadata"].(object)["managedFields"] = []any{object{"manager": c.manager(), "operation": "Update", "apiVersion": key.APIVersion}}
	if _, err := c.api.Apply(c.http.Context(), o); err != nil {
		return Answer{}, err
	}
	there, err := c.api.Get(c.http.Context(), key.APIVersion, key.Kind, key.Namespace, key.Name)
	if kube.CodeOf(err) == kube.NotFound { // it went with its owners, which a real cluster notices a little later
		return Answer{http.StatusOK, o}, nil
	}
	return Answer{http.StatusOK, there}, err
}

// manager is the name under which who asks sets fields: the one that he gives, or that of his program.
func (c *call) manager() string {
	program, _, _ := strings.Cut(c.http.UserAgent(), "/")
	return cmp.Or(c.http.URL.Query().Get("fieldManager"), program)
}

func decode(body []byte) (kube.Object, error) {
	data, err := yaml.YAMLToJSON(body)
	if err != nil {
		return nil, refused(http.StatusBadRequest, "BadRequest", err.Error())
	}
	o, err := kube.Decode(data)
	if err != nil {
		return nil, err
	}
	if _, isMap := o["metadata"].(object); !isMap {
		return nil, refused(http.StatusBadRequest, "BadRequest", "an object has metadata")
	}
	return o, nil
}

// list answers a page of objects.
func (c *call) list(key kube.Key) (Answer, error) {
	q := c.http.URL.Query()
	field, node, _ := strings.Cut(q.Get("fieldSelector"), "=")
	if q.Get("watch") != "" && q.Get("watch") != "false" || field != "" && (field != kube.NodeField || key.Kind != "Pod") {
		return Answer{}, refused(http.StatusMethodNotAllowed, "MethodNotAllowed", "nothing can be watched here, and only pods selected by field, which is their node")
	}
	selector, err := labels.Parse(q.Get("labelSelector"))
	if err != nil {
		return Answer{}, refused(http.StatusBadRequest, "BadRequest", err.Error())
	}
	found, err := c.api.List(c.http.Context(), kube.Selector{APIVersion: key.APIVersion, Kind: key.Kind, Namespace: key.Namespace, Node: node})
	if err != nil {
		return Answer{}, err
	}
	matching := []any{}
	for _, o := range found {
		if selector.Matches(labels.Set(o.Labels())) {
			matching = append(matching, o)
		}
	}
	page, next, err := cut(matching, q.Get("limit"), q.Get("continue"))
	if err != nil {
		return Answer{}, err
	}
	return ok(object{"kind": key.Kind + "List", "apiVersion": key.APIVersion, "metadata": object{"resourceVersion": "1", "continue": next}, "items": page})
}

// cut is the page that is asked for, and a token for the next.
func cut(all []any, limit, token string) (page []any, next string, err error) {
	from := 0
	if token != "" {
		data, decodeErr := base64.RawURLEncoding.DecodeString(token)
		if from, err = strconv.Atoi(string(data)); err != nil || decodeErr != nil || from < 0 || from > len(all) {
			return nil, "", refused(http.StatusGone, "Expired", "the continue parameter is too old or none of ours")
		}
	}
	page = all[from:]
	if most, err := strconv.Atoi(limit); err == nil && most > 0 && len(page) > most {
		return page[:most], base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(from + most))), nil
	}
	return page, "", nil
}

// remove deletes an object. Of preconditions there is the resource version: that of another object of its name is another.
func (c *call) remove(key kube.Key) (Answer, error) {
	there, err := c.api.Get(c.http.Context(), key.APIVersion, key.Kind, key.Namespace, key.Name)
	if err != nil {
		return Answer{}, err
	}
	var options struct {
		Preconditions struct{ ResourceVersion string }
	}
	if data, err := yaml.YAMLToJSON(c.body); err == nil {
		_ = json.Unmarshal(data, &options) // what is no options asks for nothing
	}
	if want := options.Preconditions.ResourceVersion; want != "" {
		kube.SetVersion(there, want)
		err = c.api.DeleteUnchanged(c.http.Context(), there)
	} else {
		err = c.api.Delete(c.http.Context(), key.APIVersion, key.Kind, key.Namespace, key.Name)
	}
	if err != nil {
		return Answer{}, err
	}
	return ok(status(http.StatusOK, "", ""))
}

// statusError is a refusal in the words of Kubernetes.
type statusError struct {
	code            int
	reason, message string
}

func (e *statusError) Error() string { return e.reason + ": " + e.message }

func refused(code int, reason, message string) error { return &statusError{code, reason, message} }

func absent(what string) error {
	return refused(http.StatusNotFound, "NotFound", "the server could not find the requested resource: "+what)
}

func status(code int, reason, message string) object {
	word := "Success"
	if code >= http.StatusBadRequest {
		word = "Failure"
	}
	return object{"kind": "Status", "apiVersion": "v1", "metadata": object{}, "status": word, "reason": reason, "message": message, "code": code}
}

// Refuse is an answer that refuses.
func Refuse(code int, reason, message string) Answer {
	return Answer{code, status(code, reason, message)}
}

// reasons are what a store's errors are in Kubernetes' words.
var reasons = map[kube.Code]statusError{
	kube.NotFound:  {code: http.StatusNotFound, reason: "NotFound"},
	kube.Conflict:  {code: http.StatusConflict, reason: "Conflict"},
	kube.Invalid:   {code: http.StatusUnprocessableEntity, reason: "Invalid"},
	kube.Forbidden: {code: http.StatusForbidden, reason: "Forbidden"},
}

func refusal(err error) Answer {
	var own *statusError
	if errors.As(err, &own) {
		return Refuse(own.code, own.reason, own.message)
	}
	r, known := reasons[kube.CodeOf(err)]
	if !known {
		r = statusError{code: http.StatusServiceUnavailable, reason: "ServiceUnavailable"}
	}
	return Refuse(r.code, r.reason, err.Error())
}
