package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// openPaths need no token: they tell of the program, not of what it keeps.
var openPaths = []string{"/", "/healthz", "/livez", "/readyz", docsPath, openAPIPath, asyncAPIPath, enableLocalPath, loginPath}

// Health says that the program lives.
type Health struct {
	Status string `json:"status" required:"true" enum:"ok"`
}

// Readiness says whether the program does its work.
type Readiness struct {
	Ready  bool   `json:"ready" required:"true" doc:"Whether commands are taken and views follow the log"`
	Log    string `json:"log" required:"true" doc:"What the log promises"`
	Seq    uint64 `json:"seq" required:"true" doc:"How far the views are"`
	Reason string `json:"reason" required:"true" doc:"Why it is not ready; empty if it is"`
}

type healthAnswer struct{ Body Health }

type readyAnswer struct {
	Status int
	Body   Readiness
}

func (s *server) health(api huma.API) {
	for _, id := range []string{"healthz", "livez"} {
		route(api, open(get(id, "/"+id, "Whether the program lives; needs no token", "server")),
			func(context.Context, *struct{}) (*healthAnswer, error) { return &healthAnswer{Health{"ok"}}, nil })
	}
	op := open(get("readyz", "/readyz", "Whether commands are taken, and what the log promises; needs no token", "server"))
	route(api, op, s.readyz)
	described := api.OpenAPI().Paths[op.Path].Get.Responses
	described["503"] = &huma.Response{Description: "Not ready", Content: described["200"].Content}
	s.mux.HandleFunc("GET /{$}", s.front)
}

// open says of an operation that it needs no token.
func open(op huma.Operation) huma.Operation {
	op.Security = []map[string][]string{{}}
	return op
}

func (s *server) readyz(context.Context, *struct{}) (*readyAnswer, error) {
	return s.readiness(), nil
}

func (s *server) readiness() *readyAnswer {
	err := s.Ready()
	if err == nil {
		err = s.views.Err()
	}
	out := &readyAnswer{http.StatusOK, Readiness{Ready: err == nil, Log: s.Promise, Seq: s.views.AsOf().Seq}}
	if err != nil {
		out.Status, out.Body.Reason = http.StatusServiceUnavailable, err.Error()
	}
	return out
}

// front serves the page that who opens the address in a browser sees.
func (s *server) front(w http.ResponseWriter, _ *http.Request) {
	p, ready := &docsPage{}, s.readiness().Body
	p.begin("aerie")
	p.say("<h1>aerie</h1><p>This is the control plane of tenants, their applications and the clusters they run on; version %s.</p>", s.Version)
	if ready.Ready {
		p.say("<p>It is <strong>ready</strong>: commands are taken. The log promises: %s.</p>", ready.Log)
	} else {
		p.say("<p>It is <strong>not ready</strong>: %s</p>", ready.Reason)
	}
	p.say("<h2>Sign in</h2><p>On the command line, with the token that stands in <code>&lt;data-dir&gt;/token</code> of the server:</p>")
	p.say("<pre>export AERIE_API_URL=<em>this address</em>\nexport AERIE_TOKEN=<em>the token</em>\naerie get tenants</pre>")
	p.say("<p>Other programs send it as <code>Authorization: Bearer</code>.</p>")
	p.say("<h2>Read on</h2><ul><li><a href=\"%s\">What it can be asked</a>", docsPath)
	p.say("<li><a href=\"%s\">OpenAPI</a>, for programs that use HTTP<li><a href=\"%s\">AsyncAPI</a>, for programs that use NATS", openAPIPath, asyncAPIPath)
	p.say("<li><a href=\"/readyz\">Readiness</a>, for programs</ul>")
	p.serve(w)
}
