package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

const healthPath = "/healthz"

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
	alive := get("healthz", healthPath, "Whether the program lives; needs no token", "server")
	alive.Security = []map[string][]string{{}}
	route(api, alive, func(context.Context, *struct{}) (*healthAnswer, error) {
		return &healthAnswer{Health{"ok"}}, nil
	})
	op := get("readyz", "/readyz", "Whether commands are taken, and what the log promises", "server")
	route(api, op, s.readyz)
	described := api.OpenAPI().Paths[op.Path].Get.Responses
	described["503"] = &huma.Response{Description: "Not ready", Content: described["200"].Content}
}

func (s *server) readyz(context.Context, *struct{}) (*readyAnswer, error) {
	err := s.Ready()
	if err == nil {
		err = s.views.Err()
	}
	out := &readyAnswer{http.StatusOK, Readiness{Ready: err == nil, Log: s.Promise, Seq: s.views.AsOf().Seq}}
	if err != nil {
		out.Status, out.Body.Reason = http.StatusServiceUnavailable, err.Error()
	}
	return out, nil
}
