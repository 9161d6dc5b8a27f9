package aws

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// route finds the operation of a request and reads its parameters from path, query and body.
func (q *wire) route() *core.Failure {
	for _, r := range services[q.service].Routes {
		if at, ok := match(r.Path, q.http.URL.EscapedPath()); ok && r.Method == q.http.Method {
			q.op, q.run = r.Op, r.Run
			return q.parameters(at)
		}
	}
	return core.Fail("NotFoundException", "%s %s is no operation of EKS here", q.http.Method, q.http.URL.Path)
}

// match reads a path by a pattern, part by part.
func match(pattern, path string) (at doc, ok bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	at = doc{}
	for i, w := range want {
		name, isName := strings.CutPrefix(w, "{")
		if !isName {
			if w != got[i] {
				return nil, false
			}
			continue
		}
		v, err := url.PathUnescape(got[i])
		if err != nil || v == "" {
			return nil, false
		}
		at[strings.TrimSuffix(name, "}")] = v
	}
	return at, true
}

func (q *wire) parameters(at doc) *core.Failure {
	if q.http.Method == http.MethodPost && len(q.body) > 0 {
		if err := json.Unmarshal(q.body, &q.in); err != nil || q.in == nil {
			q.in = doc{}
			return core.Fail("InvalidRequestException", "Could not parse request body into json: %v", err)
		}
	}
	for k, v := range q.http.URL.Query() {
		q.in[k] = core.Anys(v)
		if len(v) == 1 {
			q.in[k] = v[0]
		}
	}
	for k, v := range at {
		q.in[k] = v
	}
	return nil
}
