package main

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
)

// A repository that gives nothing is no fault of the chart either.
func TestSlowRepository(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("HELM_CACHE_HOME", t.TempDir())
	asked, answer := make(chan bool, 1), make(chan bool)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- true
		<-answer
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	o := rendering(t, saying("x"))
	o.Chart.Archive, o.Chart.Repository = nil, server.URL
	o.Chart.Login.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	done := make(chan error)
	go func() { _, err := o.load(); done <- err }()
	<-asked
	if code := codeOf(o.tooSlow()); code != kube.Unavailable {
		t.Error("the repository does not answer:", code)
	}
	close(answer)
	if err := <-done; err == nil || codeOf(o.tooSlow()) != kube.Invalid {
		t.Error("it has answered:", err, o.tooSlow())
	}
}

// That nothing is rendered in time is the chart's fault, but not while its cluster owes an answer.
func TestWhoseFaultSlownessIs(t *testing.T) {
	asked, answer := make(chan bool), make(chan bool)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- true
		<-answer
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	o := rendering(t, saying("x"))
	o.Op, o.Rendered = helm.Ensure, time.Second
	o.Cluster = &kube.Access{Endpoint: server.URL, CA: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})}
	if code := codeOf(o.tooSlow()); code != kube.Invalid {
		t.Error("nobody was asked:", code)
	}
	done := make(chan error)
	go func() { _, err := o.do(); done <- err }()
	<-asked
	if code := codeOf(o.tooSlow()); code != kube.Unavailable {
		t.Error("the cluster does not answer:", code)
	}
	close(answer)
	go func() {
		for range asked { // whatever else it asks
		}
	}()
	<-done
	close(asked)
	if code := codeOf(o.tooSlow()); code != kube.Invalid {
		t.Error("it has answered:", code)
	}
}
