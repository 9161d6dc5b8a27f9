package aws

import (
	"net/http"
	"strings"
)

// clustersPath is below which the clusters' Kubernetes APIs are.
const clustersPath = "/kubernetes/"

// endpoint is where the Kubernetes API of a cluster is.
func (s *Server) endpoint(id string) string { return s.URL() + clustersPath + id }

// clusterPath takes apart the path of a request to a cluster's Kubernetes API.
func clusterPath(path string) (id, rest string, ok bool) {
	below, ok := strings.CutPrefix(path, clustersPath)
	id, rest, _ = strings.Cut(below, "/")
	return id, "/" + rest, ok
}

func (s *Server) behind(string) error { return nil }

func (s *Server) serveCluster(w http.ResponseWriter, r *http.Request, id, path string) {
	http.NotFound(w, r)
}
